"""`make ready` says what is missing for a class and what to do, and derives 05's minutes from the notebook itself."""

import socket
import subprocess
import sys
import webbrowser

import nbformat
import pytest

from helpers.training import run_log
from lessons import ROOT, read
from tools import ready
from tools.ready import Finding


@pytest.mark.parametrize("check", [ready.python, ready.packages, ready.port, ready.widgets])
def test_nothing_is_missing_where_the_tests_run(check):
    assert check().found and not check().remedy


@pytest.mark.parametrize(
    "finding, says",
    [
        (ready.python((3, 10, 4)), "install Python 3.11"),
        (ready.disk(free=0.5), "free 3.5 GB, or move the course to another disk"),
        (ready.memory(free=3.0), 'train model_name = "nano"'),
        (ready.widgets(folders=[]), "install --force-reinstall jupyterlab_widgets"),
    ],
)
def test_what_is_missing_comes_with_what_to_do(finding, says):
    assert says in finding.remedy


def test_a_port_that_is_taken_is_passed_over():
    with socket.socket() as taken, socket.socket() as probe:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert "make lab LAB_ARGS" in ready.port(range(number, number + 1)).remedy
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert ready.port(range(free, free + 1)) == Finding(f"{free} is free")


def test_a_package_of_another_version_or_none_is_named(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text("pytest==0.1  # old\nno-such-package==1.0\n# a comment\n", encoding="utf-8")
    found = ready.packages(pins)
    assert found.found.startswith("2 of 2 are not as pinned (pytest ") and "no-such-package is missing" in found.found
    assert found.remedy == ready.SETUP


def test_without_any_browser_the_address_can_be_opened_elsewhere(monkeypatch):
    def none():
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)
    monkeypatch.setenv("PATH", "")
    assert "--no-browser" in ready.browser().remedy


def test_an_empty_cache_lacks_model_and_dataset_and_is_not_filled(monkeypatch, tmp_path):
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path))
    assert "python -m helpers.model" in ready.model().remedy
    assert "python -m helpers.dataset" in ready.dataset().remedy
    assert not list(tmp_path.iterdir())


def test_the_updates_are_those_of_the_notebook_and_the_minutes_follow_the_update(monkeypatch, tmp_path):
    updates, trained, others = ready.minutes_of_05(step=2.0)
    run = run_log.recorded(ready.RECORDED)
    assert updates == run["log"][-1]["step"], "the recorded run is one of the default parameters"
    assert trained == pytest.approx(updates * 2 / 60)
    here = 60 * run["minutes"] / updates  # as fast as where it was recorded: the minutes that the notebook states
    assert sum(ready.minutes_of_05(here)[1:]) == pytest.approx(read(ready.NOTEBOOK).metadata["course"]["minutes"])

    changed = read(ready.NOTEBOOK)
    parameters = next(cell for cell in changed.cells if cell.id == "parameters")
    parameters.source += "\ntrain_examples, batch_size, epochs = 320, 8, 2.0"
    nbformat.write(changed, tmp_path / "05.ipynb")
    monkeypatch.setattr(ready, "NOTEBOOK", tmp_path / "05.ipynb")
    assert ready.minutes_of_05(step=2.0)[0] == 80


def test_a_step_is_timed_by_training_with_the_notebook_s_own_batch():
    assert 0 < ready.seconds_of_a_step("nano") < 60


def test_a_class_that_would_wait_too_long_is_told_what_to_show_instead(monkeypatch):
    monkeypatch.setattr(ready, "seconds_of_a_step", lambda: 60.0)
    slow = ready.training()
    assert "which is an estimate" in slow.found and "show the recorded run" in slow.remedy
    monkeypatch.setattr(ready, "seconds_of_a_step", lambda: 0.5)
    assert not ready.training().remedy


@pytest.mark.parametrize("remedy, status", [("", 0), ("buy a disk", 1)])
def test_the_exit_status_says_whether_something_is_missing(remedy, status, monkeypatch, capsys):
    monkeypatch.setattr(ready, "findings", lambda: iter([("disk", Finding("1 GB", remedy)), ("port", Finding("8888"))]))
    assert ready.main() == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("MISSING disk" if remedy else "ok      disk") and lines[0].endswith(remedy)
    assert "make ready" in lines[-1] if remedy else "can hold the class" in lines[-1]


def test_training_is_not_timed_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(
        ready, "QUICK", {"packages": lambda: Finding("all"), "memory": lambda: Finding("1 GB", "close")}
    )
    monkeypatch.setattr(ready, "INSTALLED", {"model": lambda: Finding("in"), "dataset": lambda: Finding("in")})
    monkeypatch.setattr(ready, "training", lambda: pytest.fail("trained"))
    assert dict(ready.findings())["training"] == Finding("not timed", "put right first: memory")


def test_it_runs_before_anything_is_installed():
    """Without site-packages there is nothing but Python: it says what is missing instead of failing."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "tools.ready"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert "MISSING packages" in done.stdout and "run `make setup`" in done.stdout
