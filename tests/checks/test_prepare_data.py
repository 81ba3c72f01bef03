"""The checks of notebook 02, Prepare data: right answers pass, and each usual mistake gets its hint."""

import json

import pytest

from helpers.checks import prepare_data as check
from helpers.dataset import commands
from helpers.model import chat, load
from helpers.paths import PLANTED

SYSTEM, USER, ASSISTANT = ({"role": role, "content": role[0]} for role in ("system", "user", "assistant"))
IN_MESSAGES = {"messages": [SYSTEM, USER, ASSISTANT]}
AS_PAIR = {"prompt": [SYSTEM, USER], "completion": [ASSISTANT]}


@pytest.mark.parametrize(
    "messages, pair, says",
    [
        (None, None, "Not tried"),
        (IN_MESSAGES, None, "Not yet: prompt and completion: still to be written"),
        ([SYSTEM, USER, ASSISTANT], AS_PAIR, "messages: an example is a dictionary with messages"),
        ({"text": "s u a"}, AS_PAIR, "the keys of the dictionary are messages"),
        (IN_MESSAGES, AS_PAIR | {"completion": "a"}, "completion is a list of messages"),
        ({"messages": ["s", "u", "a"]}, AS_PAIR, "a dictionary with role and content"),
        (IN_MESSAGES, AS_PAIR | {"prompt": [USER]}, "the roles of prompt are system, user"),
        (IN_MESSAGES, AS_PAIR | {"completion": [ASSISTANT | {"content": "u"}]}, "a content of completion"),
        (IN_MESSAGES, AS_PAIR, "Right: "),
    ],
)
def test_formats(messages, pair, says, capsys):
    check.formats({"messages": messages, "prompt and completion": pair}, "s", "u", "a")
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "labels, says",
    [
        (None, "Not tried"),
        ([5, 2, 6, 2], "5 labels; yours are 4"),
        ([5, 2, 6, 2, 2], "padding is still counted"),
        ([5, -100, 6, -100, -100], "go by the token's place"),
        ([-100, 2, 6, -100, -100], "each of the first 3 labels"),
        ([5, 2, 6, -100, -100], "Right: 2 tokens of padding are hidden, EOS is counted 1 times"),
    ],
)
def test_padded_labels(labels, says, capsys):
    check.padded_labels(labels, [5, 2, 6, 2, 2], real=3, eos=2)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried"), (7, "1 of 3 examples are longer"), (10, "a smaller one"), (9, "Right: ")],
)
def test_shortest_length(answer, says, capsys):
    check.shortest_length(answer, [5, 9, 7])
    assert says in capsys.readouterr().out


def test_planted_defects(capsys):
    key = {int(row) for row in json.loads((PLANTED / "key.json").read_text("utf-8"))}
    some = sorted(key)[:10]
    for answer, says in [
        (None, "Not tried"),
        ({0, *some}, "Not yet: 10 of 12 defects are named.\nRow 0 is sound.\nStill hidden: "),
        (key, "Right: all 12 of them"),
        (map(str, key), "Right: all 12 of them"),
    ]:
        check.planted_defects(answer)
        assert says in capsys.readouterr().out


def test_training_template(capsys):
    tokenizer = load("nano")[1]
    dialogue = commands.load()["train"][0]
    dialogue = dialogue["prompt"] + dialogue["completion"]
    unmarked = chat.CHATML.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    outside = chat.CHATML.replace(
        "message['content'] + '<|im_end|>' }}{% endgeneration %}",
        "message['content'] }}{% endgeneration %}{{ '<|im_end|>' }}",
    )
    for answer, says in [
        (None, "Not tried"),
        ("{% if %}", "does not render"),
        (chat.PLAIN, "another text"),
        (unmarked, "no token is counted"),
        (outside, "EOS is counted 0 times for 1 answers"),
        (chat.CHATML, "Right: "),
    ]:
        check.training_template(answer, tokenizer, dialogue)
        assert says in capsys.readouterr().out


def test_split_by_pattern(capsys):
    rows = [{"template": f"{i % 10}", "intent": "a" if i % 10 else "rare"} for i in range(100)]
    apart = lambda held: lambda rows: ([r for r in rows if r["template"] not in held], held_out(rows, held))
    held_out = lambda rows, held: [r for r in rows if r["template"] in held]
    for answer, says in [
        (None, "Not tried"),
        (lambda rows: (rows[:10], rows[:5]), "10 and 5 rows do not make 100"),
        (lambda rows: (rows[:80], rows[80:]), "10 patterns are on both sides"),
        (apart({"0", "1"}), "rare would be tested"),
        (apart({"1"}), "10% are held out"),
        (apart({"1", "2"}), "Right: 20 of 100"),
    ]:
        check.split_by_pattern(answer, rows)
        assert says in capsys.readouterr().out
