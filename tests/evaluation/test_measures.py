"""The measure fits the answers, and a difference is measured by groups."""

import numpy as np
import pytest
from scipy import stats

from helpers.errors import CourseError
from helpers.evaluation import measures


@pytest.mark.parametrize(
    ("answers", "measure"),
    [
        (['{"a": 1}', '{"b": 2}'], "JSON"),
        (["12", "-3.5", "1,000"], "number"),
        (["yes", "no", "Yes."] * 4, "label"),
        (["Paris", "Oslo", "New York"], "exact"),
        (["It is the capital of France.", "Because the moon pulls at the sea."], "chrF"),
    ],
)
def test_choose_looks_at_the_form_of_the_answers(answers, measure):
    assert measures.choose(answers) == measure


@pytest.mark.parametrize(
    ("measure", "answer", "expected", "value"),
    [
        ("JSON", '{"a": 1, "b": {"c": "x"}}', '{"b": {"c": "x"}, "a": 1}', 1),
        ("JSON", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        ("JSON", "Sure! {}", '{"a": 1}', 0),
        ("JSON", '{"a": [1, 2]}', '{"a": [2, 1]}', 1),
        ("number", "The result is 1,204.50", "1204.5", 1),
        ("number", "between 3 and 4", "3", 0),
        ("number", "I do not know", "3", 0),
        ("label", " Positive.", "positive", 1),
        ("exact", "New  York", "New York", 1),
        ("exact", "new york", "New York", 0),
        ("chrF", "the same words", "the same words", 1),
    ],
)
def test_judge(measure, answer, expected, value):
    assert measures.judge(measure, [answer], [expected])[0] == pytest.approx(value)


def test_chrf_prefers_the_closer_answer():
    close, far = measures.judge("chrF", ["a cat sat here", "42"], ["the cat sat here", "the cat sat here"])
    assert 0 <= far < close < 1


def test_a_function_of_the_reader_is_a_measure():
    longer = lambda answer, expected: float(len(answer) > len(expected))
    assert measures.judge(longer, ["abc", "a"], ["ab", "ab"]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("measure", "answers", "said"),
    [("f1", ["a"], "no measure 'f1'"), ("exact", ["a", "b"], "2 answers to 1"), (lambda a, b: 50.0, ["a"], "50 to 50")],
)
def test_what_cannot_be_judged_is_said(measure, answers, said):
    with pytest.raises(CourseError, match=said):
        measures.judge(measure, answers, ["a"])


def test_paired_finds_a_difference_and_none_where_there_is_none():
    groups = np.repeat(np.arange(40), 2)
    better, same = np.ones(80), np.tile([0.0, 1.0], 40)
    found, none = measures.paired(better, same, groups), measures.paired(same, same, groups)
    assert found["low"] > 0 and found["p"] < 0.01
    assert none["value"] == 0 and none["low"] < 0 < none["high"] and none["p"] == 1


def test_rows_of_one_group_count_together():
    better = np.array([1.0] * 20 + [0.0] * 20)
    worse = np.zeros(40)
    apart, together = (measures.paired(better, worse, groups) for groups in (np.arange(40), np.repeat([0, 1], 20)))
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_few_groups_seldom_show_a_difference_that_is_not_there(number):
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(number), 10)
    shown = 0
    for _ in range(200):
        of_group = np.repeat(rng.normal(0, 0.2, number), 10)
        one = np.clip(0.5 + of_group + rng.normal(0, 0.1, len(groups)), 0, 1)
        difference = measures.paired(one, np.full(len(groups), 0.5), groups)
        shown += difference["low"] > 0 or difference["high"] < 0
    assert shown <= 20  # 10, if the interval is right


def test_one_group_is_worth_one_command():
    hits, one = np.array([1, 1, 0, 1.0]), np.zeros(4, int)
    assert measures.interval(hits, groups=one) == measures.wilson(0.75, 1)


def test_table_gives_each_model_an_interval():
    frame = measures.table({"before": np.zeros(30), "after": np.full(30, 0.5)}, np.arange(30))
    assert list(frame.columns) == ["value", "low", "high"]
    assert (frame["low"] < frame["high"]).all() and frame.loc["after", "value"] == 50


def test_shares_of_an_answer_have_the_interval_of_their_mean():
    values = np.random.default_rng(0).normal(0.36, 0.07, 60).clip(0, 1)  # as chrF gives them
    low, high = measures.interval(values)
    of_mean = stats.ttest_1samp(100 * values, 0).confidence_interval()
    assert (low, high) == pytest.approx((of_mean.low, of_mean.high), abs=0.1)
    yes_or_no = (values > 0.36).astype(float)
    assert measures.interval(yes_or_no) == measures.wilson(yes_or_no.mean(), 60)


def test_shares_of_few_groups_scatter_as_their_groups_do():
    rng, groups, missed = np.random.default_rng(0), np.repeat(np.arange(6), 10), 0
    for _ in range(300):
        values = np.repeat(rng.normal(0.5, 0.1, 6), 10) + rng.normal(0, 0.03, 60)
        low, high = measures.interval(values.clip(0, 1), groups=groups)
        missed += not low <= 50 <= high
    assert missed <= 30  # 15, if the interval is right
