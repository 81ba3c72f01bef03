"""Scores: how often answers to commands are valid, right and exact, with their intervals.

Commands made from one sentence pattern are right or wrong together more often than others, so that a hundred of them
are worth fewer. Intervals and tests therefore count patterns; a command without a pattern counts as one of its own.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from datasets import Dataset

from helpers.dataset import calls
from helpers.errors import CourseError
from helpers.evaluation.generation import generate
from helpers.evaluation.measures import interval, paired

# One name for each figure, here and in every table and plot of the course.
METRICS = {
    "valid": "valid JSON",
    "schema": "valid against the schema",
    "intent": "right intent",
    "exact": "exact call",
    "slot_f1": "slot F1",
}


@dataclass(frozen=True)
class Scores:
    """The answers to one set of commands, judged. `rows` has one row per command; its `pattern` may be left out."""

    rows: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row for each metric: value, low, high in percent, where low and high bound a 95% interval (`interval`)."""
        metrics = {}
        for key, label in METRICS.items():
            hits, trials = self._counts(key)
            low, high = interval(hits, trials, patterns(self.rows))
            metrics[label] = {"value": self.percent(key), "low": low, "high": high}
        return pd.DataFrame(metrics).T

    def percent(self, key: str) -> float:
        """One figure in percent: key is one of METRICS."""
        hits, trials = self._counts(key)
        return float(100 * hits.sum() / max(trials.sum(), 1))

    def failures(self) -> pd.DataFrame:
        """The commands answered wrongly, grouped by kind: how many, and one example of each."""
        wrong = self.rows[self.rows["kind"] != "exact"]
        groups = wrong.groupby("kind")
        first = groups[["command", "expected", "answer"]].first()
        return first.assign(count=groups.size())[["count", *first.columns]].sort_values("count", ascending=False)

    def _counts(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """For each command, what was right and out of how many: the metric is the first's sum over the second's."""
        if key != "slot_f1":
            return self.rows[key].to_numpy(float), np.ones(len(self.rows))
        right, answered, expected = self.rows[["slots_right", "slots_answered", "slots_expected"]].to_numpy(float).T
        return 2 * right, answered + expected


def patterns(rows: pd.DataFrame) -> np.ndarray:
    """The number of each row's sentence pattern, from 0; a row without one is a pattern of its own."""
    return pd.factorize(rows.get("pattern", rows.index))[0]


def score(answers: list[str], records: Dataset, language: str = "en") -> Scores:
    """Judge each answer against the call of its record.

    Raises ValueError when their numbers differ, CourseError for a record whose label is no valid call.
    """
    rows = []
    for number, (answer, row) in enumerate(zip(answers, records, strict=True)):
        command, expected = row["prompt"][-1]["content"], calls.parse(row["completion"][0]["content"])
        if reason := calls.problem(expected, language):
            raise CourseError(f"Row {number} ({command!r}) is labelled with no valid call: {reason}; mend its label.")
        pattern = row.get("template") or f"row {number}"
        rows.append({"command": command, "pattern": pattern, **_judge(answer, expected, language)})
    return Scores(pd.DataFrame(rows))


def evaluate(model, tokenizer, records: Dataset, language: str = "en", **options) -> Scores:
    """`generate` and `score` in one: how well the model answers the records' prompts."""
    return score(generate(model, tokenizer, list(records["prompt"]), **options), records, language)


def difference(one: Scores, other: Scores) -> pd.DataFrame:
    """How much better `one` did than `other` on the same commands: a row for each metric that both have, but slot F1.

    value, low, high, p: of `paired`, with sentence patterns as groups. only_one, only_other: the commands that just one
    of them got right. Raises ValueError when the commands differ.
    """
    if list(one.rows["command"]) != list(other.rows["command"]):
        raise ValueError("the two were not scored on the same commands")
    groups, metrics = patterns(one.rows), {}
    for key in [k for k in METRICS if k != "slot_f1" and k in one.rows and k in other.rows]:
        hits, of_other = one.rows[key].to_numpy(int), other.rows[key].to_numpy(int)
        metrics[METRICS[key]] = {
            **paired(hits, of_other, groups),
            "only_one": int((hits > of_other).sum()),
            "only_other": int((hits < of_other).sum()),
        }
    columns = ["value", "low", "high", "only_one", "only_other", "p"]
    return pd.DataFrame(metrics, index=columns).T


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
    wrong = _names(wanted - answered)
    return f"wrong value: {min(wrong)}" if wrong else "not in the schema"  # right slots in no form of a call


def _names(slots: Counter) -> set[str]:
    return {slot for slot, _ in slots}
