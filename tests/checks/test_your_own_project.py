"""The checks of notebook 11: each passes a right answer and says what is wrong with a likely wrong one."""

import json

import pytest

from helpers.checks import your_own_project as check
from helpers.paths import NANO

RIGHT = {kind: measure for kind, (measure, _) in check.FITTING.items()}


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (RIGHT, True, "the form of the answer decides"),
        (RIGHT | {"a reply to a customer": "exact"}, False, "in other words"),
        (RIGHT | {"total of an invoice": "money"}, False, "'money' is no measure"),
        (dict.fromkeys(RIGHT), False, "Not tried yet"),
    ],
)
def test_fitting_measures(answer, right, says, capsys):
    check.fitting_measures(answer)
    printed = capsys.readouterr().out
    assert printed.startswith("Right") == right and says in printed


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        ("these rows do not decide", True, "holds zero"),
        ("better by 4 points", False, "-3 would have been no surprise"),
        ("not better", False, "reaches +11"),
        ("better", False, "choose one of"),
    ],
)
def test_report_sentence(answer, right, says, capsys):
    check.report_sentence(answer, gain=4, low=-3, high=11)
    printed = capsys.readouterr().out
    assert printed.startswith("Right") == right and says in printed


@pytest.mark.parametrize(
    ("answer", "right", "says"), [(400, True, "45 to 55"), (100, False, "40 to 60"), ("many", False, "a number")]
)
def test_rows_to_hold_out(answer, right, says, capsys):
    check.rows_to_hold_out(answer, half_width=5)
    printed = capsys.readouterr().out
    assert printed.startswith("Right") == right and says in printed


@pytest.fixture
def project(tmp_path):
    """The folder that notebook 11 leaves, with nano as its model."""
    for name in ("job", "model"):
        (tmp_path / name).mkdir()
    (tmp_path / "job" / "sft.yaml").write_text("seed: 0\n")
    for path in NANO.iterdir():
        if path.is_file():
            (tmp_path / "model" / path.name).write_bytes(path.read_bytes())
    started = {"file": "my.csv", "sha256": "abc123", "model": "nano", "question": "what is a lamp?"}
    (tmp_path / "started.json").write_text(json.dumps(started))
    (tmp_path / "report.html").write_text("<p>abc123</p>")
    return tmp_path


def test_a_finished_project_answers(project, capsys):
    check.finished_project(project)
    assert "Right: my.csv has become a model" in capsys.readouterr().out


def test_what_a_project_lacks_is_said(project, capsys):
    (project / "report.html").write_text("<p>another file</p>")
    check.finished_project(project)
    assert "of another file" in capsys.readouterr().out
    (project / "report.html").unlink()
    check.finished_project(project)
    assert "holds no report.html" in capsys.readouterr().out


def test_the_file_that_comes_along_is_no_own_project(project, capsys):
    (project / "started.json").write_text(json.dumps({"file": "commands.csv"}))
    check.finished_project(project)
    assert "pass another one" in capsys.readouterr().out
