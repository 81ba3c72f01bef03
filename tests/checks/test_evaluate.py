"""The checks of notebook 07, Evaluate: right answers pass, and each usual mistake gets its hint."""

import numpy as np
import pandas as pd
import pytest

from helpers.checks import evaluate as check


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (8.0017, "Right: 8.0 points"),
        (0.080017, "that is a share"),
        (4.0008, "all 384 commands"),
        (4.0825, "1.96 is missing"),
        (16.0033, "whole width"),
        (50, "part by part"),
    ],
)
def test_half_width(answer, says, capsys):
    check.half_width(answer, share=0.8, n=96, commands=384)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (0.4, "Right: p = 0.40"),
        (0.3, "absolute values"),
        (0.1, "at least, not more"),
        (0.6, "nearer to zero"),
        (4, "number of such totals"),
        (0.9, "what share of them"),
    ],
)
def test_permutation(answer, says, capsys):
    rows = ["+++", "+++", "++-", "+-+", "---", "+--", "-++", "++-", "++-", "++-"]  # 4 4 0 6 -4 2 -2 0 0 0
    coins = np.array([[1 if side == "+" else -1 for side in row] for row in rows])
    check.permutation(answer, coins, np.array([3.0, -1.0, 2.0]))
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, worth, says",
    [
        (None, 1, "Not tried"),
        (683, 1, "Right"),
        (60, 1, "half-width"),
        (683, 0.5, "independent ones; commands of these patterns are worth 0.50"),
        (1366, 0.5, "1,366 such commands, or 683 patterns"),
    ],
)
def test_sample_size(answer, worth, says, capsys):
    check.sample_size(answer, share=0.8, margin=0.03, worth=worth)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says", [(None, "Not tried"), (0.0, "raise the threshold"), (0.99, "lower it"), (0.45, "Right: 10% false")]
)
def test_threshold(answer, says, capsys):
    others = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.38, 0.4, 0.9]
    check.threshold(answer, [0.2, 0.5, 0.6, 0.7, 0.95], others)
    assert says.replace("lower it", "lower the threshold") in capsys.readouterr().out


def test_weak_slice(capsys):
    rows = pd.DataFrame({"command": ["a"] * 20 + ["b"] * 20, "exact": [True] * 20 + [False] * 20})
    for answer, says in [
        (None, "Not tried"),
        (lambda row: row.command == "c", "0 rows are too few"),
        (lambda row: row.command == "a", "-50 points below"),
        (lambda row: row.command == "b", "Right: 20 rows, 50 points"),
    ]:
        check.weak_slice(answer, rows)
        assert says in capsys.readouterr().out
