"""The checks of notebook 01, When to use SFT: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import when_to_use_sft as check
from helpers.dataset import commands
from helpers.dataset.rules import rule_parser
from helpers.model import load_tuned


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried"), (451_977, "Right"), (430_108, "only the difference"), (100, "what does one request save")],
)
def test_break_even(answer, says, capsys):
    check.break_even(answer, prompt_tokens=620, tuned_tokens=30, price=0.15, one_off=40)
    assert says in capsys.readouterr().out


def test_cascade(capsys):
    rows = commands.load()["test"].select(range(6))
    rules, silent = rule_parser(), lambda command: ""
    model = lambda command: '{"name":"HassNevermind","arguments":{}}'
    for answer, says in [
        (None, "Not tried"),
        (lambda c, rules, model: model(c), "asked every time"),
        (lambda c, rules, model: rules(c), "Right: 100% exact calls instead of the model's 0%"),
    ]:
        check.cascade(answer, rules, model, rows)
        assert says in capsys.readouterr().out
    half = lambda command: rules(command) if len(command) % 2 else ""
    check.cascade(lambda c, rules, model: rules(c), half, model, rows)
    assert "some commands got no call" in capsys.readouterr().out
    check.cascade(lambda c, rules, model: rules(c) or model(c), silent, model, rows)
    assert "asked every time" in capsys.readouterr().out


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
