"""The checks of notebook 05, Train with SFTTrainer: right answers pass, and each usual mistake gets its hint."""

from math import exp
from pathlib import Path

import pytest
import torch
from trl import SFTConfig

from helpers.checks import train_with_sfttrainer as check
from helpers.dataset import commands
from helpers.errors import CourseError

WATCHED = dict(
    max_steps=60,
    logging_steps=5,
    eval_strategy="steps",
    eval_steps=15,
    save_steps=15,
    load_best_model_at_end=True,
    save_total_limit=2,
)


def test_steps_are_those_a_real_run_takes(nano_trainer, capsys):
    real = nano_trainer(40, num_train_epochs=2, per_device_train_batch_size=8, gradient_accumulation_steps=4)
    real.train()
    capsys.readouterr()
    check.optimizer_steps(real.state.global_step, examples=40, batch=8, accumulation=4, epochs=2)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried yet"),
        (38, "Right"),
        (146, "that counts batches"),
        (37, "rounds once"),
        (36, "rounds once"),
        (5, "how many batches"),
    ],
)
def test_steps_of_the_exercise(answer, says, capsys):
    check.optimizer_steps(answer, examples=580, batch=8, accumulation=4, epochs=2)
    assert says in capsys.readouterr().out


def test_what_is_left_of_an_epoch_makes_an_update(capsys):
    check.optimizer_steps(54, examples=600, batch=8, accumulation=4, epochs=3)
    assert "make an update too" in capsys.readouterr().out


@pytest.mark.parametrize("limit, left", [(1, [6]), (2, [6, 12])])
def test_with_a_limit_of_one_the_last_checkpoint_goes(limit, left, nano_trainer, monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 2.5])  # the second of four evaluations is the best
    every = dict(eval_strategy="steps", eval_steps=3, save_strategy="steps", save_steps=3)
    run = nano_trainer(8, validation=4, max_steps=12, load_best_model_at_end=True, save_total_limit=limit, **every)
    evaluate = run.evaluate
    monkeypatch.setattr(run, "evaluate", lambda *args, **kw: evaluate(*args, **kw) | {"eval_loss": next(losses)})
    run.train()
    steps = [int(path.name.split("-")[1]) for path in Path(run.args.output_dir).glob("checkpoint-*")]
    assert sorted(steps) == left


BATCH = {"labels": torch.tensor([[-100, -100, 5, 6], [-100, 7, -100, -100]]),
         "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])}  # fmt: skip


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried yet"),
        (50, "Right: 3 of 6 tokens"),
        (torch.tensor(50.0), "Right"),
        (0.5, "a hundred times"),
        (37.5, "padding"),
        (7, "divide the number of labels"),
    ],
)
def test_share_of_a_batch_in_the_loss(answer, says, capsys):
    check.counted_share(answer, BATCH)
    assert says in capsys.readouterr().out


def test_the_ignored_share_is_told_from_the_counted_one(capsys):
    check.counted_share(75, {"labels": torch.tensor([[-100, -100, -100, 5]]), "attention_mask": torch.ones(1, 4)})
    assert "ignores" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried yet"),
        (exp(-0.088), "Right: exp(-0.088) = 0.916"),
        (0.916, "Right"),
        (exp(0.088), "sign"),
        (91.6, "percent"),
        (1 - 0.088, "three digits"),
        (0.088, "undoes a logarithm"),
    ],
)
def test_probability_of_a_loss(answer, says, capsys):
    check.mean_probability(answer, 0.088)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, says",
    [
        ({}, "Right"),
        ({"max_steps": 50}, "max_steps"),
        ({"logging_steps": 10}, "logging_steps"),
        ({"eval_steps": 20, "save_steps": 20}, "eval_steps"),
        ({"eval_steps": 0.25, "save_steps": 0.25}, "Right"),
        ({"load_best_model_at_end": False}, "load_best_model_at_end"),
        ({"save_steps": 60}, "each evaluation is saved"),
        ({"save_strategy": "best"}, "save_strategy"),
        ({"save_total_limit": None}, "two checkpoints"),
        ({"save_total_limit": 3}, "two checkpoints"),
        ({"save_total_limit": 1}, "deleted after the run"),
        ({"eval_strategy": "no", "load_best_model_at_end": False}, "eval_strategy"),
    ],
)
def test_monitoring(change, says, tmp_path, capsys):
    config = SFTConfig(output_dir=str(tmp_path), activation_checkpointing=False, use_cpu=True, **WATCHED | change)
    check.monitoring(config)
    assert says in capsys.readouterr().out


def test_nano_is_asked_to_train_first_and_then_judged_on_its_answers(nano_trainer, capsys):
    test = commands.load()["test"]
    check.fine_tuned_nano(None, test)
    assert "Not tried yet" in capsys.readouterr().out
    run, few = nano_trainer(40, max_steps=4), test.select(range(8))
    with pytest.raises(CourseError, match="trainer.train"):
        check.fine_tuned_nano(run, few)
    run.train()
    capsys.readouterr()
    check.fine_tuned_nano(run, few, steps=3)
    assert "4 steps; 3 have to do" in capsys.readouterr().out
    check.fine_tuned_nano(run, few, intent=101)
    assert "learning rate" in capsys.readouterr().out
    check.fine_tuned_nano(run, few, intent=0)
    assert "Right" in capsys.readouterr().out
