"""The checks of notebook 07, Evaluate: right answers pass, and each usual mistake gets its hint."""

import pandas as pd
import pytest

from helpers.checks import evaluate as check


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
