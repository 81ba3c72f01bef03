"""Calls: an invalid one is named, and JSON around one is no call."""

import pytest

from helpers.dataset import calls
from helpers.errors import CourseError


@pytest.mark.parametrize(
    "call, reason",
    [
        ("turn on", "not an object"),
        ({"name": "HassTurnOn"}, "not an object"),
        ({"name": "HassFly", "arguments": {}}, "no call named 'HassFly'"),
        ({"name": ["HassTurnOn"], "arguments": {}}, "no call named"),
        ({"name": "HassTurnOn", "arguments": {}}, "arguments must contain"),
        ({"name": "HassTurnOn", "arguments": {"colour": "red"}}, "colour"),
        ({"name": "HassSetVolume", "arguments": {"volume_level": "30"}}, "volume_level must be integer"),
        ({"name": "HassSetVolume", "arguments": {"volume_level": 130}}, "volume_level must be smaller"),
        ({"name": "HassTurnOn", "arguments": {"area": "den", "domain": "spaceship"}}, "domain must be one of"),
    ],
)
def test_an_invalid_call_is_named(call, reason):
    assert reason in calls.problem(call)


@pytest.mark.parametrize("answer, value", [('{"a": 1}', {"a": 1}), ('{"a": 1} ok', None), ("", None), ("null", None)])
def test_only_a_whole_answer_is_parsed(answer, value):
    assert calls.parse(answer) == value


def test_a_command_that_is_no_text_is_refused():
    with pytest.raises(CourseError, match="has to be text, and this one is 7"):
        calls.prompt(7)
