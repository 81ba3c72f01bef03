"""Predictions: noted as they are made, shown beside the result, and no obstacle when none was made."""

import pytest

from helpers.ui import predict


@pytest.mark.parametrize(
    "written, noted",
    [
        ("12", "Noted: 12%"),
        ("12.5 %", "Noted: 12.5%"),
        ("1,200", "Noted: 1,200%"),
        ("a lot", "Write a number"),
        ("", ""),
    ],
)
def test_a_number_is_noted_or_asked_for_again(written, noted):
    prediction = predict.estimate("how many?", "%")
    prediction.control.value = "7"
    prediction.control.value = written
    assert prediction.noted.value.startswith(noted)
    assert (prediction.answer is None) == (not noted.startswith("Noted"))


@pytest.mark.parametrize(
    "written, printed",
    [
        ("", "It is 8%. You made no prediction.\n"),
        ("30", "You said 30%; it is 8%.\n"),
        ("8.5", "You said 8.5%, and so it is.\n"),  # within a tenth
    ],
)
def test_a_number_stands_beside_the_result(written, printed, capsys):
    prediction = predict.estimate("how many?", "%")
    prediction.control.value = written
    prediction.reveal(8)
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    "chosen, printed",
    [
        (None, "It is lower. You made no prediction.\n"),
        ("higher", "You said higher; it is lower.\n"),
        ("lower", "You said lower, and so it is.\n"),
    ],
)
def test_a_choice_stands_beside_the_result(chosen, printed, capsys):
    prediction = predict.choose("the loss is", ["higher", "the same", "lower"])
    prediction.control.value = chosen
    prediction.reveal("lower")
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    "unit, printed", [("answers", "1 answer"), ("families", "1 family"), ("s", "1 s"), ("%", "1%")]
)
def test_one_of_something_is_singular(unit, printed, capsys):
    predict.estimate("how many?", unit).reveal(1)
    assert capsys.readouterr().out == f"It is {printed}. You made no prediction.\n"
