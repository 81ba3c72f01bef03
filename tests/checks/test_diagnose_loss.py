"""The checks of notebook 06, Diagnose loss: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import diagnose_loss as check
from helpers.training import run_log


def test_named_faults(capsys):
    runs = {name: run_log.recorded(name) for name in ("overfit", "healthy_0")}
    check.named_faults({"overfit": None, "healthy_0": "tired"}, runs)
    said = capsys.readouterr().out
    assert "overfit: not tried yet." in said and "'tired' is no label" in said
    check.named_faults({"overfit": "overfitting", "healthy_0": "memorising"}, runs)
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
        check.repaired(answer, train, most)
        assert says in capsys.readouterr().out


def test_overfitting_rule(capsys):
    runs = {name: run_log.recorded(name) for name in ("healthy_0", "memorised", "overfit")}

    def right(log):
        measured = log.dropna(subset=["eval_loss"])
        at = measured["eval_loss"].idxmin()
        return measured["step"][at] if measured["eval_loss"].iloc[-1] > 1.1 * measured["eval_loss"][at] else None

    for answer, says in [
        (None, "Not tried yet"),
        (right, "Right: for all 3 runs"),
        (lambda log: None, "overfit (50 sentences, sixteen times, rate 1e-3) overfits from update 20 on"),
        (lambda log: 20, "does not overfit; your function gives 20"),
    ]:
        check.overfitting_rule(answer, runs)
        assert says in capsys.readouterr().out
