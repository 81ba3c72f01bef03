"""The trial of functions that training never saw: what is in its rows, and what must not be."""

import json
import random

from tools import held_out_tools as tool


def functions(row: dict) -> list[str]:
    """The functions that the row's prompt describes, in order."""
    return [line.split(":")[0] for line in row["prompt"][0]["content"].splitlines()[1:]]


def test_training_has_no_held_out_function_in_prompt_or_answer():
    rows, asked = tool.split(random.Random(0))
    held = {row["intent"] for row in asked["held out"]}
    assert rows and 0 < len(held) <= tool.HELD_OUT
    for row in rows:
        assert row["intent"] in functions(row) and len(set(functions(row))) == tool.DESCRIBED
        assert not held & set(functions(row))


def test_each_asked_prompt_describes_its_own_function_under_the_name_that_the_answer_has():
    _, asked = tool.split(random.Random(1))
    for kind, rows in asked.items():
        for row in rows:
            call = json.loads(row["completion"][0]["content"])
            assert call["name"] == row["intent"] and row["intent"] in functions(row), kind
    assert all(row["intent"].startswith("Home") for row in asked["seen, renamed"])


def test_the_right_function_has_no_place_of_its_own():
    rows, _ = tool.split(random.Random(0))
    places = [functions(row).index(row["intent"]) for row in rows]
    assert all(places.count(place) > len(rows) / 6 for place in range(tool.DESCRIBED))
