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
        ("these rows do not decide", True, "contains zero"),
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


PLANNED = {"updates": 52, "updates an epoch": 26, "pack": False, "why": "only 9% of a random batch is padding"}
ASKED = ["switch on the lamp", "switch on the lamps", "what time is it", "close the door"]
CLUSTER = [0, 0, 1, 2]
CALLS = ['{"name": "on"}', '{"name": "off"}'] * 20
LENGTHS = [60, 75, 90]
MAY_SAY = {claim: allowed for claim, (allowed, _) in check.CLAIMS.items()}
GAIN = {"value": 4.0, "low": -3.0, "high": 11.0}


@pytest.mark.parametrize(
    ("judge", "answer", "beside", "right", "says"),
    [
        (check.kept_together, CLUSTER, (CLUSTER, ASKED), True, "4 rows in 3 groups"),
        (check.kept_together, range(4), (CLUSTER, ASKED), False, "'switch on the lamp' could be trained on"),
        (check.kept_together, [0, 0, 0, 0], (CLUSTER, ASKED), False, "nothing to part"),
        (check.kept_together, [0, 1], (CLUSTER, ASKED), False, "4 rows, so 4 numbers"),
        (check.fitting_measure, "JSON", (CALLS,), True, "share that agree"),
        (check.fitting_measure, "exact", (CALLS,), False, "look at an answer of the file"),
        (check.fitting_measure, "F1", (CALLS,), False, "is no measure"),
        (check.fitting_length, 128, (LENGTHS, 2048), True, "nothing is cut"),
        (check.fitting_length, 64, (LENGTHS, 2048), False, "2 of 3 rows are longer"),
        (check.fitting_length, 1024, (LENGTHS, 2048), False, "room that nothing fills"),
        (check.fitting_length, 128, (LENGTHS, 96), False, "the model reads 96 tokens"),
        (check.adapter_rate, 4e-3, (4e-4,), True, "10 times 0.0004"),
        (check.adapter_rate, 4e-4, (4e-4,), False, "too small"),
        (check.adapter_rate, 1.0, (4e-4,), False, "begin with about ten times"),
        (check.adapter_rate, "fast", (4e-4,), False, "a number above 0"),
        (check.updates, 52, (PLANNED,), True, "26 in an epoch"),
        (check.updates, 51.75, (PLANNED,), False, "may be smaller"),
        (check.packing, False, (PLANNED,), True, "only 9%"),
        (check.packing, True, (PLANNED,), False, "only 9%"),
        (check.interval_read, "these rows do not decide", (GAIN,), True, "contains zero"),
        (check.interval_read, "worth it", (GAIN,), False, "zero is in it"),
        (check.interval_read, "worth it", (GAIN | {"low": 1.0},), True, "above zero"),
        (check.interval_read, "worth it", (GAIN | {"high": -1.0},), False, "-3.0 to -1.0"),
        (check.interval_read, "the rival is better", (GAIN | {"high": -1.0},), True, "below zero"),
        (check.interval_read, "yes", (GAIN,), False, "choose one of"),
        (check.may_say, MAY_SAY, (), True, "what nobody has tried"),
        (check.may_say, dict.fromkeys(MAY_SAY, True), (), False, "nobody has asked it every question"),
        (check.may_say, dict.fromkeys(MAY_SAY), (), False, "Not tried yet"),
    ],
)
def test_a_blank_of_the_capstone(judge, answer, beside, right, says, capsys):
    judge(answer, *beside)
    printed = capsys.readouterr().out
    assert printed.startswith("Right") == right and says in printed


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        ("prompt=command,completion=call", True, "asked 'open the door'"),
        ("prompt=call,completion=command", False, "would learn to say 'open the door'"),
        ("prompt=question,completion=call", False, "question"),
        ("command", False, "is no mapping"),
        ("text=command", False, "name two columns"),
    ],
)
def test_the_columns_of_a_file(answer, right, says, tmp_path, capsys):
    path = tmp_path / "commands.csv"
    path.write_text('command;call\nopen the door;{"name": "open"}\nshut it;{"name": "shut"}\n', encoding="utf-8")
    check.columns(answer, path)
    printed = capsys.readouterr().out
    assert printed.startswith("Right") == right and says in printed
