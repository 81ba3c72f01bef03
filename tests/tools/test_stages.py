"""Stages of the checks: each reports, a failure hides none of the others, and the last line names it."""

import os
import signal
import subprocess
import sys

import pytest

from lessons import LESSONS, ROOT, SOLUTIONS
from tools import stages, times


def stage(code: str) -> list[list[str]]:
    return [[sys.executable, "-c", code]]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for module in (stages, times):
        monkeypatch.setattr(module, "TIMES", tmp_path / "times")


def test_a_failed_stage_hides_no_other_and_the_last_line_names_it(capfd):
    chosen = {
        "one": stage("print('ran one')"),
        "two": stage("raise SystemExit(3)"),
        "three": stage("print('ran three')"),
    }
    assert stages.run_all(chosen) == ["two"]
    output = capfd.readouterr().out
    assert "ran one" in output and "ran three" in output
    assert output.splitlines()[-1].startswith("FAILED after") and output.splitlines()[-1].endswith(": two")


def test_when_all_pass_the_last_line_says_so(capfd):
    assert stages.run_all({"one": stage("")}) == []
    assert capfd.readouterr().out.splitlines()[-1].startswith("All stages passed in")


def test_every_notebook_and_solution_is_compared_and_none_is_run_twice_on_nano():
    (compared,) = stages.stages(quick=False)["nbval"]
    assert all(compared.count(str(path.relative_to(ROOT))) == 1 for path in [*LESSONS, *SOLUTIONS])
    assert "papermill" not in stages.stages(quick=False) and "browser" not in stages.stages(quick=True)


@pytest.mark.skipif(os.name != "posix", reason="a shell that ignores Ctrl-C for its background jobs is Unix's")
def test_what_is_started_in_the_background_hears_an_interruption():
    asked = "import signal; print('ignored:', signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    code = (
        "import pathlib, sys\nfrom tools import stages\nstages.TIMES = pathlib.Path(sys.argv[1])\n"
        "stages.run_all({'one': [[sys.executable, '-c', sys.argv[2]]]})"
    )
    ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    command = [sys.executable, "-c", code, str(stages.TIMES), asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=ignore)
    assert "ignored: False" in done.stdout, done.stderr


def test_the_minutes_of_the_last_run_are_shown(capsys):
    stages.run_all({"one": stage("")})
    (stages.TIMES / "unit.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.test_x" name="test_y" time="2.5"/></testsuite></testsuites>',
        encoding="utf-8",
    )
    times.main()
    output = capsys.readouterr().out
    assert "tests.test_x" in output and "2.5" in output and "Minutes by the clock" in output
