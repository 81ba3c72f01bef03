"""Traces of reasoning: made from a call, and taken off again."""

from helpers.dataset import calls, traces

RECORD = calls.record(
    "lift up kitchen shade",
    {"name": "HassTurnOn", "arguments": {"domain": "cover", "area": "kitchen", "device_class": "shade"}},
    "a pattern",
)


def test_a_trace_names_the_arguments_and_then_the_action():
    answer = traces.with_trace(RECORD)["completion"][0]["content"]
    assert answer.startswith("<think>\narea: kitchen\ndomain: cover\ndevice_class: shade\naction: HassTurnOn\n</think>")


def test_the_call_follows_the_trace_and_the_record_is_left_as_it_was():
    text = RECORD["completion"][0]["content"]
    traced = traces.with_trace(RECORD)
    assert traces.after(traced["completion"][0]["content"]) == text
    assert RECORD["completion"][0]["content"] == text and traced["template"] == RECORD["template"]


def test_an_answer_without_reasoning_stays_and_one_that_never_ends_it_is_empty():
    assert traces.after('{"name":"HassNevermind"}') == '{"name":"HassNevermind"}'
    assert traces.after("<think>\narea: kitchen") == ""
