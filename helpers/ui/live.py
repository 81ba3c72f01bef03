"""Live pictures: a run that is drawn while it goes on, and an experiment whose sliders set the next run."""

import tempfile
import threading
import time
from pathlib import Path

import ipywidgets as w
import pandas as pd
from datasets import Dataset
from IPython.display import display
from matplotlib.figure import Figure
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from helpers import LAPTOP
from helpers.language import _
from helpers.model import load
from helpers.training import run_log
from helpers.ui import figures

SECONDS = 8.0  # of training, after which a run is stopped: a slow machine or a large batch must not hold the reader up
EVERY = 0.7  # seconds between two pictures
SHORT_TEXTS = ("run", "updates done", "done", "stopped")  # what a reader sees, in English; _() translates it
IN_PICTURE = 5  # the last runs; the table has all


class LivePicture(run_log.Clock):
    """A trainer callback that draws loss, learning rate, gradient norm and speed while the run goes on.

    Redraws when the trainer logs or evaluates, at most every two seconds. It replaces the trainer's own printing:
    hand the trainer to `instead_of_printing`.
    """

    def __init__(self):
        super().__init__()
        self.bar = w.IntProgress(layout=w.Layout(width="320px"))
        self.status = w.HTML()
        self.image = w.Image(format="png")
        self.box = w.VBox([w.HBox([self.bar, self.status]), self.image])
        self.drawn = 0.0
        self.shown = None  # IPython's handle of what is displayed; there is none outside a notebook

    def instead_of_printing(self, trainer) -> None:
        """Adds the picture to `trainer` and takes out its own progress bar and printed log lines."""
        run_log.stop_printing(trainer)
        trainer.add_callback(self)

    def on_train_begin(self, args, state, control, **kwargs):
        self.bar.max = state.max_steps
        self.shown = display(self.box, display_id=True)

    def on_step_end(self, args, state, control, **kwargs):
        super().on_step_end(args, state, control, **kwargs)
        self._report(state)

    def on_log(self, args, state, control, logs=None, **kwargs):
        super().on_log(args, state, control, logs=logs, **kwargs)
        if time.monotonic() - self.drawn > 2:
            self._draw(state)

    def on_evaluate(self, args, state, control, **kwargs):
        self._draw(state)

    def on_train_end(self, args, state, control, **kwargs):
        self._draw(state)
        self._report(state)
        if self.shown is not None:
            self.shown.update(self.box)  # so that the still beside it is of the whole run

    def _report(self, state) -> None:
        self.bar.value = state.global_step
        left, rest = self.seconds_left(state), "starting"
        if left is not None:
            rest = f"{left // 60:.0f} min {left % 60:02.0f} s left" if left else "done"
        self.status.value = _(f"step {state.global_step} of {state.max_steps} · {rest}")

    def _draw(self, state) -> None:
        log = run_log.table(state.log_history)
        if len(log):
            fig = figures.training(log, f"Step {state.global_step} of {state.max_steps}", state.max_steps)
            self.image.value = figures.png(fig)
            self.drawn = time.monotonic()


class Experiment:
    """`Experiment(train, validation).box` is the widget; `table` holds its runs, `stop` and `thread` the one going on.

    train, validation: rows of commands.load(). Training happens in a thread of its own, so that Stop is heard; it is
    the real SFTTrainer on the nano model, for at most SECONDS.
    """

    def __init__(self, train: Dataset, validation: Dataset, model_name: str = "nano"):
        self.train, self.validation, self.model_name = train, validation, model_name
        wide = dict(style={"description_width": "8em"}, layout=w.Layout(width="26em"), continuous_update=False)
        self.rate = w.FloatLogSlider(value=4e-3, min=-5, max=0, step=0.25, description=_("learning rate"), **wide)
        self.batch = w.IntSlider(value=16, min=1, max=32, description=_("batch"), **wide)
        self.steps = w.IntSlider(value=60, min=5, max=120, description=_("updates"), **wide)
        self.warmup = w.FloatSlider(value=0.1, min=0, max=0.5, step=0.05, description=_("warm-up share"), **wide)
        self.examples = w.IntSlider(value=800, min=16, max=len(train), description=_("examples"), **wide)
        self.run = w.Button(description=_("Run"), button_style="primary")
        self.halt = w.Button(description=_("Stop"), disabled=True)
        self.export = w.Button(description=_("Export"), tooltip=_("write the table to experiments.csv"))
        self.status, self.shown = w.HTML(_("Press Run.")), w.HTML()
        self.picture = w.Image(format="png", layout=w.Layout(display="none"))
        self.run.on_click(lambda _: self.start())
        self.halt.on_click(lambda _: self.stop.set())
        self.export.on_click(lambda _: self.write())
        sliders = w.GridBox(
            [self.rate, self.batch, self.steps, self.warmup, self.examples],
            layout=w.Layout(grid_template_columns="27em 27em"),
        )
        buttons = w.HBox([self.run, self.halt, self.export, self.status])
        self.box = w.VBox([sliders, buttons, self.picture, self.shown])
        self.stop, self.thread = threading.Event(), None
        self.logs: dict[str, pd.DataFrame] = {}
        self.table = pd.DataFrame()

    def start(self) -> None:
        """Begins a run with the sliders' values; while one is going on it says so and does nothing."""
        if self.thread and self.thread.is_alive():
            self.status.value = _("A run is going on: press Stop, or wait for its end.")
            return
        self.stop.clear()
        self.run.disabled, self.halt.disabled = True, False
        self.thread = threading.Thread(target=self._train, daemon=True)
        self.thread.start()

    def write(self, path: Path | str = "experiments.csv") -> None:
        """Writes the table of runs as CSV."""
        if self.table.empty:
            self.status.value = _("There is no run to export yet.")
            return
        try:
            self.table.to_csv(path, index=False)
            self.status.value = _(f"Written to {path}.")
        except OSError as error:
            self.status.value = _(f"Not written: {error.strerror or error}.")

    def _train(self) -> None:
        name, began = f"run {len(self.logs) + 1}", time.monotonic()
        settings = {
            "learning_rate": self.rate.value,
            "per_device_train_batch_size": self.batch.value,
            "max_steps": self.steps.value,
            "warmup_steps": self.warmup.value,
        }
        try:
            self.status.value = _("starting")
            model, tokenizer = load(self.model_name)
            with tempfile.TemporaryDirectory() as scratch:
                trainer = SFTTrainer(
                    model=model,
                    args=SFTConfig(
                        output_dir=scratch,
                        **settings,
                        logging_steps=1,
                        eval_strategy="steps",
                        eval_steps=max(1, self.steps.value // 5),
                        max_length=256,
                        **LAPTOP,
                    ),
                    train_dataset=self.train.select(range(self.examples.value)),
                    eval_dataset=self.validation,
                    processing_class=tokenizer,
                    callbacks=[_Watch(self, name)],
                )
                run_log.stop_printing(trainer)
                trainer.train()
            self._add_to_table(name, settings, run_log.table(trainer.state.log_history), time.monotonic() - began)
        except Exception as error:  # a thread's error would vanish in the server's log
            self.status.value = _(f"The run failed: {' '.join(str(error).split())[:200]}")
        finally:
            self.run.disabled, self.halt.disabled = False, True

    def _add_to_table(self, name: str, settings: dict, log: pd.DataFrame, seconds: float) -> None:
        row = {"run": name, **settings, "examples": self.examples.value, "updates done": int(log["step"].max())}
        for column in ("loss", "eval_loss"):
            logged = log[column].dropna() if column in log else []
            row[column] = logged.iloc[-1] if len(logged) else None
        self.table = pd.concat([self.table, pd.DataFrame([row | {"seconds": seconds}])], ignore_index=True)
        self.shown.value = self.table.rename(columns=_).to_html(index=False, border=0, float_format="{:.3g}".format)
        early = "stopped" if self.stop.is_set() else f"ended by the limit of {SECONDS:g} s,"
        ended = early if row["updates done"] < settings["max_steps"] else "done"
        self.status.value = _(f"{name}: {ended} after {row['updates done']} updates, {seconds:.1f} s.")

    def draw(self, name: str, log: pd.DataFrame) -> None:
        """Puts the run into the picture, beside the last ones before it."""
        self.logs[name] = log
        fig = Figure(figsize=(9, 3.2), layout="constrained")
        last = dict(list(self.logs.items())[-IN_PICTURE:])
        ax = figures.overlay(fig.subplots(), last, window=3)
        ax.set_title("Training loss (line) and validation loss (dashed) of your last runs")
        self.picture.value, self.picture.layout.display = figures.png(fig), None


class _Watch(TrainerCallback):
    """Draws while the trainer goes on, and makes it stop when the reader says so or time is up."""

    def __init__(self, experiment: Experiment, name: str):
        self.experiment, self.name = experiment, name
        self.began = self.drawn = time.monotonic()

    def on_train_begin(self, args, state, control, **kwargs):
        self.began = time.monotonic()

    def on_step_end(self, args, state, control, **kwargs):
        if self.experiment.stop.is_set() or time.monotonic() - self.began > SECONDS:
            control.should_training_stop = True
        if time.monotonic() - self.drawn > EVERY and state.log_history:
            self.experiment.status.value = _(f"{self.name}: update {state.global_step} of {state.max_steps}")
            self.experiment.draw(self.name, run_log.table(state.log_history))
            self.drawn = time.monotonic()

    def on_train_end(self, args, state, control, **kwargs):
        if state.log_history:
            self.experiment.draw(self.name, run_log.table(state.log_history))
