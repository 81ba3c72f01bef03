"""Diagnosis of nano's runs on other data, logged more and less often: false alarms first, then the share that is right.

The limits of the rules were set with these runs in view, so this guards them and proves nothing about unseen logs.
"""

import itertools

import numpy as np
import pandas as pd
import pytest

from helpers.evaluation import wilson
from helpers.training import diagnosis
from tools import other_scales

RUNS = other_scales.recorded()
VIEWS = list(itertools.product((1, 5, 50), (True, False)))  # logging_steps, and whether there is a validation loss
# What is right as well: where two names mean the same, and where the log cannot show the fault.
SAME = {"learning rate too low": {"barely learning", "too few steps"}, "overfitting": {"memorising"}}
UNSEEN = {
    "overfitting": {"memorising", "cannot tell"},
    "leaked validation": {"memorising", "cannot tell"},
    "wrong labels": {"healthy", "cannot tell"},
    "healthy": {"cannot tell"},  # many epochs without validation
}


def judged() -> pd.DataFrame:
    """A line for each run and each way to log it with lines enough: what was built in, what the rules say."""
    lines = []
    for number, (name, run) in enumerate(RUNS.items()):
        fault = run["recipe"]["fault"]
        for place, (every, validation) in enumerate(VIEWS):
            log = other_scales.view(run, every, validation)
            if sum("loss" in line for line in log) < diagnosis.FEWEST_LINES:
                continue
            says = diagnosis.diagnose(log).label
            fitting = {fault} | SAME.get(fault, set()) | (set() if validation else UNSEEN.get(fault, set()))
            lines.append((name, fault, every, validation, says, says in fitting, place == number % len(VIEWS)))
    return pd.DataFrame(lines, columns=["run", "fault", "every", "validation", "says", "right", "counted"])


JUDGED = judged()


def test_no_healthy_run_is_given_a_fault():
    healthy = JUDGED[JUDGED["fault"] == "healthy"]
    alarms = healthy[~healthy["says"].isin(["healthy", "cannot tell"])]
    assert len(healthy) >= 40 and alarms.empty, f"{len(alarms)} of {len(healthy)} views:\n{alarms}"


def test_most_runs_are_judged_rightly():
    # Views of one run are not independent: the interval counts one of each, another way to log for each next run.
    one_each = JUDGED[JUDGED["counted"]]
    low, high = wilson(one_each["right"].mean(), len(one_each))
    report = (
        f"{one_each['right'].mean():.0%} of {len(one_each)} runs ({low:.0f} to {high:.0f}), "
        f"{JUDGED['right'].mean():.0%} of {len(JUDGED)} views:\n{JUDGED[~JUDGED['right']].to_string()}"
    )
    print(report)
    assert low > 65, report


def test_few_are_refused_where_a_verdict_is_possible():
    whole = JUDGED[JUDGED["validation"] & (JUDGED["every"] < 50)]
    assert (whole["says"] == "cannot tell").mean() < 0.1


def test_every_fault_is_there_and_the_file_is_small():
    assert set(RUNS) == set(other_scales.RECIPES), "python -m tools.other_scales"
    assert {run["recipe"]["fault"] for run in RUNS.values()} >= {"healthy", "overfitting", "no warm-up", "wrong labels"}
    assert other_scales.FILE.stat().st_size < 300_000


def test_a_view_has_the_losses_that_a_trainer_would_have_logged():
    run = RUNS["dates_healthy"]
    lines = [line for line in other_scales.view(run, every=50) if "loss" in line]
    assert [line["step"] for line in lines] == list(range(50, 401, 50))
    assert lines[1]["loss"] == pytest.approx(np.mean(run["loss"][50:100]))
    assert lines[-1]["learning_rate"] == run["learning_rate"][-1]
    assert not any("eval_loss" in line for line in other_scales.view(run, validation=False))
