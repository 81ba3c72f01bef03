"""Measures: how good answers of any kind are beside the expected ones, and how sure the difference of two models is."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from sacrebleu.metrics import CHRF
from scipy import stats

from helpers.dataset import calls
from helpers.errors import CourseError

# Every measure gives an answer 0 to 1; `choose` asks for the first four in this order.
MEASURES = {
    "JSON": "of the fields of both objects together, the share that agree in name and value (F1)",
    "number": "1 if the last number in the answer is the expected one",
    "label": "1 if the answer is the expected label, whatever its case and its spaces",
    "exact": "1 if the answer is the expected text, whatever its spaces",
    "chrF": "overlap of pieces of 1 to 6 characters, for answers that may be worded in several ways",
}
MOST = 0.9  # of the answers, from which they count as of one kind
LABELS = 20  # different answers at most, and each used three times on average
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?")
RESAMPLES = 10_000  # of the groups
Z = 1.96  # standard deviations on either side of the middle hold 95% of a normal distribution
FEW = 20  # groups: of fewer, resampling sees too little of the scatter, and Student's t takes its place


def choose(answers: Sequence[str]) -> str:
    """The key of MEASURES that fits the expected answers: by their form alone, so look whether you agree."""
    share = lambda fits: sum(map(fits, answers)) / max(len(answers), 1)
    if share(lambda answer: isinstance(calls.parse(answer), dict)) >= MOST:
        return "JSON"
    if share(lambda answer: NUMBER.fullmatch(answer.strip()) is not None) >= MOST:
        return "number"
    different = len({_plain(answer) for answer in answers})
    if different <= LABELS and 3 * different <= len(answers):
        return "label"
    return "exact" if share(lambda answer: len(answer.split()) <= 4) >= MOST else "chrF"


def judge(measure: str | Callable[[str, str], float], answers: Sequence[str], expected: Sequence[str]) -> np.ndarray:
    """How good each answer is, from 0 to 1. measure: a key of MEASURES, or a function of answer and expected answer.

    Raises CourseError for an unknown measure, for two lists of different length, and for a result outside 0 to 1.
    """
    if len(answers) != len(expected):
        raise CourseError(f"There are {len(answers)} answers to {len(expected)} expected ones: pass one for each.")
    if not callable(measure) and measure not in MEASURES:
        raise CourseError(f"There is no measure {measure!r}: choose one of {', '.join(MEASURES)}, or pass a function.")
    judged = measure if callable(measure) else _JUDGES[measure]
    values = np.array([judged(answer, right) for answer, right in zip(answers, expected, strict=True)], float)
    if len(values) and (values.min() < 0 or values.max() > 1):
        raise CourseError(f"The measure gave {values.min():g} to {values.max():g}: divide, so that 1 is the best.")
    return values


def paired(one: np.ndarray, other: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """How much better `one` did than `other` on the same rows: value, low, high in points of 100, and p.

    one, other: 0 to 1 for each row. groups: a number from 0 for each row; rows of a group are right or wrong together.
    low, high: a 95% interval from resampled groups, or Student's t of FEW groups. p: if the two were equally good, how
    often a coin flip for each group, which of the two gave which answers, would make a difference at least as large.
    """
    change, rng = np.asarray(one, float) - np.asarray(other, float), np.random.default_rng(0)
    number, sizes, by_group = groups.max() + 1, np.bincount(groups), np.bincount(groups, change)
    picks = rng.integers(number, size=(RESAMPLES, number))
    flips = rng.choice([-1.0, 1.0], size=(RESAMPLES, number))
    if number >= FEW:
        low, high = np.quantile(by_group[picks].sum(1) / sizes[picks].sum(1), [0.025, 0.975])
    else:  # one group says nothing of others
        error = np.sqrt(_scatter(change - change.mean(), groups)) / len(change)
        half = stats.t.ppf(0.975, number - 1) * error if number > 1 else 2
        low, high = max(change.mean() - half, -1), min(change.mean() + half, 1)
    if change.min() == change.max():  # resampling then sees no scatter, but other rows may differ
        unseen = wilson(0, number)[1] / 100
        low, high = max(low - unseen, -1), min(high + unseen, 1)
    as_large = np.abs(flips @ by_group) >= abs(change.sum()) - 1e-9
    p = (1 + as_large.sum()) / (1 + RESAMPLES)
    return {"value": 100 * change.mean(), "low": 100 * low, "high": 100 * high, "p": p}


def interval(hits, trials=None, groups=None) -> tuple[float, float]:
    """A 95% interval, in percent, of the share sum(hits) / sum(trials).

    hits, trials, groups: an entry for each command (trials: 1 each; groups: each its own). It is Wilson's interval,
    never of width zero, for as many independent commands as these are worth: the scatter between groups says how many.
    That is at most their number, unless there are hits between 0 and 1, which scatter less than yes and no. Where all
    or none are right, or of one group, there is no scatter, and each group counts once. Source: Dean and Pagano,
    "Evaluating Confidence Interval Methods for Binomial Proportions in Clustered Surveys", 2015.
    """
    hits = np.asarray(hits, float)
    shares = trials is None and not np.isin(hits, (0, 1)).all()
    trials = np.ones(len(hits)) if trials is None else np.asarray(trials, float)
    groups = np.arange(len(hits)) if groups is None else np.asarray(groups)
    commands, number, total = len(hits), groups.max() + 1, max(trials.sum(), 1)
    share = hits.sum() / total
    if share in (0, 1) or number == 1:
        return wilson(share, number)
    scatter = _scatter(hits - share * trials, groups) / total**2
    if_independent = share * (1 - share) / max(commands - 1, 1)
    effect = scatter / if_independent  # of the design: how much more the share scatters than that of so many yes and no
    if shares and effect > 1e-9:
        return wilson(share, commands / effect * (Z / stats.t.ppf(0.975, number - 1)) ** 2)  # Student's t
    return wilson(share, commands / max(effect, 1))


def _scatter(residuals: np.ndarray, groups: np.ndarray) -> float:
    """The variance of a sum over rows, from what each row differs by; rows of a group differ together."""
    sums = np.bincount(groups, residuals)
    return len(sums) / max(len(sums) - 1, 1) * (sums**2).sum()


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95% interval, in percent, of a share between 0 and 1 among `n` independent trials."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return float(100 * np.clip(middle - half, 0, share)), float(100 * np.clip(middle + half, share, 1))


def table(values: dict[str, np.ndarray], groups: np.ndarray) -> pd.DataFrame:
    """A row for each model: value, low, high in percent, with a 95% interval. values: {model: what `judge` gave}."""
    rows = {}
    for name, judged in values.items():
        low, high = interval(judged, groups=groups)
        rows[name] = {"value": 100 * judged.mean(), "low": low, "high": high}
    return pd.DataFrame(rows).T


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip(".")


def _fields(value, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of parsed JSON, as (path, value)."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _fields(inner, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for inner in value:  # a list counts as a bag: one missing entry must not shift all others
            yield from _fields(inner, f"{path}[]")
    else:
        yield path, json.dumps(value)


def _json(answer: str, expected: str) -> float:
    parsed = calls.parse(answer)
    if parsed is None:
        return 0.0
    answered, wanted = Counter(_fields(parsed)), Counter(_fields(calls.parse(expected)))
    return 2 * (answered & wanted).total() / (answered.total() + wanted.total())


def _number(answer: str, expected: str) -> float:
    read = lambda text: [float(number.replace(",", "")) for number in NUMBER.findall(text)][-1:]
    return float(bool(read(answer)) and read(answer) == read(expected))


_CHRF = CHRF()
_JUDGES: dict[str, Callable[[str, str], float]] = {
    "JSON": _json,
    "number": _number,
    "label": lambda answer, expected: float(_plain(answer) == _plain(expected)),
    "exact": lambda answer, expected: float(answer.split() == expected.split()),
    "chrF": lambda answer, expected: _CHRF.sentence_score(answer, [expected]).score / 100,
}
