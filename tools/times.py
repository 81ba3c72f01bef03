"""`make times`: where the minutes of the last `make check` or `make test` went, by stage, file and test."""

import json
import sys
from xml.etree import ElementTree

import pandas as pd

from helpers.errors import CourseError
from tools.stages import TIMES


def cases() -> pd.DataFrame:
    """Every test of the last run: its stage, file and name, and its seconds with those of its fixtures."""
    rows = []
    for report in sorted(TIMES.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            rows.append((report.stem, case.get("classname"), case.get("name"), float(case.get("time"))))
    return pd.DataFrame(rows, columns=["stage", "file", "test", "seconds"])


def stages() -> pd.DataFrame:
    """Every stage of the last run: its minutes by the clock."""
    if not (TIMES / "stages.json").exists():
        raise CourseError("No run is recorded yet: run make check or make test first.")
    seconds = json.loads((TIMES / "stages.json").read_text(encoding="utf-8"))
    return pd.DataFrame(seconds.items(), columns=["stage", "seconds"])


def main() -> None:
    by_clock, tests = stages(), cases()
    files = tests.groupby(["stage", "file"], as_index=False)["seconds"].sum().nlargest(40, "seconds")
    tables = {
        "Minutes by the clock": by_clock.assign(minutes=by_clock.pop("seconds") / 60),
        "Files and notebooks, seconds of their tests (two run at a time)": files,
        "The 20 slowest tests and cells": tests.nlargest(20, "seconds"),
    }
    for title, table in tables.items():
        print(f"{title}\n{table.to_string(index=False, float_format='{:.1f}'.format)}\n")


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        sys.exit(str(error))
