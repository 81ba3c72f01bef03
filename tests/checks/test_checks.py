"""The checks of the exercises: right answers pass, and each usual mistake gets its hint."""

import json

import pandas as pd
import pytest
from trl import SFTConfig

from helpers import chat, commands, curves, exercises, memory, models
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
        (1000, "one of at most 400"),
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


RIGHT_CONFIG = dict(
    num_train_epochs=3, per_device_train_batch_size=8, gradient_accumulation_steps=4, warmup_steps=0.05,
    eval_strategy="steps", eval_steps=25, save_steps=25, save_total_limit=2, load_best_model_at_end=True,
)  # fmt: skip


@pytest.mark.parametrize(
    "change, says",
    [
        ({}, "Right: 225 updates, 12 of them warm-up, 9 evaluations."),
        (dict(per_device_train_batch_size=32, gradient_accumulation_steps=1), "eight examples fit"),
        (dict(gradient_accumulation_steps=1), "32 examples"),
        (dict(max_steps=225), "max_steps overrules"),
        (dict(num_train_epochs=2), "three epochs"),
        (dict(warmup_steps=5), "a warm-up of 5%"),
        (dict(eval_strategy="no", load_best_model_at_end=False), "an evaluation every 25 updates"),
        (dict(save_steps=50), "a checkpoint at each evaluation"),
        (dict(load_best_model_at_end=False), "the best weights"),
        (dict(save_total_limit=None), "no more than two"),
    ],
)
def test_planned_config(change, says, tmp_path, capsys):
    quiet = dict(output_dir=str(tmp_path), report_to="none", activation_checkpointing=False, bf16=False, use_cpu=True)
    exercises.planned_config(SFTConfig(**quiet, **{**RIGHT_CONFIG, **change}), examples=2392)
    assert says in capsys.readouterr().out


def test_brought_up_to_date(capsys):
    old = dict(max_seq_length=512, warmup_ratio=0.03, group_by_length=True, packing=False)
    right = dict(max_length=512, warmup_steps=0.03, train_sampling_strategy="group_by_length", packing=False)
    for answer, says in [
        (None, "Not tried yet"),
        (right, "Right"),
        ({k: v for k, v in right.items() if k != "packing"}, "Right"),  # it is the default
        (old, "SFTConfig has no argument max_seq_length"),
        (right | {"warmup_steps": 3}, "warmup_steps should be 0.03"),
        ({k: v for k, v in right.items() if k != "max_length"}, "nothing says 512"),
    ]:
        exercises.brought_up_to_date(answer, old)
        assert says in capsys.readouterr().out


def test_largest_batch(capsys):
    config = models.config("smollm2")  # in which one row, or two, or three short ones need the same memory
    needs = lambda batch, length: memory.peak(memory.plan(config, batch, length))
    right = lambda config, length, room: next(b for b in range(100) if needs(b + 1, length) > room)
    for answer, says in [(None, "Not tried yet"), (right, "Right"), (lambda *_: 1, "0 fits and 1 does not; not 1")]:
        exercises.largest_batch(answer, config)
        assert says in capsys.readouterr().out


def test_named_faults(capsys):
    runs = {name: curves.recorded(name) for name in ("overfit", "healthy_0")}
    exercises.named_faults({"overfit": None, "healthy_0": "tired"}, runs)
    said = capsys.readouterr().out
    assert "Not tried yet" in said and "'tired' is no label" in said
    exercises.named_faults({"overfit": "overfitting", "healthy_0": "memorising"}, runs)
    said = capsys.readouterr().out
    assert "overfit: right, 50 sentences" in said and "That would look so: Training loss all but vanishes" in said


@pytest.mark.slow
def test_repaired(nano_trainer, capsys):
    def train(settings):
        usual = dict(logging_steps=5, eval_strategy="steps", eval_steps=25, eval_on_start=True, warmup_steps=0.1)
        trainer = nano_trainer(600, validation=16, **{**usual, **settings})
        trainer.train()
        return trainer.state.log_history

    good = dict(max_steps=200, learning_rate=4e-3, per_device_train_batch_size=8, lr_scheduler_type="cosine")
    for answer, most, says in [
        (None, 1.5, "Not tried yet"),
        (good, 3.0, "Right: a healthy run"),
        (good, 0.1, "below 0.1 is possible"),
        (good | {"learning_rate": 1e-5}, 3.0, "Not yet: learning rate too low"),
    ]:
        exercises.repaired(answer, train, most)
        assert says in capsys.readouterr().out


def test_overfitting_rule(capsys):
    runs = {name: curves.recorded(name) for name in ("healthy_0", "memorised", "overfit")}

    def right(log):
        measured = log.dropna(subset=["eval_loss"])
        at = measured["eval_loss"].idxmin()
        return measured["step"][at] if measured["eval_loss"].iloc[-1] > 1.1 * measured["eval_loss"][at] else None

    for answer, says in [
        (None, "Not tried yet"),
        (right, "Right, for all 3 runs"),
        (lambda log: None, "overfit (50 sentences, sixteen times, rate 1e-3) overfits from update 20 on"),
        (lambda log: 20, "does not overfit; your function gives 20"),
    ]:
        exercises.overfitting_rule(answer, runs)
        assert says in capsys.readouterr().out
