"""Diagnosis: what a training log shows, by measures, thresholds and rules that a reader can check one by one."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from helpers.errors import CourseError
from helpers.paths import DATA
from helpers.training import run_log

# What the measures are compared with. Set on the runs whose recipe says use="thresholds", and tested on the others.
THRESHOLDS = {
    "climb": 0.05,  # of the whole fall: how far the smoothed loss may come back up from its lowest point so far
    "late gradients": 2.5,  # times the largest gradient norm of the run's first steps
    "small update": 100,  # tokens
    "jitter": 0.15,  # median change of the loss from line to line, as a share of it
    "many epochs": 3,  # after which training rows should look easier than others
    "known by heart": 0.02,  # of the first training loss: what is left when the rows are known
    "alike": 0.8,  # training to validation loss, above which the two are the same
    "rise": 1.1,  # times its lowest value, by which validation loss ends higher
    "vanished": 0.02,  # training to validation loss, below which nothing is left to learn from the rows
    "unpredictable": 1.2,  # training to validation loss, above which the training rows hold what cannot be known
    "still to fall": 0.18,  # of the whole fall: what may be left after a third of the training
    "short run": 30,  # updates
}
FIRST_STEPS = 0.2  # of a run


@lru_cache
def diagnoses() -> dict[str, dict]:
    """{label: what one sees, what it means, what to do, whether it is in_the_log}, from data/diagnoses.json."""
    return json.loads((DATA / "diagnoses.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Diagnosis:
    label: str  # a key of diagnoses()
    evidence: dict[str, float]  # what `measures` measured

    @property
    def means(self) -> str:
        return diagnoses()[self.label]["means"]

    @property
    def do(self) -> str:
        return diagnoses()[self.label]["do"]


def diagnose(run: dict | list[dict]) -> Diagnosis:
    """What the log of a run shows, by readable rules with the limits of THRESHOLDS, from the log alone.

    run: what `run_log.recorded` gives, the content of a trainer_state.json, or a log history. Faults that leave no
    trace in the log come out as "healthy". Raises CourseError for a log too short to tell.
    """
    log = run if isinstance(run, list) else run.get("log", run.get("log_history", []))
    lines = [entry for entry in log if "loss" in entry]
    if len(lines) < 5:
        raise CourseError(f"{len(lines)} lines of training loss are too few for a diagnosis: lower logging_steps.")
    numbers = [entry[key] for entry in log for key in ("loss", "eval_loss", "grad_norm") if key in entry]
    broken = sum(not math.isfinite(number) for number in numbers)
    if broken:
        return Diagnosis("not a number", {"NaN or infinite values": broken})
    if not any(entry["loss"] for entry in lines):
        return Diagnosis("nothing in the loss", {"training loss on every line": 0.0})
    measured = measures(run_log.table(log))
    known = {name: float(f"{value:.3g}") for name, value in measured.items() if not math.isnan(value)}
    return Diagnosis(first_rule(measured, THRESHOLDS), known)


def first_rule(m: dict[str, float], t: dict[str, float]) -> str:
    """The label of the first rule that holds, given measures `m` and thresholds `t`.

    A measure that the log does not give is NaN; no comparison with NaN holds.
    """
    if m["tokens in an update"] < t["small update"] and m["jitter"] > t["jitter"]:
        return "batch too small"
    if m["learning rate at the start, of its peak"] > 0.9 and m["climb at the start"] > t["climb"]:
        return "no warm-up"
    if m["climb from the lowest point"] > t["climb"]:
        return "learning rate too high"
    if m["gradient norm, later to first steps"] > t["late gradients"]:
        return "learning rate too high"
    if m["gradient norm, last"] == 0:  # a loss so flat that nothing more is learned: the model is broken
        return "learning rate too high"
    if m["updates"] < t["short run"] and m["left to fall after a third"] > t["still to fall"]:
        return "too few steps"
    known_by_heart = m["training loss, last to first"] < t["known by heart"]
    if m["epochs"] >= t["many epochs"] and known_by_heart and m["training to validation loss"] > t["alike"]:
        return "leaked validation"
    if m["validation loss, last to lowest"] > t["rise"]:
        return "overfitting"
    if m["training to validation loss"] < t["vanished"]:
        return "memorising"
    if m["training to validation loss"] > t["unpredictable"]:
        return "wrong labels"
    if m["left to fall after a third"] > t["still to fall"]:
        return "learning rate too low"
    return "healthy"


def measures(log: pd.DataFrame) -> dict[str, float]:
    """The numbers that the rules look at, from a log as `run_log.table` gives it; NaN for what it does not tell."""
    train = log[log["loss"].notna()]
    steps, loss = train["step"].to_numpy(float), train["loss"]
    smooth = loss.rolling(max(3, len(loss) // 10), min_periods=1, center=True).mean().to_numpy()
    early = (steps <= max(FIRST_STEPS * steps[-1], steps[1])).astype(bool)
    fall = max(loss.iloc[0], smooth.max()) - smooth.min() or 1.0
    climb = (smooth - np.minimum.accumulate(smooth)) / fall
    late = loss[steps > steps[-1] / 2]
    rate, norms = _column(train, "learning_rate"), _column(train, "grad_norm")
    measured = {
        "updates": steps[-1],
        "epochs": _column(train, "epoch")[-1],
        "training loss, last": smooth[-1],
        "training loss, last to first": smooth[-1] / loss.iloc[0],
        "climb at the start": (loss[early].max() - loss.iloc[0]) / fall,
        "climb from the lowest point": climb.max(),
        "jitter": (late.diff().abs() / late.rolling(5, min_periods=1).mean()).median(),
        "tokens in an update": _column(train, "num_tokens")[-1] / steps[-1],
        "learning rate at the start, of its peak": rate[0] / rate.max(),
        "left to fall after a third": math.nan,
        "gradient norm, later to first steps": norms[~early].max(initial=0) / (norms[early].max() or 1.0),
        "gradient norm, last": norms[-1],
        "validation loss, last to lowest": math.nan,
        "training to validation loss": math.nan,
    }
    # An update counts as much as its learning rate, so that warm-up and decay do not pass for slowness.
    dose = np.cumsum(np.diff(steps, prepend=0) * (1 if np.isnan(rate).any() or not rate.any() else rate))
    third = np.interp(dose[-1] / 3, dose, steps)
    measured["left to fall after a third"] = (np.interp(third, steps, smooth) - smooth[-1]) / fall
    if "eval_loss" not in log or not log["eval_loss"].notna().any():
        return measured
    validation = log.dropna(subset=["eval_loss"])
    at, v = validation["step"].to_numpy(float), validation["eval_loss"].to_numpy(float)
    measured["training to validation loss"] = smooth[-1] / v[-1]
    # Overfitting is a rise while the training loss falls.
    training_falls = np.interp(at[v.argmin()], steps, smooth) > smooth[-1]
    measured["validation loss, last to lowest"] = v[-1] / v.min() if training_falls else 1.0
    if len(v) >= 5 and at[0] <= steps[0]:  # enough of it, from the start on: it is smoother than the training loss
        measured["left to fall after a third"] = (np.interp(third, at, v) - v[-1]) / (v.max() - v.min() or 1.0)
    return measured


def phases(log: pd.DataFrame) -> tuple[float, float]:
    """The updates at which sharp drop and settling end: when 90% and 98% of the fall of the training loss are done."""
    train = log.dropna(subset=["loss"])
    smooth = train["loss"].rolling(3, min_periods=1, center=True).mean()
    left = ((smooth - smooth.min()) / (train["loss"].iloc[0] - smooth.min())).to_numpy()
    return train["step"][left <= 0.10].iloc[0], train["step"][left <= 0.02].iloc[0]


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    return frame[name].to_numpy() if name in frame else np.full(len(frame), math.nan)
