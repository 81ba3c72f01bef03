"""Run logs: what a trainer logged, as a table and as a file, and the clock that adds the speed to it."""

import codecs
import csv
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.utils.notebook import NotebookProgressCallback

from helpers.errors import CourseError
from helpers.paths import RUNS

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
        text = _decoded(source if isinstance(source, bytes) else Path(source).read_bytes())
        if text.lstrip()[:1] in ("{", "["):
            content = json.loads(text)
            lines = content if isinstance(content, list) else content.get("log_history", content.get("log"))
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


def _decoded(content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 as PowerShell writes it; a byte order mark is no part of it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8, save it in that encoding") from None


def _known(number: int, line) -> dict:
    """The line under our names, as numbers, without empty fields and without columns that we do not know."""
    known = {}
    for name, value in line.items() if isinstance(line, dict) else ():
        name = name.replace("train/", "").replace("eval/", "eval_")
        name = ALSO_CALLED.get(name, name)
        if name in COLUMNS and value not in (None, ""):
            try:
                known[name] = float(value)
            except (TypeError, ValueError):
                raise CourseError(f"Line {number} of the log: {name} is {value!r}, which is no number.") from None
    return known


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
