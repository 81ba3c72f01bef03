"""What is planned for a run equals what the trainer then does."""

import math
from pathlib import Path

import pytest
from trl import SFTConfig

from helpers.errors import CourseError
from helpers.training import run_log, schedule


@pytest.mark.parametrize(
    "settings",
    [
        dict(num_train_epochs=1.5, per_device_train_batch_size=4, gradient_accumulation_steps=3),
        dict(max_steps=7, per_device_train_batch_size=8, save_steps=2, save_total_limit=2),
        dict(num_train_epochs=2, per_device_train_batch_size=16, eval_strategy="epoch", save_strategy="epoch"),
        dict(max_steps=9, logging_steps=0.4, eval_steps=0.25, eval_on_start=True, per_device_train_batch_size=2),
    ],
)
def test_the_plan_is_what_happens(settings, nano_trainer):
    usual = dict(logging_steps=2, eval_strategy="steps", eval_steps=3, save_strategy="steps", save_steps=3)
    settings = dict(learning_rate=1e-3, warmup_steps=0.2, disable_tqdm=True) | usual | settings
    trainer = nano_trainer(50, validation=4, **settings)
    planned = schedule.plan(trainer.args, examples=50)
    trainer.train()
    log = run_log.table(trainer.state.log_history)
    assert trainer.state.global_step == planned["updates"]
    assert trainer.state.epoch == pytest.approx(planned["epochs"], abs=0.1)
    assert log["loss"].count() == planned["log lines"]
    assert log["eval_loss"].count() == planned["evaluations"]
    assert len(list(Path(trainer.args.output_dir).glob("checkpoint-*"))) == planned["checkpoints"]
    rates = schedule.rates(trainer.args, planned["updates"])
    logged = log.dropna(subset=["loss"]).set_index("step")["learning_rate"]
    for step, rate in logged.items():  # the trainer logs the rate of the update that was just made
        assert rate == pytest.approx(rates[step - 1], rel=1e-6)


@pytest.fixture
def config(tmp_path):
    make = lambda **settings: SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, **settings)
    return lambda **settings: make(activation_checkpointing=False, report_to="none", **settings)


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt"])
def test_rates_warm_up_to_the_peak(kind, config):
    rates = schedule.rates(config(learning_rate=1e-3, warmup_steps=0.1, lr_scheduler_type=kind), updates=50)
    assert len(rates) == 50 and max(rates) == pytest.approx(1e-3)
    assert kind == "constant" or rates[0] < 1e-3 / 4
    assert not math.isnan(sum(rates))


def test_a_dataset_without_rows_is_refused(config):
    with pytest.raises(CourseError, match="examples is 0"):
        schedule.plan(config(), examples=0)


def test_what_never_happens_is_planned_as_never(config):
    planned = schedule.plan(config(save_strategy="no", save_steps=0, logging_strategy="no"), examples=80)
    assert planned["checkpoints"] == planned["evaluations"] == planned["log lines"] == 0


def test_saving_the_best_saves_at_some_of_the_evaluations(nano_trainer):
    settings = dict(max_steps=12, eval_strategy="steps", eval_steps=3, save_strategy="best", disable_tqdm=True)
    settings |= dict(learning_rate=1e-3, metric_for_best_model="eval_loss", load_best_model_at_end=False)
    trainer = nano_trainer(32, validation=4, **settings)
    planned = schedule.plan(trainer.args, examples=32)
    trainer.train()
    saved = len(list(Path(trainer.args.output_dir).glob("checkpoint-*")))
    assert planned["checkpoints"] == 4 and 1 <= saved <= 4


def test_steps_of_zero_are_named(config):
    with pytest.raises(CourseError, match="save_steps is 0"):
        schedule.plan(config(save_strategy="steps", save_steps=0), examples=80)
