"""Scores: how often answers to commands are valid, right and exact, with their intervals."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from datasets import Dataset

from helpers.dataset import calls
from helpers.errors import CourseError
from helpers.evaluation.generation import generate

# One name for each figure, here and in every table and plot of the course.
METRICS = {
    "valid": "valid JSON",
    "schema": "valid against the schema",
    "intent": "right intent",
    "exact": "exact call",
    "slot_f1": "slot F1",
}
RESAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True)
class Scores:
    """The answers to one set of commands, judged. `rows` has one row per command."""

    rows: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row for each metric: value, low, high in percent; low and high bound a bootstrap 95% interval."""
        rng = np.random.default_rng(0)
        picks = rng.integers(len(self.rows), size=(RESAMPLES, len(self.rows)))
        metrics = {}
        for key, label in METRICS.items():
            low, high = np.quantile(self._metric(key, picks), [0.025, 0.975])
            metrics[label] = {"value": self.percent(key), "low": 100 * low, "high": 100 * high}
        return pd.DataFrame(metrics).T

    def percent(self, key: str) -> float:
        """One figure in percent: key is one of METRICS."""
        return 100 * float(self._metric(key, np.arange(len(self.rows))[None])[0])

    def failures(self) -> pd.DataFrame:
        """The commands answered wrongly, grouped by kind: how many, and one example of each."""
        wrong = self.rows[self.rows["kind"] != "exact"]
        groups = wrong.groupby("kind")
        first = groups[["command", "expected", "answer"]].first()
        return first.assign(count=groups.size())[["count", *first.columns]].sort_values("count", ascending=False)

    def _metric(self, key: str, picks: np.ndarray) -> np.ndarray:
        """The metric for each row of `picks` (resamples x commands), between 0 and 1."""
        if key != "slot_f1":
            return self.rows[key].to_numpy(float)[picks].mean(axis=1)
        counts = self.rows[["slots_right", "slots_answered", "slots_expected"]].to_numpy(float)
        right, answered, expected = counts[picks].sum(axis=1).T
        return 2 * right / np.maximum(answered + expected, 1)


def score(answers: list[str], records: Dataset, language: str = "en") -> Scores:
    """Judge each answer against the call of its record.

    Raises ValueError when their numbers differ, CourseError for a record whose label is no valid call.
    """
    rows = []
    for number, (answer, row) in enumerate(zip(answers, records, strict=True)):
        command, expected = row["prompt"][-1]["content"], calls.parse(row["completion"][0]["content"])
        if reason := calls.problem(expected, language):
            raise CourseError(f"Row {number} ({command!r}) is labelled with no valid call: {reason}; mend its label.")
        rows.append({"command": command, **_judge(answer, expected, language)})
    return Scores(pd.DataFrame(rows))


def evaluate(model, tokenizer, records: Dataset, language: str = "en", **options) -> Scores:
    """`generate` and `score` in one: how well the model answers the records' prompts."""
    return score(generate(model, tokenizer, list(records["prompt"]), **options), records, language)


def difference(one: Scores, other: Scores) -> pd.DataFrame:
    """How much better `one` did than `other` on the same commands: a row for each metric that both have, but slot F1.

    value, low, high: percentage points with a paired bootstrap 95% interval. only_one, only_other: the commands that
    just one of them got right. p: how often chance alone would split those at least as unevenly (McNemar's exact test).
    Raises ValueError when the commands differ.
    """
    if list(one.rows["command"]) != list(other.rows["command"]):
        raise ValueError("the two were not scored on the same commands")
    picks = np.random.default_rng(0).integers(len(one.rows), size=(RESAMPLES, len(one.rows)))
    metrics = {}
    for key in [k for k in METRICS if k in one.rows and k in other.rows]:
        change = one.rows[key].to_numpy(int) - other.rows[key].to_numpy(int)
        low, high = np.quantile(change[picks].mean(axis=1), [0.025, 0.975])
        won, lost = int((change > 0).sum()), int((change < 0).sum())
        tail = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1)) / 2 ** (won + lost)
        row = {"value": 100 * change.mean(), "low": 100 * low, "high": 100 * high}
        metrics[METRICS[key]] = row | {"only_one": won, "only_other": lost, "p": min(1.0, 2 * tail)}
    return pd.DataFrame(metrics).T


def _judge(answer: str, expected: dict, language: str) -> dict:
    call = calls.parse(answer)
    is_object = isinstance(call, dict)
    arguments = call.get("arguments") if is_object else None
    answered = Counter(_slots(arguments)) if isinstance(arguments, dict) else Counter()
    wanted = Counter(_slots(expected["arguments"]))
    in_schema = calls.problem(call, language) is None
    intent = is_object and call.get("name") == expected["name"]
    exact = in_schema and call == expected
    return {
        "expected": calls.call_text(**expected, language=language),
        "answer": answer,
        "valid": call is not None,
        "schema": in_schema,
        "intent": intent,
        "exact": exact,
        "slots_right": (answered & wanted).total() if intent else 0,  # a slot of another call is worth nothing
        "slots_answered": answered.total(),
        "slots_expected": wanted.total(),
        "kind": _kind(call, in_schema, intent, exact, answered, wanted),
    }


def _slots(arguments: dict) -> Iterator[tuple[str, str]]:
    return ((slot, json.dumps(value)) for slot, value in arguments.items())


def _kind(call, in_schema: bool, intent: bool, exact: bool, answered: Counter, wanted: Counter) -> str:
    if exact:
        return "exact"
    if call is None:
        return "not JSON"
    if not intent:
        return "wrong intent" if in_schema else "not in the schema"
    missing = _names(wanted) - _names(answered)
    if missing:
        return f"slot missing: {min(missing)}"
    extra = _names(answered) - _names(wanted)
    if extra:
        return f"slot too many: {min(extra)}"
    return f"wrong value: {min(_names(wanted - answered))}"


def _names(slots: Counter) -> set[str]:
    return {slot for slot, _ in slots}
