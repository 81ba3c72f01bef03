"""End states: another call with the same effect is right, a call with another effect is not."""

import json

import pytest
from datasets import Dataset

from helpers.dataset import calls
from helpers.evaluation import end_states, score

TIMER = {"name": "HassStartTimer", "arguments": {"hours": 1, "minutes": 30}}
LIGHTS = {"name": "HassTurnOff", "arguments": {"area": "pantry", "domain": "light"}}
NAMED = {"name": "HassTurnOff", "arguments": {"name": "desk lamp", "area": "attic"}}
NOTHING = {"name": "HassNevermind", "arguments": {}}


def judged(expected: dict, *answers: str):
    rows = [calls.record("a command", expected, f"t{n}") for n in range(len(answers))]
    return end_states.judge(score(list(answers), Dataset.from_list(rows)))


@pytest.mark.parametrize(
    "expected, name, arguments, right",
    [
        (TIMER, "HassStartTimer", {"minutes": 90}, True),
        (TIMER, "HassStartTimer", {"minutes": 80}, False),
        (TIMER, "HassStartTimer", {"minutes": 90, "name": "tea"}, False),
        (LIGHTS, "HassTurnOff", {"area": "pantry", "domain": "fan"}, False),
        (LIGHTS, "HassTurnOn", {"area": "pantry", "domain": "light"}, False),
        (LIGHTS, "HassLightSet", {"area": "pantry", "brightness": 0}, True),
        (LIGHTS, "HassTurnOff", {"name": "desk lamp"}, False),
        (NAMED, "HassTurnOff", {"name": "desk lamp"}, True),  # a name needs no room
        (NAMED, "HassTurnOff", {"area": "attic", "domain": "light"}, False),  # there is another lamp in the room
        (NAMED, "HassTurnOff", {"name": "desk lamp", "area": "kitchen"}, False),
        (NAMED, "HassGetState", {"name": "desk lamp"}, False),
        (NOTHING, "HassNoCommand", {}, True),
        (NOTHING, "HassGetCurrentTime", {}, False),
    ],
)
def test_the_effect_decides(expected, name, arguments, right):
    rows = judged(expected, json.dumps({"name": name, "arguments": arguments}))
    assert not rows["exact"][0] and rows["right_end"][0] == right


def test_what_is_no_call_has_no_right_end_and_says_why():
    rows = judged(LIGHTS, "The lights are off.", calls.call_text(**LIGHTS), '{"name":"HassFly","arguments":{}}')
    assert list(rows["right_end"]) == [False, True, False]
    assert rows["effect"][0].startswith("The answer is not JSON") and "HassFly" in rows["effect"][2]


def test_the_table_has_both_scores_with_intervals_and_apart_shows_where_they_differ():
    rows = judged(TIMER, calls.call_text(**TIMER), '{"name":"HassStartTimer","arguments":{"minutes":90}}', "no", "no")
    table = end_states.table(rows)
    assert list(table["value"]) == [25, 50] and list(table.index) == ["exact call", "right end state"]
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    (case,) = end_states.apart(rows).itertuples()
    assert "90" in case.answer and case.effect == "timer: not there → 1 h 30 min left"


def test_long_effects_are_cut_and_an_effect_is_shown_where_there_is_one():
    all_on = '{"name":"HassTurnOn","arguments":{"domain":"light"}}'
    attic_off = '{"name":"HassTurnOff","arguments":{"area":"attic","domain":"light"}}'
    rows = judged(LIGHTS, all_on, attic_off)
    assert rows["effect"][0].endswith("more") and rows["effect"][0].count("→") == end_states.SHOWN
    assert "→ off" in rows["effect"][1]  # with everything off already, nothing would change
