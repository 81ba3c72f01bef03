"""Runs: what a trainer logged, as a table, a file and a live picture."""

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from transformers import TrainerCallback

RUNS = Path(__file__).parent.parent / "data" / "runs"
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
    for entry in log_history:
        if "train_runtime" not in entry:  # the closing summary is no point of the curve
            rows.setdefault(entry["step"], {}).update(entry)
    frame = pd.DataFrame([rows[step] for step in sorted(rows)])
    return frame.reindex(columns=[c for c in COLUMNS if c in frame.columns])


def versions() -> dict:
    """What a run depends on and a reader needs in order to repeat it."""
    packages = {p: version(p) for p in ("torch", "transformers", "trl", "datasets", "peft")}
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {"python": platform.python_version(), **packages, "hardware": hardware, "threads": torch.get_num_threads()}


def save(name: str, **run) -> Path:
    """Writes data/runs/NAME.json: the run's parts as given, with the versions it used."""
    RUNS.mkdir(parents=True, exist_ok=True)
    path = RUNS / f"{name}.json"
    path.write_text(json.dumps({**run, "versions": versions()}, indent=1) + "\n")
    return path


def recorded(name: str) -> dict:
    """The run that `save` wrote; FileNotFoundError when there is none."""
    return json.loads((RUNS / f"{name}.json").read_text())


class Clock(TrainerCallback):
    """Adds tokens_per_second to each training line of the log, and knows how long the run still takes."""

    def __init__(self):
        self.training = self.started = 0.0  # seconds spent in steps since the last log line, and their start
        self.tokens = 0
        self.seconds, self.steps = 0.0, 0  # of all steps so far

    def on_train_begin(self, args, state, control, **kwargs):
        self.tokens = next((e["num_tokens"] for e in reversed(state.log_history) if "num_tokens" in e), 0)

    def on_step_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        spent = time.perf_counter() - self.started
        self.training, self.seconds, self.steps = self.training + spent, self.seconds + spent, self.steps + 1

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs and "num_tokens" in logs and self.training:
            state.log_history[-1]["tokens_per_second"] = (logs["num_tokens"] - self.tokens) / self.training
            self.tokens, self.training = logs["num_tokens"], 0.0

    def seconds_left(self, state) -> float | None:
        """At the speed so far, evaluation and saving left out; None before the first step is done."""
        return (state.max_steps - state.global_step) * self.seconds / self.steps if self.steps else None
