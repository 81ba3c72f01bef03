"""The checks of notebook 02, Prepare data: right answers pass, and each usual mistake gets its hint."""

import json

from helpers.checks import prepare_data as check
from helpers.dataset import commands
from helpers.model import chat, load
from helpers.paths import PLANTED


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
