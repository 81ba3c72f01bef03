"""What a reader predicts and solves is there again when the notebook is opened again."""

import pytest

from helpers import answers
from helpers.checks import how_training_works as check
from helpers.checks import progress
from helpers.ui import predict
from lessons import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(answers.SWITCH, raising=False)
    return tmp_path


def test_predictions_are_there_again(capsys):
    predict.choose("which?", ["a", "b"]).control.value = "b"
    predict.estimate("how many?", "%").control.value = "1,200"
    chosen, estimated = predict.choose("which?", ["a", "b"]), predict.estimate("how many?", "%")
    assert chosen.answer == "b" and estimated.answer == 1200
    estimated.reveal(8)
    assert "You said 1,200%" in capsys.readouterr().out


def test_an_option_that_is_gone_is_forgotten():
    predict.choose("which?", ["a", "b"]).control.value = "b"
    assert predict.choose("which?", ["a", "c"]).answer is None


def test_solved_exercises_are_counted():
    assert not progress.so_far(ROOT / "notebooks")["solved"].any()
    check.updates(225, examples=2392, batch=8, accumulation=4, epochs=3)
    check.updates(1, examples=2392, batch=8, accumulation=4, epochs=3)  # a later wrong answer does not take it away
    table = progress.so_far(ROOT / "notebooks")
    assert table.loc["00_how_training_works", "solved"] == 1 and table["solved"].sum() == 1
    assert (table["exercises"] >= 3).all()


@pytest.mark.parametrize("spoiled", ["", "{", "[1]", "\x00"])
def test_a_spoiled_file_is_no_obstacle(folder, spoiled):
    (folder / answers.FILE).write_text(spoiled)
    assert answers.kept("solved") == {}
    answers.keep("solved", "one", True)
    assert answers.kept("solved") == {"one": True}


def test_a_folder_that_may_not_be_written_is_no_obstacle(folder, monkeypatch):
    (folder / f"{answers.FILE}.new").mkdir()  # writing fails, whoever runs the test
    answers.keep("solved", "one", True)
    assert answers.kept("solved") == {}


def test_switched_off_nothing_is_kept(folder, monkeypatch):
    monkeypatch.setenv(answers.SWITCH, "0")
    predict.choose("which?", ["a", "b"]).control.value = "b"
    assert not (folder / answers.FILE).exists() and predict.choose("which?", ["a", "b"]).answer is None
