"""The checks of the exercises: right answers pass, and each usual mistake gets its hint."""

import json

import pandas as pd
import pytest
from trl import SFTConfig

from helpers import chat, commands, exercises, models
from helpers.errors import CourseError


def test_steps_are_those_a_real_run_takes(nano_trainer, capsys):
    real = nano_trainer(40, num_train_epochs=2, per_device_train_batch_size=8, gradient_accumulation_steps=4)
    real.train()
    capsys.readouterr()
    exercises.optimizer_steps(real.state.global_step, examples=40, batch=8, accumulation=4, epochs=2)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried yet"), (38, "Right"), (150, "that counts batches"), (37, "rounds up"), (5, "how many batches")],
)
def test_steps_of_the_exercise(answer, says, capsys):
    exercises.optimizer_steps(answer, examples=600, batch=8, accumulation=4, epochs=2)
    assert says in capsys.readouterr().out


WATCHED = dict(
    max_steps=60,
    logging_steps=5,
    eval_strategy="steps",
    eval_steps=15,
    save_steps=15,
    load_best_model_at_end=True,
    save_total_limit=1,
)


@pytest.mark.parametrize(
    "change, says",
    [
        ({}, "Right"),
        ({"max_steps": 50}, "max_steps"),
        ({"logging_steps": 10}, "logging_steps"),
        ({"eval_steps": 20, "save_steps": 20}, "eval_steps"),
        ({"load_best_model_at_end": False}, "load_best_model_at_end"),
        ({"save_total_limit": None}, "save_total_limit"),
        ({"eval_strategy": "no", "load_best_model_at_end": False}, "eval_strategy"),
    ],
)
def test_monitoring(change, says, tmp_path, capsys):
    config = SFTConfig(output_dir=str(tmp_path), activation_checkpointing=False, use_cpu=True, **WATCHED | change)
    exercises.monitoring(config)
    assert says in capsys.readouterr().out


def test_nano_is_asked_to_train_first_and_then_judged_on_its_answers(nano_trainer, capsys):
    test = commands.load()["test"]
    exercises.fine_tuned_nano(None, test)
    assert "Not tried yet" in capsys.readouterr().out
    run, few = nano_trainer(40, max_steps=4), test.select(range(8))
    with pytest.raises(CourseError, match="trainer.train"):
        exercises.fine_tuned_nano(run, few)
    run.train()
    capsys.readouterr()
    exercises.fine_tuned_nano(run, few, steps=3)
    assert "4 steps; 3 have to do" in capsys.readouterr().out
    exercises.fine_tuned_nano(run, few, intent=101)
    assert "learning rate" in capsys.readouterr().out
    exercises.fine_tuned_nano(run, few, intent=0)
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried"), (451_977, "Right"), (430_108, "only the difference"), (100, "what does one request save")],
)
def test_break_even(answer, says, capsys):
    exercises.break_even(answer, prompt_tokens=620, tuned_tokens=30, price=0.15, one_off=40)
    assert says in capsys.readouterr().out


def test_cascade(capsys):
    rows = commands.load()["test"].select(range(6))
    rules, silent = commands.rules(), lambda command: ""
    model = lambda command: '{"name":"HassNevermind","arguments":{}}'
    for answer, says in [
        (None, "Not tried"),
        (lambda c, rules, model: model(c), "asked every time"),
        (lambda c, rules, model: rules(c), "Right: 100% exact calls instead of the model's 0%"),
    ]:
        exercises.cascade(answer, rules, model, rows)
        assert says in capsys.readouterr().out
    half = lambda command: rules(command) if len(command) % 2 else ""
    exercises.cascade(lambda c, rules, model: rules(c), half, model, rows)
    assert "some commands got no call" in capsys.readouterr().out
    exercises.cascade(lambda c, rules, model: rules(c) or model(c), silent, model, rows)
    assert "asked every time" in capsys.readouterr().out


def test_retrieved(capsys):
    tuned, tokenizer = models.load_tuned("nano")
    rows = commands.load()["test"].select(range(6))
    ask = lambda answer, intent: exercises.retrieved(answer, tuned, tokenizer, rows, intent)
    ask(None, 0)
    assert "Not tried" in capsys.readouterr().out
    ask(lambda command: commands.prompt(command + " please" * 400), 0)
    assert "400 are allowed" in capsys.readouterr().out
    ask(lambda command: [*rows[0]["prompt"], *rows[0]["completion"], *commands.prompt(command)], 0)
    assert "a held-out command is among the examples" in capsys.readouterr().out
    ask(commands.prompt, 100)
    assert "Not yet, over 100% are possible" in capsys.readouterr().out
    ask(commands.prompt, -1)
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [(None, "Not tried"), (683, "Right"), (60, "half-width")])
def test_sample_size(answer, says, capsys):
    exercises.sample_size(answer, share=0.8, margin=0.03)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says", [(None, "Not tried"), (0.0, "raise the threshold"), (0.99, "lower it"), (0.45, "Right: 10% false")]
)
def test_threshold(answer, says, capsys):
    others = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.38, 0.4, 0.9]
    exercises.threshold(answer, [0.2, 0.5, 0.6, 0.7, 0.95], others)
    assert says.replace("lower it", "lower the threshold") in capsys.readouterr().out


def test_weak_slice(capsys):
    rows = pd.DataFrame({"command": ["a"] * 20 + ["b"] * 20, "exact": [True] * 20 + [False] * 20})
    for answer, says in [
        (None, "Not tried"),
        (lambda row: row.command == "c", "0 rows are too few"),
        (lambda row: row.command == "a", "-50 points below"),
        (lambda row: row.command == "b", "Right: 20 rows, 50 points"),
    ]:
        exercises.weak_slice(answer, rows)
        assert says in capsys.readouterr().out


def test_planted_defects(capsys):
    key = {int(row) for row in json.loads((exercises.PLANTED / "key.json").read_text())}
    some = sorted(key)[:10]
    for answer, says in [
        (None, "Not tried"),
        ({0, *some}, "10 of 12 found.\nRow 0 is sound.\nStill hidden: "),
        (key, "12 of 12 found.\nRight: all of them"),
        (map(str, key), "12 of 12 found.\nRight: all of them"),
    ]:
        exercises.planted_defects(answer)
        assert says in capsys.readouterr().out


def test_training_template(capsys):
    tokenizer = models.load("nano")[1]
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
        exercises.training_template(answer, tokenizer, dialogue)
        assert says in capsys.readouterr().out


def test_split_by_template(capsys):
    rows = [{"template": f"{i % 10}", "intent": "a" if i % 10 else "rare"} for i in range(100)]
    apart = lambda held: lambda rows: ([r for r in rows if r["template"] not in held], held_out(rows, held))
    held_out = lambda rows, held: [r for r in rows if r["template"] in held]
    for answer, says in [
        (None, "Not tried"),
        (lambda rows: (rows[:10], rows[:5]), "10 and 5 rows do not make 100"),
        (lambda rows: (rows[:80], rows[80:]), "10 templates are on both sides"),
        (apart({"0", "1"}), "rare would be tested"),
        (apart({"1"}), "10% are held out"),
        (apart({"1", "2"}), "Right: 20 of 100"),
    ]:
        exercises.split_by_template(answer, rows)
        assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [(None, "Not tried"), (1000 / 375, "Right"), (0.33, "a batch of rows")])
def test_packed_epochs(answer, says, capsys):
    exercises.packed_epochs(answer, rows=1500, batch=4, steps=1000)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (30, "tokens of 2 documents are cut off"),
        (110, "% of the rows' space"),
        (1000, "one of at most 512"),
        (200, "Right: 5 rows"),
    ],
)
def test_packing_length(answer, says, capsys):
    exercises.packing_length(answer, [60, 40] + [10] * 90)
    assert says in capsys.readouterr().out


def test_block_mask(capsys):
    causal = lambda lengths: [[k <= q for k in range(sum(lengths))] for q in range(sum(lengths))]
    owner = lambda lengths: [i for i, n in enumerate(lengths) for _ in range(n)]
    both_ways = lambda lengths: [[a == b for b in owner(lengths)] for a in owner(lengths)]
    right = lambda lengths: [
        [a == b and k <= q for k, b in enumerate(owner(lengths))] for q, a in enumerate(owner(lengths))
    ]
    for answer, says in [
        (None, "Not tried"),
        (lambda lengths: [[True]], "should be 3 by 3"),
        (lambda lengths: [[False] * sum(lengths)] * sum(lengths), "token 0 should see token 0"),
        (causal, "lengths [2, 3]: token 2 sees token 0, which is in another document"),
        (both_ways, "in its future"),
        (right, "Right"),
    ]:
        exercises.block_mask(answer)
        assert says in capsys.readouterr().out
