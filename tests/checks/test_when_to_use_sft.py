"""The checks of notebook 01, When to use SFT: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import when_to_use_sft as check
from helpers.dataset import commands
from helpers.model import load_tuned


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried"), (451_977, "Right"), (430_108, "only the difference"), (100, "what does one request save")],
)
def test_break_even(answer, says, capsys):
    check.break_even(answer, prompt_tokens=620, tuned_tokens=30, price=0.15, one_off=40)
    assert says in capsys.readouterr().out


RECORD = {
    "prompt": [{"role": "user", "content": "lights out in the sunroom"}],
    "completion": [{"content": '{"name":"HassTurnOff","arguments":{"area":"sunroom","domain":"light"}}'}],
}
THREE = [
    "Sure! " + RECORD["completion"][0]["content"],
    '{"name":"HassTurnOff","arguments":{"room":"sunroom","domain":"light"}}',
    '{"name":"HassTurnOff","arguments":{"area":"sunroom"}}',
]


@pytest.mark.parametrize(
    "answer, says",
    [
        (dict.fromkeys(check.QUESTIONS), "Not tried"),
        ({"valid": 2, "schema": 1, "intent": 2, "exact": 0}, "Right: of 3 answers, valid 2, schema 1, intent 2"),
        ({"valid": 3, "schema": 1, "intent": 2, "exact": 0}, "look at valid again: an answer with a word"),
        ({"valid": 2, "schema": 2, "intent": 2, "exact": 0}, "look at schema again"),
        ({"valid": 2, "schema": 1, "intent": 1, "exact": 0}, "look at intent again"),
        ({"valid": 2, "schema": 1, "intent": 2, "exact": None}, "look at exact again"),
    ],
)
def test_judged(answer, says, capsys):
    check.judged(answer, THREE, RECORD)
    assert says in capsys.readouterr().out


def test_turns(capsys):
    rows = list(commands.load()["train"].select(range(2)))
    users, calls = [row["prompt"][-1] for row in rows], [row["completion"][0] for row in rows]
    for answer, says in [
        (None, "Not tried"),
        ([users[0], calls[0], users[1], calls[1]], "Right: 4 messages"),
        ([[users[0], calls[0]], [users[1], calls[1]]], "one flat list"),
        ([*rows[0]["prompt"], calls[0], users[1], calls[1]], "leave it out here"),
        (users, "2 examples make 4 messages; yours are 2"),
        (users + calls, "followed by the assistant's answer"),
    ]:
        check.turns(answer, rows)
        assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (400, "Right: 400 sentences cost 40"),
        (300, "one of the sizes of the curve: 100, 200, 400, 800"),
        (800, "the step to 800 brings no point"),
        (200, "the step to 400 costs only 4.0 for each point"),
    ],
)
def test_sentences(answer, says, capsys):
    check.sentences(answer, {100: 20.0, 200: 35.0, 400: 40.0, 800: 39.5}, price=0.1, worth=6)
    assert says in capsys.readouterr().out


def test_sentences_names_the_price_of_a_step_that_is_too_dear(capsys):
    check.sentences(400, {200: 35.0, 400: 36.0}, price=0.1, worth=6)
    assert "the step to 400 costs 20.0 for each point, and a point is worth 6" in capsys.readouterr().out


def test_cascade(capsys):
    """The rules answer the first two commands: the first rightly, the second wrongly; the model errs on the last."""
    rows = list(commands.load()["test"].select(range(4)))
    texts = [row["prompt"][-1]["content"] for row in rows]
    given = {texts[0]: rows[0]["completion"][0]["content"], texts[1]: '{"name":"HassNevermind","arguments":{}}'}
    rules = lambda command: given.get(command, "")
    for answer, says in [
        (None, "Not tried"),
        (lambda c, rules, model: model(c), "asked every time"),
        (lambda c, rules, model: rules(c), "got no call"),
        (lambda c, rules, model: rules(c) or model(c), "2 of 4 calls are exact, and the model alone gets 3. 2 calls"),
        (lambda c, rules, model: model(c) if c == texts[1] else rules(c) or model(c), "Right: 3 of 4 calls are exact"),
    ]:
        check.cascade(answer, rules, rows, "1110")
        assert says in capsys.readouterr().out


def test_retrieved(capsys):
    tuned, tokenizer = load_tuned("nano")
    rows = commands.load()["test"].select(range(6))
    ask = lambda answer, intent: check.retrieved(answer, tuned, tokenizer, rows, intent)
    ask(None, 0)
    assert "Not tried" in capsys.readouterr().out
    ask(lambda command: commands.prompt(command + " please" * 400), 0)
    assert "400 are allowed" in capsys.readouterr().out
    ask(lambda command: [*rows[0]["prompt"], *rows[0]["completion"], *commands.prompt(command)], 0)
    assert "a held-out command is among the examples" in capsys.readouterr().out
    ask(commands.prompt, 100)
    assert "and over 100% are possible" in capsys.readouterr().out
    ask(commands.prompt, -1)
    assert "Right" in capsys.readouterr().out
