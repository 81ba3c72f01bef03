"""The checks of notebook 08, Improve: right answers pass, and each usual mistake gets its hint."""

import json

import pandas as pd
import pytest

from helpers.checks import improve
from helpers.checks.protocol import MIME


def verdict(capture, check, answer, *args, **kwargs):
    """What the check says of an answer."""
    check(answer, *args, **kwargs)
    return capture()


@pytest.fixture
def said(monkeypatch):
    """A function that gives what the last check displayed: its data."""
    shown = []
    monkeypatch.setattr("helpers.checks.protocol.display", shown.append)
    return lambda: shown[-1]._repr_mimebundle_()[MIME]


def call(name, **arguments):
    return json.dumps({"name": name, "arguments": arguments})


@pytest.fixture
def judged():
    names = ["A"] * 5 + ["B"] * 4 + ["C"] * 3 + ["D"] * 2 + ["E"]
    exact = [False] * 14 + [False]
    rows = pd.DataFrame({"expected": [call(name) for name in names], "exact": exact})
    right = pd.DataFrame({"expected": [call("A")] * 30 + [call("F")] * 5, "exact": True})
    return pd.concat([rows, right], ignore_index=True)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (["A", "A", "B"], "a list of three different names"),
        (["A", "B", "F"], "F has no wrong call"),
        (["B", "C", "D"], "what costs the score is their number"),
        (["A", "B", "D"], "another intent"),
    ],
)
def test_most_errors_says_what_is_wrong(said, judged, answer, hint):
    result = verdict(said, improve.most_errors, answer, judged)
    assert not result["right"] and hint in result["message"]


def test_most_errors_counts_wrong_calls(said, judged):
    assert verdict(said, improve.most_errors, ["C", "A", "B"], judged)["right"]


HELD_OUT = ["turn on the lamp", "it is too dark in the office"]
BOUGHT = ["my lamp is old", "turn on the lamp please", "turn on the lamp", "the office party is on friday"]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (BOUGHT, "a sentence that is held out"),
        ([BOUGHT[0], BOUGHT[1], BOUGHT[3]], "nearly equal"),
        ([BOUGHT[0]], "you keep 1 of 2"),
        (["something else"] * 2, "highest likeness"),
    ],
)
def test_clean_of_says_what_is_wrong(said, answer, hint):
    result = verdict(said, improve.clean_of, answer, BOUGHT, HELD_OUT, alike=80)
    assert not result["right"] and hint in result["message"]


def test_clean_of_wants_all_that_are_unlike(said):
    assert verdict(said, improve.clean_of, [BOUGHT[0], BOUGHT[3]], BOUGHT, HELD_OUT, alike=80)["right"]


@pytest.mark.parametrize(
    ("answer", "hint"), [(57, "of all rows"), (60.0, "rows come whole"), (114, "is the share"), (60, None)]
)
def test_replay_rows(said, answer, hint):
    result = verdict(said, improve.replay_rows, answer, others=1140, share=0.05)
    assert result["right"] == (hint is None) and (hint or "") in result["message"]


TEXTS = ["turn on the lamp", "pause the timer"]


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda text: None, "return the new sentence"),
        (lambda text: text, "one letter less"),
        (lambda text: text[1:], "leave the first letter"),
        (lambda text: text.replace(" ", "", 1), "one letter less"),
        (lambda text: text[:2] + text[3:], None),
    ],
)
def test_slip(said, function, hint):
    result = verdict(said, improve.slip, function, TEXTS)
    assert result["right"] == (hint is None) and (hint or "") in result["message"]


def test_slip_wants_the_same_slip_each_time(said):
    places = iter(range(1, 100))

    def changing(text):
        at = next(places) % 3 + 1
        return text[:at] + text[at + 1 :]

    assert "seed the choice" in verdict(said, improve.slip, changing, TEXTS)["message"]


@pytest.fixture
def first():
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "turn off the lamp in the office"}]
    answer = '{"name":"HassTurnOff","arguments":{"area":"office","domain":"light"}}'
    return {"prompt": prompt, "completion": [{"role": "assistant", "content": answer}]}


def second(
    first, text=improve.FOLLOW_UP, answer='{"name":"HassTurnOn","arguments":{"area":"office","domain":"light"}}'
):
    turn = {"role": "user", "content": text}
    completion = [{"role": "assistant", "content": answer}]
    return {"prompt": [*first["prompt"], *first["completion"], turn], "completion": completion}


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda first: first, "the prompt's roles"),
        (lambda first: "text", "a prompt and a completion"),
        (lambda first: second(first, "on again"), "the last user message"),
        (lambda first: second(first, answer="on"), "no valid call"),
        (lambda first: second(first, answer='{"name":"HassTurnOn","arguments":{"area":"attic"}}'), "names no device"),
        (lambda first: second(first, answer=first["completion"][0]["content"]), "does not"),
        (second, None),
    ],
)
def test_follow_up(said, first, change, hint):
    result = verdict(said, improve.follow_up, change(first), first)
    assert result["right"] == (hint is None) and (hint or "") in result["message"]


def test_follow_up_wants_the_first_turn_as_it_was(said, first):
    other = second(first)
    other["prompt"] = [*other["prompt"][:2], {"role": "assistant", "content": "done"}, other["prompt"][3]]
    assert "first three messages" in verdict(said, improve.follow_up, other, first)["message"]
