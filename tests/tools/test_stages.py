"""`make check` and `make test` go on after a red stage and name it last; `make times` reads what they recorded."""

import os
import signal
import subprocess
import sys

import pytest

from helpers.errors import CourseError
from lessons import LESSONS, ROOT, SOLUTIONS
from tools import chromium, debian, stages, times

RED, GREEN = ([sys.executable, "-c", f"raise SystemExit({code})"] for code in (1, 0))


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The folder of the recorded times, not that of the run that this test is part of."""
    for module in (stages, times):
        monkeypatch.setattr(module, "TIMES", tmp_path / "times")
    return tmp_path / "times"


def test_a_red_stage_hides_no_other_and_is_named_last(capfd):
    assert stages.run_all({"a": [RED, GREEN], "b": [GREEN], "c": [GREEN, RED]}) == ["a", "c"]
    *_, table, last = capfd.readouterr().out.splitlines()
    assert table.startswith("c ") and table.endswith("FAILED")
    assert last == "FAILED after 0.0 minutes: a, c"


def test_the_last_line_says_that_all_passed(capfd):
    assert stages.run_all({"a": [GREEN], "b": [GREEN]}) == []
    assert capfd.readouterr().out.splitlines()[-1] == "All stages passed in 0.0 minutes"


def test_every_notebook_is_compared_once_and_the_longest_first():
    paths = stages.notebooks()
    assert sorted(paths) == sorted(str(path.relative_to(ROOT)) for path in LESSONS + SOLUTIONS)
    assert paths[0] == "notebooks/05_train_with_sfttrainer.ipynb"


def test_no_lesson_runs_twice_on_nano():
    assert "papermill" not in stages.stages(quick=False) and "browser" not in stages.stages(quick=True)
    for quick in (True, False):
        unit = stages.stages(quick)["unit"][0]
        assert {f"--ignore={stages.BROWSER}", f"--ignore={stages.PAPERMILL}"} <= set(unit)
    assert all((ROOT / path).exists() for path in (stages.BROWSER, stages.PAPERMILL))


def test_an_unknown_stage_is_named():
    command = [sys.executable, "-m", "tools.stages", "check", "--only", "browser"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "make check has no stage browser: choose from lint, unit, alone, papermill" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="only a POSIX shell has a background job ignore SIGINT")
def test_started_in_the_background_its_tests_can_interrupt_what_they_start(recorded):
    ask = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)"
    code = (
        "import pathlib, sys; from tools import stages; stages.TIMES = pathlib.Path(sys.argv[1]); "
        "stages.run_all({'a': [[sys.executable, '-c', sys.argv[2]]]})"
    )
    ignored = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    command = [sys.executable, "-c", code, str(recorded), ask]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, preexec_fn=ignored)
    assert "True" in done.stdout.splitlines(), done


def test_times_are_those_of_the_last_run(recorded, capsys):
    with pytest.raises(CourseError, match="run make check or make test first"):
        times.main()
    recorded.mkdir()
    test = recorded.with_name("test_sample.py")
    test.write_text("def test_quick(): pass\ndef test_other(): pass\n", encoding="utf-8")
    stages.run_all({"sample": [stages.pytest("-p", "no:cacheprovider", str(test))]})
    times.main()
    said = capsys.readouterr().out
    assert "sample" in said and "test_sample" in said and said.count("test_quick") == 1


def test_a_browser_is_brought_from_debian_else_by_playwright_else_missed_in_one_sentence(monkeypatch):
    asked, here = [], set()
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "find", lambda: next(iter(here), None))
    monkeypatch.setattr(debian, "install", lambda package: asked.append(package) or "debian" in here)
    monkeypatch.setattr(chromium.subprocess, "run", lambda command, **how: asked.append(command[-2:]))
    with pytest.raises(CourseError, match="apt-get install chromium"):
        chromium.bring()
    assert asked == ["chromium", ["install", "chromium"]]
    here.add("/usr/bin/chromium")
    assert chromium.bring() == "/usr/bin/chromium" and len(asked) == 2


def test_a_wrong_name_in_chromium_is_said(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "there-is-no-such-browser")
    with pytest.raises(CourseError, match="CHROMIUM is 'there-is-no-such-browser', which is no program"):
        chromium.find()


def test_nothing_is_installed_where_apt_or_the_right_to_it_is_missing(monkeypatch):
    monkeypatch.setattr(debian.shutil, "which", lambda program: None)
    assert debian.install("chromium") is False
