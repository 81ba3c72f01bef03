"""Run logs: what a trainer logged, as a table and as a file, and the clock that adds the speed to it."""

import json
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pandas as pd
import torch
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.utils.notebook import NotebookProgressCallback

from helpers.errors import CourseError
from helpers.paths import RUNS
from helpers.training import log_files

# A line belongs to the training or to the validation curve; one of neither kind only adds columns.
KINDS = ("loss", "eval_loss")
# What each column of the log means; the notebook prints this beside the numbers.
COLUMNS = {
    "step": "updates of the weights so far",
    "epoch": "passes over the training data so far",
    "loss": "mean negative log-probability of the training answers' tokens since the last line, in nats",
    "eval_loss": "the same on the validation split, whose sentence patterns training never sees",
    "learning_rate": "the size of an update at this step: it warms up, then decays",
    "grad_norm": "length of the gradient before clipping; spikes mean trouble",
    "mean_token_accuracy": "share of answer tokens whose most probable guess is right",
    "entropy": "how undecided the model is about the next token, in nats",
    "num_tokens": "tokens processed so far, prompts included, padding left out; a resumed run counts from 0 again",
    "tokens_per_second": "speed of training since the last line, evaluation and saving left out",
}


def table(log_history: list[dict]) -> pd.DataFrame:
    """The log of a Trainer as one row per step: training and validation columns side by side, NaN where not logged."""
    rows: dict = {}
    for number, entry in enumerate(log_history, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("step"), int | float):
            raise CourseError(
                f"Line {number} of the log has no step: each line needs one, such as {log_files.EXAMPLE}."
            )
        if "train_runtime" not in entry:  # the closing summary is no point of the curve
            rows.setdefault(entry["step"], {}).update(entry)
    frame = pd.DataFrame([rows[step] for step in sorted(rows)])
    return frame.reindex(columns=[c for c in COLUMNS if c in frame.columns])


def read(source: Path | str | bytes | Sequence | dict[str, bytes]) -> list[dict]:
    """A log history from anywhere: the path or the content of a trainer_state.json, of a run of this course, of a list
    of log lines in JSON, of a CSV as Weights & Biases, TensorBoard and MLflow export it, or of the lines {'loss': …}
    that a Trainer prints. Several of them make one run: a list, {name: content}, or a folder with its checkpoints.

    Names as other tools write them are understood: train/loss, val_loss, eval/loss, train/global_step.
    Raises CourseError for what is none of these, has no loss, or holds text where a number belongs.
    """
    files = sorted(log_files.parts(source), key=_last_step)  # of several checkpoints of a run, the last knows most
    log = _joined([line for lines in files for line in lines])
    if not any("loss" in line for line in log):
        raise CourseError(
            "This log has no training loss: it needs a column loss beside step. Set logging_steps below the updates."
        )
    return log


def _last_step(known: list[dict]) -> float:
    return max((line["step"] for line in known), default=0)


def _kind(line: dict) -> str:
    return next((kind for kind in KINDS if kind in line), "")


def _joined(found: list[dict]) -> list[dict]:
    """One run out of what was logged: what a resumed run did again counts once, a count that starts again goes on.

    Lines that are merely out of order are put in order.
    """
    by_kind = [[line["step"] for line in found if kind in line] for kind in KINDS]
    back = sum(b < a for steps in by_kind for a, b in pairwise(steps))
    if 4 * back <= len(found):
        found = _resumed(found)
    last = {(line["step"], _kind(line) or tuple(line)): line for line in found}  # what stands twice counts once
    return sorted(last.values(), key=_step)


def _step(line: dict) -> float:
    return line["step"]


def _resumed(found: list[dict]) -> list[dict]:
    """Lines in the order of a file in which the steps may go back: to a checkpoint, or to the beginning."""
    kept, first, last, shift = [], {}, {}, 0.0
    for line in found:
        kind, step = _kind(line), line["step"]
        if kind and step < last.get(kind, line)["step"]:
            if step > first[kind]["step"]:  # resumed from a checkpoint
                kept = [done for done in kept if done["step"] < step + shift]
            elif abs(line[kind] - last[kind][kind]) < abs(line[kind] - first[kind][kind]):
                shift = max(done["step"] for done in kept)  # it goes on where it was, with a new count
            else:  # begun anew, or the same run once more
                kept, first, shift = [], {}, 0.0
            last = {}
        kept.append(line | {"step": step + shift})
        if kind:
            first.setdefault(kind, line)
            last[kind] = line
    return kept


def versions() -> dict:
    """What a run depends on and a reader needs in order to repeat it."""
    packages = {p: version(p) for p in ("torch", "transformers", "trl", "datasets", "peft")}
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {"python": platform.python_version(), **packages, "hardware": hardware, "threads": torch.get_num_threads()}


def save(name: str, **run) -> Path:
    """Writes data/runs/NAME.json: the run's parts as given, with the versions it used."""
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{name}.json"
    path.write_text(json.dumps(_rounded({**run, "versions": versions()}), indent=1) + "\n", encoding="utf-8")
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
    return json.loads((RUNS / f"{name}.json").read_text(encoding="utf-8"))


def gallery() -> dict[str, dict]:
    """The recorded runs into which a known fault was built, or none: {name: what `recorded` gives}."""
    runs = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RUNS.glob("*.json"))}
    return {name: run for name, run in runs.items() if run.get("recipe", {}).get("fault")}


class Clock(TrainerCallback):
    """Adds tokens_per_second to each training line of the log, and knows how long the run still takes."""

    def __init__(self):
        self.training = self.started = 0.0  # seconds spent in steps since the last log line, and their start
        self.tokens = 0  # that the trainer had counted at the last log line; TRL's count is not part of a checkpoint
        self.times: list[float] = []  # seconds of each step so far

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

    @property
    def steps(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> float:
        return sum(self.times)


def stop_printing(trainer) -> None:
    """Takes out the trainer's own progress bar and printed log lines."""
    for callback in (PrinterCallback, ProgressCallback, NotebookProgressCallback):
        trainer.remove_callback(callback)
