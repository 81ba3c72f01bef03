"""The checks of notebook 05, Train with SFTTrainer: right answers pass, and each usual mistake gets its hint."""

import pytest
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
    save_total_limit=1,
)


def test_steps_are_those_a_real_run_takes(nano_trainer, capsys):
    real = nano_trainer(40, num_train_epochs=2, per_device_train_batch_size=8, gradient_accumulation_steps=4)
    real.train()
    capsys.readouterr()
    check.optimizer_steps(real.state.global_step, examples=40, batch=8, accumulation=4, epochs=2)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(
    "answer, says",
    [(None, "Not tried yet"), (38, "Right"), (150, "that counts batches"), (37, "rounds up"), (5, "how many batches")],
)
def test_steps_of_the_exercise(answer, says, capsys):
    check.optimizer_steps(answer, examples=600, batch=8, accumulation=4, epochs=2)
    assert says in capsys.readouterr().out


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
