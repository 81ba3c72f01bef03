"""The label budget keeps to its budget, wants a guess first, and shows what each round bought."""

import pytest

from helpers.ui.budget import GUESS, LabelBudget


@pytest.fixture
def bought():
    return []


@pytest.fixture
def game(bought):
    def train(labels):
        bought.append(labels)
        return {"one": 10.0 + labels["one"], "two": 30.0}

    return LabelBudget(["one", "two"], 100, train)


def test_a_round_needs_a_guess(game, bought):
    game.labels["one"].value = 40
    game.button.click()
    assert game.status.value == GUESS and not bought


def test_labels_over_the_budget_are_not_bought(game, bought):
    game.guess.value = 30
    for slider in game.labels.values():
        slider.value = 60
    assert game.status.value == "That is 120 labels of 100: take 20 away first."
    game.button.click()
    assert not bought


def test_each_round_is_a_row_beside_the_guess(game, bought):
    game.guess.value = 30
    game.button.click()
    game.labels["one"].value = 100
    game.button.click()
    assert bought == [{"one": 0, "two": 0}, {"one": 100, "two": 0}]
    assert list(game.rounds["mean (%)"]) == [20, 70] and "round 2" in game.shown.value
    assert game.status.value == "Mean of all kinds: 70%, and you guessed 30%." and not game.button.disabled


def test_an_error_of_the_training_is_shown_and_the_next_round_works(game):
    game.guess.value = 30
    game.train = lambda labels: 1 / 0
    game.button.click()
    assert game.status.value == "The round failed: division by zero" and not game.button.disabled
