"""Runs: what a trainer logged, as a table, a file and a live picture."""

import csv
import json
import math
import platform
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import TrainerCallback

from helpers.commands import DATA
from helpers.errors import CourseError

RUNS = DATA / "runs"
EXAMPLE = '{"step": 10, "loss": 0.7}'
ALSO_CALLED = {"global_step": "step", "train_loss": "loss", "val_loss": "eval_loss", "lr": "learning_rate"}
# What each column of the log means; the notebook prints this beside the numbers.
COLUMNS = {
    "step": "updates of the weights so far",
    "epoch": "passes over the training data so far",
    "loss": "mean negative log-probability of the training answers' tokens since the last line, in nats",
    "eval_loss": "the same on the validation split, whose templates training never sees",
    "learning_rate": "the size of an update at this step: it warms up, then decays",
    "grad_norm": "length of the gradient before clipping; spikes mean trouble",
    "mean_token_accuracy": "share of answer tokens whose most probable guess is right",
    "entropy": "how undecided the model is about the next token, in nats",
    "num_tokens": "tokens processed so far, prompts included, padding left out",
    "tokens_per_second": "speed of training since the last line, evaluation and saving left out",
}


def table(log_history: list[dict]) -> pd.DataFrame:
    """The log of a Trainer as one row per step: training and validation columns side by side, NaN where not logged."""
    rows: dict = {}
    for number, entry in enumerate(log_history, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("step"), int | float):
            raise CourseError(f"Line {number} of the log has no step: each line needs one, such as {EXAMPLE}.")
        if "train_runtime" not in entry:  # the closing summary is no point of the curve
            rows.setdefault(entry["step"], {}).update(entry)
    frame = pd.DataFrame([rows[step] for step in sorted(rows)])
    return frame.reindex(columns=[c for c in COLUMNS if c in frame.columns])


def read(source: Path | str | bytes) -> list[dict]:
    """A log history from anywhere: the path or the content of a trainer_state.json, of a run of this course, of a list
    of log lines in JSON, or of a CSV with a column `step`, whose empty fields are left out.

    Names as other tools write them are understood: train/loss, val_loss, eval/loss, train/global_step.
    Raises CourseError for what is none of these, has no loss, or holds text where a number belongs.
    """
    try:
        text = (source if isinstance(source, bytes) else Path(source).read_bytes()).decode("utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            found = json.loads(text)
            lines = found if isinstance(found, list) else found.get("log_history", found.get("log"))
        else:
            lines = list(csv.DictReader(text.splitlines()))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:100]
        raise CourseError(f"This log does not read ({reason}): give a trainer_state.json or a CSV.") from None
    if not isinstance(lines, list):
        raise CourseError("This file has no log_history: a trainer_state.json lies in each checkpoint folder.")
    numbered = enumerate(lines, start=1)
    log = [_known(n, line) for n, line in numbered if not (isinstance(line, dict) and "train_runtime" in line)]
    if not any("loss" in line for line in log):
        raise CourseError("This log has no training loss: it needs a column loss beside step.")
    table(log)  # which complains of lines without a step
    return log


def _known(number: int, line) -> dict:
    """The line under our names, as numbers, without empty fields and without columns that we do not know."""
    found = {}
    for name, value in line.items() if isinstance(line, dict) else ():
        name = name.replace("train/", "").replace("eval/", "eval_")
        name = ALSO_CALLED.get(name, name)
        if name in COLUMNS and value not in (None, ""):
            try:
                found[name] = float(value)
            except (TypeError, ValueError):
                raise CourseError(f"Line {number} of the log: {name} is {value!r}, which is no number.") from None
    return found


def phases(log: pd.DataFrame) -> tuple[float, float]:
    """The updates at which sharp drop and settling end: when 90% and 98% of the fall of the training loss are done."""
    train = log.dropna(subset=["loss"])
    smooth = train["loss"].rolling(3, min_periods=1, center=True).mean()
    left = (smooth - smooth.min()) / (train["loss"].iloc[0] - smooth.min())
    return tuple(train["step"][left.to_numpy() <= share].iloc[0] for share in (0.10, 0.02))


@lru_cache
def diagnoses() -> dict[str, dict]:
    """{label: what one sees, what it means, what to do, whether it is in_the_log}, from data/diagnoses.json."""
    return json.loads((DATA / "diagnoses.json").read_text(encoding="utf-8"))


# What a diagnosis compares with. Set on the runs whose recipe says use="thresholds", and tested on the others.
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
# What the measures are called, and the rules, of which the first that holds counts. Of a missing number none holds.
_RULES = {
    "batch too small": lambda m, t: m["tokens in an update"] < t["small update"] and m["jitter"] > t["jitter"],
    "no warm-up": lambda m, t: (
        m["learning rate at the start, of its peak"] > 0.9 and m["climb at the start"] > t["climb"]
    ),
    "learning rate too high": lambda m, t: (
        m["climb from the lowest point"] > t["climb"]
        or m["gradient norm, later to first steps"] > t["late gradients"]
        or m["gradient norm, last"] == 0  # a loss so flat that nothing more is learned: the model is broken
    ),
    "too few steps": lambda m, t: (
        m["updates"] < t["short run"] and m["left to fall after a third"] > t["still to fall"]
    ),
    "leaked validation": lambda m, t: (
        m["epochs"] >= t["many epochs"]
        and m["training loss, last to first"] < t["known by heart"]
        and m["training to validation loss"] > t["alike"]
    ),
    "overfitting": lambda m, t: m["validation loss, last to lowest"] > t["rise"],
    "memorising": lambda m, t: m["training to validation loss"] < t["vanished"],
    "wrong labels": lambda m, t: m["training to validation loss"] > t["unpredictable"],
    "learning rate too low": lambda m, t: m["left to fall after a third"] > t["still to fall"],
}


@dataclass(frozen=True)
class Diagnosis:
    label: str  # a key of diagnoses()
    evidence: dict[str, float]  # what `measures` found

    means = property(lambda self: diagnoses()[self.label]["means"])
    do = property(lambda self: diagnoses()[self.label]["do"])


def diagnose(run: dict | list[dict]) -> Diagnosis:
    """What the log of a run shows, by readable rules with the limits of THRESHOLDS, from the log alone.

    run: what `recorded` gives, the content of a trainer_state.json, or a log history. Faults that leave no trace in the
    log come out as "healthy". Raises CourseError for a log too short to tell.
    """
    log = run if isinstance(run, list) else run.get("log", run.get("log_history", []))
    lines = [e for e in log if "loss" in e]
    if len(lines) < 5:
        raise CourseError(f"{len(lines)} lines of training loss are too few for a diagnosis: lower logging_steps.")
    numbers = [e[k] for e in log for k in ("loss", "eval_loss", "grad_norm") if k in e]
    if odd := sum(not math.isfinite(x) for x in numbers):
        return Diagnosis("not a number", {"NaN or infinite values": odd})
    if not any(e["loss"] for e in lines):
        return Diagnosis("nothing in the loss", {"training loss on every line": 0.0})
    found = measures(table(log))
    label = next((label for label, holds in _RULES.items() if holds(found, THRESHOLDS)), "healthy")
    return Diagnosis(label, {name: float(f"{x:.3g}") for name, x in found.items() if not math.isnan(x)})


def measures(log: pd.DataFrame) -> dict[str, float]:
    """The numbers that the rules look at, from a log as `table` gives it; NaN for what it does not tell."""
    train = log[log["loss"].notna()]
    steps, loss = train["step"].to_numpy(float), train["loss"]
    smooth = loss.rolling(max(3, len(loss) // 10), min_periods=1, center=True).mean().to_numpy()
    early = (steps <= max(FIRST_STEPS * steps[-1], steps[1])).astype(bool)
    fall = max(loss.iloc[0], smooth.max()) - smooth.min() or 1.0
    climb = (smooth - np.minimum.accumulate(smooth)) / fall
    late = loss[steps > steps[-1] / 2]
    found = {
        "updates": steps[-1],
        "epochs": train["epoch"].iloc[-1] if "epoch" in train else math.nan,
        "training loss, last": smooth[-1],
        "training loss, last to first": smooth[-1] / loss.iloc[0],
        "climb at the start": (loss[early].max() - loss.iloc[0]) / fall,
        "climb from the lowest point": climb.max(),
        "jitter": (late.diff().abs() / late.rolling(5, min_periods=1).mean()).median(),
        "tokens in an update": train["num_tokens"].iloc[-1] / steps[-1] if "num_tokens" in train else math.nan,
    }
    rate = train["learning_rate"].to_numpy() if "learning_rate" in train else np.full(len(train), math.nan)
    found["learning rate at the start, of its peak"] = rate[0] / rate.max()
    # An update counts as much as its learning rate, so that warm-up and decay do not pass for slowness.
    dose = np.cumsum(np.diff(steps, prepend=0) * (1 if np.isnan(rate).any() or not rate.any() else rate))
    third = np.interp(dose[-1] / 3, dose, steps)
    found["left to fall after a third"] = (np.interp(third, steps, smooth) - smooth[-1]) / fall
    norms = train["grad_norm"].to_numpy() if "grad_norm" in train else np.full(len(train), math.nan)
    found["gradient norm, later to first steps"] = norms[~early].max(initial=0) / (norms[early].max() or 1.0)
    found["gradient norm, last"] = norms[-1]
    validation = log.dropna(subset=["eval_loss"]) if "eval_loss" in log else log[:0]
    v, at = validation["eval_loss"].to_numpy() if len(validation) else np.array([]), validation["step"].to_numpy()
    found["validation loss, last to lowest"] = found["training to validation loss"] = math.nan
    if len(v):
        found["training to validation loss"] = smooth[-1] / v[-1]
        falls = np.interp(at[v.argmin()], steps, smooth) > smooth[-1]  # overfitting is a rise while training loss falls
        found["validation loss, last to lowest"] = v[-1] / v.min() if falls else 1.0
    if (
        len(v) >= 5 and at[0] <= steps[0]
    ):  # smoother than training loss, if there is enough of it and the start is in it
        found["left to fall after a third"] = (np.interp(third, at, v) - v[-1]) / (v.max() - v.min() or 1.0)
    return found


def versions() -> dict:
    """What a run depends on and a reader needs in order to repeat it."""
    packages = {p: version(p) for p in ("torch", "transformers", "trl", "datasets", "peft")}
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {"python": platform.python_version(), **packages, "hardware": hardware, "threads": torch.get_num_threads()}


def save(name: str, **run) -> Path:
    """Writes data/runs/NAME.json: the run's parts as given, with the versions it used."""
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{name}.json"
    path.write_text(json.dumps(_rounded({**run, "versions": versions()}), indent=1) + "\n")
    return path


def _rounded(value):
    """Six digits of every float, which is what a curve needs."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def recorded(name: str) -> dict:
    """The run that `save` wrote; FileNotFoundError when there is none."""
    return json.loads((RUNS / f"{name}.json").read_text())


def gallery() -> dict[str, dict]:
    """The recorded runs into which a known fault was built, or none: {name: what `recorded` gives}."""
    runs = {path.stem: json.loads(path.read_text()) for path in sorted(RUNS.glob("*.json"))}
    return {name: run for name, run in runs.items() if run.get("recipe", {}).get("fault")}


class Clock(TrainerCallback):
    """Adds tokens_per_second to each training line of the log, and knows how long the run still takes."""

    def __init__(self):
        self.training = self.started = 0.0  # seconds spent in steps since the last log line, and their start
        self.tokens = 0
        self.times: list[float] = []  # seconds of each step so far

    def on_train_begin(self, args, state, control, **kwargs):
        self.tokens = next((e["num_tokens"] for e in reversed(state.log_history) if "num_tokens" in e), 0)

    def on_step_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        spent = time.perf_counter() - self.started
        self.training += spent
        self.times.append(spent)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs and "num_tokens" in logs and self.training:
            state.log_history[-1]["tokens_per_second"] = (logs["num_tokens"] - self.tokens) / self.training
            self.tokens, self.training = logs["num_tokens"], 0.0

    def seconds_left(self, state) -> float | None:
        """At the speed so far, evaluation and saving left out; None before the first step is done."""
        return (state.max_steps - state.global_step) * self.seconds / self.steps if self.steps else None

    steps = property(lambda self: len(self.times))
    seconds = property(lambda self: sum(self.times))
