"""The checks of notebook 03, Configure training: right answers pass, and each usual mistake gets its hint."""

import math

import pytest
from trl import SFTConfig

from helpers import LAPTOP
from helpers.checks import configure_training as check
from helpers.model import load_config
from helpers.training import memory, schedule

RIGHT_CONFIG = dict(
    num_train_epochs=3, per_device_train_batch_size=8, gradient_accumulation_steps=4, warmup_steps=0.05,
    eval_strategy="steps", eval_steps=25, save_steps=25, save_total_limit=2, load_best_model_at_end=True,
)  # fmt: skip


def loss_at(rate):
    """A run that does best at 0.04; far too high a rate ends in no number at all."""
    return abs(math.log10(rate / 0.04)) + 1 if rate < 1 else float("nan")


@pytest.mark.parametrize(
    "rate, says",
    [
        (None, "Not tried yet"),
        (0.04, "Right: the run ends at 1.00 nats per token"),
        (0.08, "Not yet: 1.30 nats per token, with half the rate 1.00; 1.2 is asked. Go lower."),
        (4e-3, "Go higher."),
        (10, "Go lower."),  # both losses are no numbers
        (0, "a number above 0"),
        ("1e-3", "a number above 0"),
    ],
)
def test_rate_reaches(rate, says, capsys):
    check.rate_reaches(rate, loss_at, target=1.2)
    assert says in capsys.readouterr().out


UP = [3e-4 * k / 10 for k in range(10)]
DOWN = [3e-4 * (100 - k) / 90 for k in range(10, 100)]


@pytest.mark.parametrize(
    "rates, says",
    [
        (None, "Not tried yet"),
        (UP + DOWN, "Right: update 1 changes nothing, update 11 has the peak, and update 100 3.3e-06."),
        (UP + DOWN[:-1], "yours are 99"),
        ([3e-5 * (k + 1) for k in range(10)] + DOWN, "the first update has a rate of 0"),
        (UP + [3e-4 * (99 - k) / 89 for k in range(10, 100)], "the one after it would have 0"),
        (UP + [3e-4 * (100 - k) / 100 for k in range(10, 100)], "update 11 has a rate of 0.0003, not 0.00027"),
    ],
)
def test_linear_schedule(rates, says, capsys):
    check.linear_schedule(rates, peak=3e-4, warmup=10, updates=100)
    assert says in capsys.readouterr().out


def test_linear_schedule_takes_what_the_trainer_does(tmp_path, capsys):
    linear = dict(learning_rate=3e-4, warmup_steps=0.1, lr_scheduler_type="linear")
    rates = schedule.rates(SFTConfig(output_dir=str(tmp_path), **LAPTOP, **linear), updates=100)
    check.linear_schedule(rates, peak=3e-4, warmup=10, updates=100)
    assert "Right" in capsys.readouterr().out


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
    check.planned_config(SFTConfig(**quiet, **{**RIGHT_CONFIG, **change}), examples=2392)
    assert says in capsys.readouterr().out


def test_brought_up_to_date(capsys):
    old = dict(max_seq_length=512, warmup_ratio=0.03, group_by_length=True, packing=False)
    right = dict(max_length=512, warmup_steps=0.03, train_sampling_strategy="group_by_length", packing=False)
    right["bf16"] = False
    for answer, says in [
        (None, "Not tried yet"),
        (right, "Right"),
        (right | {"bf16": None}, "it would train in bf16"),
        (right | {"learning_rate": 5e-5}, "learning_rate should be 2e-05, as before."),
        ({k: v for k, v in right.items() if k != "packing"}, "Right"),  # it is the default
        (old, "SFTConfig has no argument max_seq_length"),
        (right | {"warmup_steps": 3}, "warmup_steps should be 0.03"),
        ({k: v for k, v in right.items() if k != "max_length"}, "nothing says 512"),
    ]:
        check.brought_up_to_date(answer, old)
        assert says in capsys.readouterr().out


def test_largest_batch(capsys):
    config = load_config("smollm2")  # in which one row, or two, or three short ones need the same memory
    needs = lambda batch, length: memory.peak(memory.plan(config, batch, length))
    right = lambda config, length, room: next(b for b in range(100) if needs(b + 1, length) > room)
    for answer, says in [(None, "Not tried yet"), (right, "Right"), (lambda *_: 1, "0 fits and 1 does not; not 1")]:
        check.largest_batch(answer, config)
        assert says in capsys.readouterr().out
