"""Advice: the table of rules is consistent, clear cases get the method they should, and bad answers are refused."""

import itertools

import pytest

from helpers import advice
from helpers.errors import CourseError

HOME = {name: question["here"] for name, question in advice.table()["questions"].items()}


def first(**changed) -> str:
    return advice.recommend(**HOME | changed).index[0]


def test_the_table_refers_to_itself_correctly():
    table = advice.table()
    for rule in table["rules"]:
        assert rule["method"] in table["methods"] and rule["points"] and rule["because"]
        for question, options in rule["when"].items():
            assert set(options) <= set(table["questions"][question]["options"])


@pytest.mark.parametrize(
    "changed, methods",
    [
        ({}, {"LoRA", "SFT of all weights"}),
        ({"wording": "a few fixed phrases"}, {"rules"}),
        ({"domain": "facts that change"}, {"RAG"}),
        ({"labels": "fewer than 50"}, {"constrained decoding"}),
        ({"labels": "fewer than 50", "format": "free text", "hardware": "a hosted large model"}, {"a prompt"}),
        ({"format": "a consistent style", "hardware": "a hosted large model", "labels": "50 to 500",
          "domain": "everyday language", "requests": "under 100"}, {"a few-shot prompt"}),
    ],
)  # fmt: skip
def test_clear_cases(changed, methods):
    assert first(**changed) in methods


def test_every_method_is_the_first_choice_of_some_project():
    questions = advice.table()["questions"]
    options = itertools.product(*(q["options"] for q in questions.values()))
    chosen = {first(**dict(zip(questions, answers, strict=True))) for answers in options}
    assert chosen == set(advice.table()["methods"])


def test_reasons_and_points_agree_and_the_best_stands_first():
    ranked = advice.recommend(**HOME)
    assert list(ranked["points"]) == sorted(ranked["points"], reverse=True)
    assert all(bool(row.because) or row.points == 0 for row in ranked.itertuples())
    assert all(ranked["measure_first"])


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"format": "verse"}, "format is 'verse': choose one of 'free text'"),
        ({"labels": None}, "labels is None: choose"),
        ({"colour": "blue"}, "no question 'colour'"),
    ],
)
def test_a_wrong_answer_is_named(changed, says):
    with pytest.raises(CourseError, match=says):
        advice.recommend(**HOME | changed)
