"""Phases of a run: told by noise and by the schedule, not by a share of the run's own fall."""

import math

import numpy as np
import pandas as pd
import pytest

from helpers.training import phases, run_log

HEALTHY = run_log.table(run_log.recorded("healthy_0")["log"])


def made(updates: int, speed: float, rate=1e-3, noise=0.02) -> pd.DataFrame:
    """A log whose loss falls from 4 to 1, by `speed` a line, with noise; validation without any to speak of."""
    steps = np.arange(1, updates + 1)
    rng = np.random.default_rng(0)
    loss = 1 + 3 * np.exp(-speed * steps)
    columns = {"loss": loss + noise * rng.standard_normal(updates), "learning_rate": rate}
    return pd.DataFrame({"step": steps, **columns, "eval_loss": loss + noise / 4 * rng.standard_normal(updates)})


def test_the_drop_of_a_healthy_run_ends_early_and_its_schedule_late():
    assert 0 < phases.drop_ends(HEALTHY) < 30 < phases.schedule_ends(HEALTHY) < 100


def test_a_run_has_converged_when_it_is_long_and_not_when_it_is_cut_short():
    long = made(200, speed=0.1)
    assert phases.converged(long)
    assert not phases.converged(made(200, speed=0.004))
    assert not phases.converged(long[long["step"] <= 30])


@pytest.mark.parametrize("last", [30, 50, 80, 100])
def test_a_healthy_run_has_not_converged_wherever_it_is_cut(last):
    assert not phases.converged(HEALTHY[HEALTHY["step"] <= last])


def test_a_flat_end_of_the_schedule_counts_for_nothing():
    """The loss stands still while the rate is close to 0; by the training that is left, it was still falling."""
    falling = made(60, speed=0.02)
    still = pd.concat([falling, *[falling.iloc[[-1]]] * 60], ignore_index=True)
    still["step"] = range(1, 121)
    still.loc[60:, "learning_rate"] = 1e-9
    assert phases.schedule_ends(still) == 61
    assert phases.last_third(still) < 60 and not phases.converged(still)


def test_a_rise_of_validation_loss_is_no_convergence():
    moves = phases.late_moves(run_log.table(run_log.recorded("overfit")["log"]))
    assert moves.loc["validation loss", "fell by"] < 0 < moves.loc["training loss", "fell by"]


def test_a_log_that_says_little_is_not_called_converged():
    short = HEALTHY[["step", "loss"]].dropna()
    assert not phases.converged(short) and math.isnan(phases.schedule_ends(short))
    assert not phases.converged(short[:3]) and phases.late_moves(short[:3]).empty
