"""Advice: which method a project should try first, by the table of rules in data/advice.json."""

import json
from functools import lru_cache

import pandas as pd

from helpers.commands import DATA
from helpers.errors import CourseError


@lru_cache
def table() -> dict:
    """The questions with their options and this course's own answer ("here"), the methods with what to measure first,
    and the rules that give points."""
    return json.loads((DATA / "advice.json").read_text(encoding="utf-8"))


def recommend(**project: str) -> pd.DataFrame:
    """The methods, best first: points, because (the reasons, strongest first) and measure_first.

    project: one option for each question of `table()`. Raises CourseError for an unknown question or option.
    """
    questions = table()["questions"]
    for name, question in questions.items():
        if project.get(name) not in question["options"]:
            options = ", ".join(map(repr, question["options"]))
            raise CourseError(f"{name} is {project.get(name)!r}: choose one of {options}.")
    if unknown := set(project) - set(questions):
        raise CourseError(f"There is no question {min(unknown)!r}: the questions are {', '.join(questions)}.")
    found = []
    for method, measure_first in table()["methods"].items():
        fit = [r for r in table()["rules"] if r["method"] == method and _applies(r["when"], project)]
        reasons = [r["because"] for r in sorted(fit, key=lambda r: -abs(r["points"]))]
        points = sum(r["points"] for r in fit)
        found.append(
            {"method": method, "points": points, "because": "; ".join(reasons), "measure_first": measure_first}
        )
    return pd.DataFrame(found).set_index("method").sort_values("points", ascending=False, kind="stable")


def _applies(when: dict, project: dict) -> bool:
    return all(project[name] in options for name, options in when.items())
