"""The checks of notebook 03, Configure training: right answers pass, and each usual mistake gets its hint."""

import pytest
from trl import SFTConfig

from helpers.checks import configure_training as check
from helpers.model import load_config
from helpers.training import memory

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
    check.planned_config(SFTConfig(**quiet, **{**RIGHT_CONFIG, **change}), examples=2392)
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
        check.brought_up_to_date(answer, old)
        assert says in capsys.readouterr().out


def test_largest_batch(capsys):
    config = load_config("smollm2")  # in which one row, or two, or three short ones need the same memory
    needs = lambda batch, length: memory.peak(memory.plan(config, batch, length))
    right = lambda config, length, room: next(b for b in range(100) if needs(b + 1, length) > room)
    for answer, says in [(None, "Not tried yet"), (right, "Right"), (lambda *_: 1, "0 fits and 1 does not; not 1")]:
        check.largest_batch(answer, config)
        assert says in capsys.readouterr().out
