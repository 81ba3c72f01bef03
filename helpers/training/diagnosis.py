"""Diagnosis: what a training log shows, by measures and rules that a reader can check one by one."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from helpers.errors import CourseError
from helpers.language import _
from helpers.paths import DATA
from helpers.training import phases, run_log
from helpers.training.rules import RULES, Condition

FEWEST_LINES = 3  # of training loss, below which no rule is asked
ROUTINE = 0.1  # share of lines whose gradient norm may be infinite: the scaler of fp16 skips such updates
DECAYED = 0.25  # of the peak; a climb at a lower rate than that is not put down to the rate


@lru_cache
def diagnoses() -> dict[str, dict]:
    """{label: what one sees, what it means, what to do, whether it is in_the_log}, from data/diagnoses.json."""
    return json.loads((DATA / "diagnoses.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Diagnosis:
    label: str  # a key of diagnoses()
    because: dict[str, str]  # the measures that decided: {name: value and limit, as text}
    evidence: dict[str, float]  # all that `measures` measured
    missing: tuple[str, ...] = ()  # what the log lacks for a surer verdict, each a sentence

    @property
    def means(self) -> str:
        return _(diagnoses()[self.label]["means"])

    @property
    def do(self) -> str:
        return _(diagnoses()[self.label]["do"])


def diagnose(run: dict | list[dict]) -> Diagnosis:
    """What the log of a run shows, by the first of RULES that holds, from the log alone; "healthy" if none does.

    run: what `run_log.recorded` gives, the content of a trainer_state.json, or a log history. Faults that leave no
    trace in the log come out as "healthy". Raises CourseError where there is no line of training loss, but not for a
    trainer_state.json: a run of fewer updates than `logging_steps` leaves none.
    """
    log = run if isinstance(run, list) else run.get("log", run.get("log_history", []))
    lines = [entry for entry in log if "loss" in entry]
    if not lines and not (isinstance(run, dict) and "log_history" in run):
        raise CourseError("The log has no line of training loss: there is nothing to diagnose.")
    broken = _no_numbers(log, "loss") + _no_numbers(log, "eval_loss")
    broken_norms = _no_numbers(log, "grad_norm")
    if broken or broken_norms > ROUTINE * len(lines) or _no_numbers(lines[-1:], "grad_norm"):
        return Diagnosis("not a number", {"NaN or infinite values": str(broken + broken_norms)}, {})
    missing = _missing(log, lines)
    if len(lines) < FEWEST_LINES:
        too_few = _("{}, below {}").format(len(lines), FEWEST_LINES)
        return Diagnosis("cannot tell", {"lines of training loss": too_few}, {}, missing)
    if not any(entry["loss"] for entry in lines):
        return Diagnosis("nothing in the loss", {"training loss on every line": "0"}, {})
    measured = measures(run_log.table(log))
    evidence = {name: float(f"{value:.3g}") for name, value in measured.items() if not math.isnan(value)}
    label, conditions = first_rule(measured)
    sides = {"<": _("{}, below {}"), ">": _("{}, above {}")}
    because = {c.measure: sides[c.sign].format(f"{measured[c.measure]:.3g}", f"{c.limit:g}") for c in conditions}
    return Diagnosis(label, because, evidence, missing)


def first_rule(measured: dict[str, float]) -> tuple[str, list[Condition]]:
    """The first of RULES whose conditions all hold, or "healthy" and no condition."""
    for label, conditions in RULES:
        if all(condition.holds(measured) for condition in conditions):
            return label, conditions
    return "healthy", []


def measures(log: pd.DataFrame) -> dict[str, float]:
    """The numbers that the rules look at, from a log as `run_log.table` gives it; NaN for what it does not tell."""
    train = log[log["loss"].notna()]
    steps, loss = train["step"].to_numpy(float), train["loss"]
    window = max(3, len(loss) // 10)
    smooth = loss.rolling(window, min_periods=1, center=True).mean().to_numpy()
    second_half = loss.diff().abs()[len(loss) // 2 :]
    noise = max(second_half.median(), 1e-9)  # of a line; a mean of `window` lines has this over its square root
    first, fall = loss.iloc[0], max(loss.iloc[0] - smooth[-1], 1e-9)
    lowest = np.minimum.accumulate(smooth)
    rate = _column(train, "learning_rate")
    climbs = np.where(rate < DECAYED * rate.max(), 0, smooth - lowest)
    worst = climbs.argmax()
    early = loss[: max(2, len(loss) // 5)].max() - first
    late = loss[len(loss) // 2 :]
    # An update counts as much as its learning rate, so that warm-up and decay do not pass for slowness.
    dose = np.cumsum(np.diff(steps, prepend=0) * (1 if np.isnan(rate).any() or not rate.any() else rate))
    last_third = np.interp(dose[-1] * 2 / 3, dose, steps)
    late_fall = (np.interp(last_third, steps, smooth) - smooth[-1]) / fall
    counted = pd.Series(_column(train, "num_tokens")).dropna()
    added = counted.diff().fillna(counted)  # below 0 where a run was resumed: TRL counts from 0 again
    measured = {
        "lines": len(loss),
        "updates": steps[-1],
        "updates of the first line": steps[0],
        "epochs": _column(train, "epoch")[-1],
        "tokens in an update": added.where(added >= 0, counted).sum(min_count=1) / steps[-1],
        "peak learning rate": rate.max(),
        "first learning rate, of the peak": rate[0] / rate.max(),
        "lowest training loss": loss.min(),
        "training loss, first": first,
        "training loss, last": smooth[-1],
        "training loss, last to first": smooth[-1] / first if first else math.nan,
        "jitter": (late.diff().abs() / late.rolling(5, min_periods=1).mean()).median(),
        "fall, in units of noise": (first - smooth[-1]) / noise * math.sqrt(window),
        "steps between epochs, of the fall": _stairs(loss.to_numpy(), _column(train, "epoch")) / fall,
        "early climb, of the first loss": early / first if first else math.nan,
        "early climb, of the fall": early / fall,
        "climb, in units of noise": climbs[worst] / noise * math.sqrt(window),
        "climb, of the lowest loss before": climbs[worst] / lowest[worst] if lowest[worst] else math.nan,
        "climb, of the fall": climbs[worst] / max(first - smooth.min(), 1e-9),
        "late fall, of the fall": late_fall,
        "evaluations": 0,
        "validation loss, last to lowest": math.nan,
        "training to validation loss, first": math.nan,
        "training to validation loss": math.nan,
        "training to validation loss, last three": math.nan,
        "training above validation loss, of the first": math.nan,
        "validation rise, of the first training loss": math.nan,
        "validation rise, in units of noise": math.nan,
        "late fall of validation or training, of the fall": late_fall,
    }
    if "eval_loss" not in log or not log["eval_loss"].notna().any():
        return measured
    validation = log.dropna(subset=["eval_loss"])
    v = validation["eval_loss"]
    measured["training above validation loss, of the first"] = (smooth[-1] - v.iloc[-1]) / first
    measured["validation rise, of the first training loss"] = (v.iloc[-1] - v.min()) / first
    return measured | _beside_validation(validation, steps, smooth, last_third)


def _beside_validation(validation: pd.DataFrame, steps, smooth, last_third: float) -> dict[str, float]:
    """The measures that need a validation loss; `smooth` is the training loss at `steps`."""
    at, v = validation["step"].to_numpy(float), validation["eval_loss"].to_numpy(float)
    # Before the first update no line of training loss can stand beside it.
    first = 1 if at[0] < steps[0] and len(v) > 1 else 0
    # Overfitting is a rise while the training loss falls.
    training_falls = np.interp(at[v.argmin()], steps, smooth) > smooth[-1]
    ratios = np.interp(at[first:], steps, smooth) / v[first:]
    measured = {
        "evaluations": len(v),
        "validation loss, last to lowest": v[-1] / v.min() if training_falls else 1.0,
        "training to validation loss, first": ratios[0],
        "training to validation loss": smooth[-1] / v[-1],
        "training to validation loss, last three": ratios[-3:].min(),  # once may be a few hard batches
    }
    if len(v) >= phases.FEWEST:  # it is smoother than the training loss
        noise = max(phases.noise(validation["eval_loss"]), 1e-9)
        measured["validation rise, in units of noise"] = (v[-1] - v.min()) / noise
        fall = max(v[0] - v.min(), smooth[0] - v.min(), 1e-9)  # most may be over before the first evaluation
        measured["late fall of validation or training, of the fall"] = (np.interp(last_third, at, v) - v[-1]) / fall
    return measured


def _stairs(loss: np.ndarray, epochs: np.ndarray) -> float:
    """How far the training loss falls in all where an epoch ends and the next begins: rows seen again are easier."""
    ends = np.searchsorted(epochs, np.arange(1, np.nan_to_num(epochs[-1])), side="right")
    around = np.diff(ends, prepend=0).min(initial=len(loss)) // 10  # lines before and after an end
    if around < 3:  # too few to tell a step from noise
        return 0.0
    return sum(loss[end - around : end].mean() - loss[end : end + around].mean() for end in ends if end < len(loss))


def _no_numbers(log: list[dict], column: str) -> int:
    """How many values of a column are NaN or infinite."""
    return sum(column in entry and not math.isfinite(entry[column]) for entry in log)


def _missing(log: list[dict], lines: list[dict]) -> tuple[str, ...]:
    """What would make a verdict surer, each as a sentence."""
    evaluations, sentences = sum("eval_loss" in entry for entry in log), []
    if len(lines) < 10:
        sentences.append(f"Only {len(lines)} lines of training loss: lower logging_steps.")
    if not evaluations:
        sentences.append("No validation loss: overfitting cannot be seen. Set eval_strategy and eval_dataset.")
    elif evaluations < 3:
        sentences.append(f"Only {evaluations} of validation loss: lower eval_steps, so that a rise can be seen.")
    return tuple(sentences)


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    return frame[name].to_numpy() if name in frame else np.full(len(frame), math.nan)
