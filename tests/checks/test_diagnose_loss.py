"""The checks of notebook 06, Diagnose loss: right answers pass, and each usual mistake gets its hint."""

import pandas as pd
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


HEALTHY = run_log.table(run_log.recorded("healthy_0")["log"])


@pytest.mark.parametrize(
    "answer, right, says",
    [
        (84, True, "from update 84 on"),
        (2, False, "warm-up"),
        (60, False, "still 4"),
        (90, False, "not the first"),
        (None, False, "Not tried yet"),
    ],
)
def test_schedule_end(answer, right, says, capsys):
    check.schedule_end(answer, HEALTHY)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not ") and says in printed


@pytest.mark.parametrize(
    "answer, right, says",
    [
        (1.5, True, "1.50 times as high as it was at update 20"),
        (0.667, False, "lowest divided by the last"),
        (0.3, False, "a difference in nats"),
        (0.18, False, "first value"),
        (2.0, False, "the last is 0.900 and the lowest 0.600"),
        (None, False, "Not tried yet"),
    ],
)
def test_rise(answer, right, says, capsys):
    log = pd.DataFrame({"step": [0, 10, 20, 30], "loss": 1.0, "eval_loss": [5.0, 1.0, 0.6, 0.9]})
    check.rise(answer, log)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not ") and says in printed


CREEPS, LEARNS = run_log.recorded("rate_low")["log"], run_log.recorded("healthy_0")["log"]
ODD = {"learning_rate": 3e-6, "warmup_steps": 0.5}
TOO_LOW = "learning rate too low"


@pytest.mark.parametrize(
    "answer, most, says",
    [
        ({"diagnosis": None, "change": None}, 1, "Not tried yet"),
        ({"diagnosis": None, "change": {"learning_rate": 3e-4}}, 1, "the diagnosis first: not tried yet"),
        ({"diagnosis": "tired", "change": None}, 1, "'tired' is no label"),
        ({"diagnosis": "overfitting", "change": None}, 1, "That would look so: Validation loss has passed"),
        ({"diagnosis": TOO_LOW, "change": None}, 1, "Now change the setting"),
        ({"diagnosis": TOO_LOW, "change": ODD | {"learning_rate": 3e-4}}, 1, "you change 2 settings"),
        ({"diagnosis": TOO_LOW, "change": {"warmup_steps": 0.1}}, 1, "the log says learning rate too low"),
        ({"diagnosis": TOO_LOW, "change": {"learning_rate": 3e-4}}, 0.01, "below 0.01 is possible"),
        ({"diagnosis": TOO_LOW, "change": {"learning_rate": 3e-4}}, 1, "Right: learning rate too low, and one change"),
    ],
)
def test_repaired_asks_for_the_diagnosis_before_the_numbers(answer, most, says, capsys):
    def train(settings):
        return LEARNS if settings["learning_rate"] == 3e-4 and settings["warmup_steps"] == 0.5 else CREEPS

    check.repaired(answer, ODD, CREEPS, train, most)
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
        (lambda log: None, "overfit (50 sentences, 14 times, rate 1e-3) overfits from update 20 on"),
        (lambda log: 20, "does not overfit; your function gives 20"),
    ]:
        check.overfitting_rule(answer, runs)
        assert says in capsys.readouterr().out
