"""Explorers: widgets that redraw at once what a configuration plans, and what recorded runs went through."""

import html
import random
from collections.abc import Callable

import ipywidgets as w
import pandas as pd
import psutil
import torch
from matplotlib.figure import Figure
from transformers import PreTrainedConfig
from trl import SFTConfig

from helpers import curves, memory, planner, plots, schedule, widgets
from helpers.errors import CourseError

SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup", "cosine_with_min_lr", "inverse_sqrt")
OPTIONS = {"cosine_with_min_lr": {"min_lr_rate": 0.1}}  # what a schedule needs beside its name
LAYOUT = dict(style={"description_width": "9em"}, layout=w.Layout(width="27em"))


def _watch(show: Callable, *choices: w.Widget) -> None:
    """Calls `show` now and whenever a choice changes."""
    for choice in choices:
        choice.observe(lambda _: show(), names="value")
    show()


def _table(facts: dict) -> str:
    shown = {name: fact if isinstance(fact, str) else f"{fact:g}" for name, fact in facts.items()}
    return pd.Series(shown).to_frame("").to_html(header=False, border=0)


def schedule_explorer(examples: int) -> w.VBox:
    """Pick epochs, batch, accumulation, warm-up and scheduler; see updates, evaluations, checkpoints and the curve.

    examples: rows of the training set. Children: choices, picture (PNG), result (HTML).
    """
    epochs = w.FloatSlider(value=1, min=0.5, max=10, step=0.5, description="epochs", **LAYOUT)
    batch = w.IntSlider(value=8, min=1, max=64, description="batch", **LAYOUT)
    accumulation = w.IntSlider(value=1, min=1, max=16, description="accumulation", **LAYOUT)
    warmup = w.FloatSlider(value=0.1, min=0, max=0.5, step=0.01, description="warm-up share", **LAYOUT)
    kind = w.Dropdown(options=SCHEDULES, value="cosine", description="scheduler", **LAYOUT)
    every = w.IntSlider(value=50, min=5, max=500, step=5, description="evaluate every", **LAYOUT)
    picture, result = w.Image(format="png"), w.HTML()

    def show():
        config = SFTConfig(
            num_train_epochs=epochs.value,
            per_device_train_batch_size=batch.value,
            gradient_accumulation_steps=accumulation.value,
            warmup_steps=warmup.value,
            lr_scheduler_type=kind.value,
            lr_scheduler_kwargs=OPTIONS.get(kind.value),
            learning_rate=3e-4,
            eval_strategy="steps",
            eval_steps=every.value,
            save_steps=every.value,
            save_total_limit=3,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            report_to="none",
        )
        planned = schedule.plan(config, examples)
        fig = Figure(figsize=(8, 2.4), layout="constrained")
        ax = fig.subplots()
        ax.plot(schedule.rates(config, planned["updates"]), color=plots.COLORS["train"])
        ax.set(xlabel="update", ylabel="learning rate", ylim=(0, 3.2e-4))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
        ax.set_title(f"{planned['warm-up updates']} of {planned['updates']} updates go into the warm-up")
        picture.value, result.value = widgets.png(fig), _table(planned)

    choices = (epochs, batch, accumulation, warmup, kind, every)
    _watch(show, *choices)
    return w.VBox([w.GridBox(choices, layout=w.Layout(grid_template_columns="28em 28em")), picture, result])


def memory_explorer(configs: dict[str, PreTrainedConfig]) -> w.VBox:
    """Pick model, batch, length, precision and method; see what the memory of a training step goes to.

    configs: {name: configuration of a causal model}. Children: choices, picture (PNG), result (HTML).
    """
    name = w.Dropdown(options=list(configs), description="model", **LAYOUT)
    batch = w.IntSlider(value=8, min=1, max=64, description="batch", continuous_update=False, **LAYOUT)
    length = w.IntSlider(value=128, min=32, max=4096, step=32, description="tokens", continuous_update=False, **LAYOUT)
    bf16 = w.Checkbox(value=False, description="mixed precision (bf16)", **LAYOUT)
    method = w.Dropdown(options=["all weights", "LoRA, rank 8", "LoRA, rank 64"], description="train", **LAYOUT)
    again = w.Checkbox(value=False, description="gradient checkpointing", **LAYOUT)
    picture, result = w.Image(format="png"), w.HTML()
    cuda = torch.cuda.is_available()
    here = torch.cuda.get_device_properties(0).total_memory if cuda else psutil.virtual_memory().total

    def show():
        rank = int(method.value.split()[-1]) if "LoRA" in method.value else 0
        planned = memory.plan(configs[name.value], batch.value, length.value, bf16.value, rank, again.value)
        total, color = memory.peak(planned), dict(zip(planned, plots.SHADES, strict=True))
        fig = Figure(figsize=(8, 2.4), layout="constrained")
        ax = fig.subplots()
        for row, moment in enumerate((("activations", "logits"), ("gradients",))):
            left = 0.0
            for part in ("weights", "optimizer", *moment):
                label = f"{part} {planned[part] / 1e9:.2f}" if not row or part == "gradients" else None
                ax.barh(row, planned[part] / 1e9, left=left, color=color[part], edgecolor="white", label=label)
                left += planned[part] / 1e9
        ax.axvline(here / 1e9, color="black", linestyle="--")
        ax.set_yticks([0, 1], ["forward pass done", "backward pass done"])
        ax.set(ylim=(1.6, -0.6), xlabel="GB; the dashed line is what this machine has")
        ax.set_title(f"{total / 1e9:.1f} GB {'fit' if total < 0.9 * here else 'do not fit'} into {here / 1e9:.0f} GB")
        fig.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
        picture.value = widgets.png(fig)
        result.value = _table({f"{part} (GB)": f"{n / 1e9:.2f}" for part, n in planned.items()})

    choices = (name, batch, length, bf16, method, again)
    _watch(show, *choices)
    return w.VBox([w.GridBox(choices, layout=w.Layout(grid_template_columns="28em 28em")), picture, result])


def run_explorer(runs: dict[str, dict]) -> w.VBox:
    """Lay recorded runs over one another, smooth them, and read the diagnosis of each.

    runs: {name: curves.recorded(name)}. Children: choices, picture (PNG), result (HTML).
    """
    names = w.SelectMultiple(options=list(runs), value=list(runs)[:1], rows=8, description="runs", **LAYOUT)
    window = w.IntSlider(value=1, min=1, max=15, step=2, description="mean of lines", **LAYOUT)
    log_scale = w.Checkbox(value=False, description="logarithmic loss", **LAYOUT)
    picture, result = w.Image(format="png"), w.HTML()

    def show():
        fig = Figure(figsize=(9, 3.4), layout="constrained")
        ax = fig.subplots()
        logs = {name: curves.table(runs[name]["log"]) for name in names.value}
        plots.overlay(ax, logs, window.value, log_scale.value)
        ax.set_title("Training loss (line) and validation loss (dashed)")
        picture.value = widgets.png(fig)
        result.value = "".join(verdict(name, curves.diagnose(runs[name])) for name in names.value)

    _watch(show, names, window, log_scale)
    return w.VBox([w.HBox([names, w.VBox([window, log_scale])]), picture, result])


def verdict(name: str, found: curves.Diagnosis) -> str:
    """A diagnosis as HTML: label, evidence, what it means and what to do."""
    evidence = "; ".join(f"{what}: {value:g}" for what, value in found.evidence.items())
    texts = [f"<b>{name}: {found.label}</b>", evidence, found.means, found.do]
    return "<p>" + "<br>".join(html.escape(text, quote=False) if i else text for i, text in enumerate(texts)) + "</p>"


def game(runs: dict[str, dict], seed: int = 0) -> w.VBox:
    """ "What is wrong with this run?": a recorded run's curves, the labels to choose from, a score and the explanation.

    runs: {name: curves.recorded(name)}, each with the fault that was built into it. Children: picture (PNG), choice and
    buttons, score (HTML), result (HTML).
    """
    order = random.Random(seed).sample(list(runs), len(runs))
    labels = [label for label, entry in curves.diagnoses().items() if entry["in_the_log"]]
    choice = w.Dropdown(options=["choose", *labels], description="It is", **LAYOUT)
    answer, following = w.Button(description="Answer", button_style="primary"), w.Button(description="Next run")
    picture, score, result = w.Image(format="png"), w.HTML(), w.HTML()
    state = {"at": -1, "right": 0, "asked": 0, "open": False}

    def turn(_=None):
        state["at"], state["open"], choice.value, result.value = (state["at"] + 1) % len(order), True, "choose", ""
        log = curves.table(runs[order[state["at"]]]["log"])
        picture.value = widgets.png(plots.training(log, "What is wrong with this run, if anything?"))

    def judge(_):
        if not state["open"] or choice.value == "choose":
            result.value = "Choose an answer first." if state["open"] else "Answered: press Next run."
            return
        name = order[state["at"]]
        run = runs[name]
        right = choice.value == run["recipe"]["fault"]
        state.update(open=False, asked=state["asked"] + 1, right=state["right"] + right)
        score.value = f"{state['right']} of {state['asked']} right"
        about = f"{'Right' if right else 'Not this one'}: {run['recipe']['model']}, {run['recipe']['about']}."
        result.value = f"<p><b>{html.escape(about)}</b></p>" + verdict("the rules say", curves.diagnose(run))

    answer.on_click(judge)
    following.on_click(turn)
    turn()
    return w.VBox([picture, w.HBox([choice, answer, following]), score, result])


def own_log() -> w.VBox:
    """Drop in a trainer_state.json or a CSV; see its curve and its diagnosis. Children: upload, picture, result."""
    upload = w.FileUpload(accept=".json,.csv", description="trainer_state.json or CSV", layout=w.Layout(width="20em"))
    picture, result = w.Image(format="png", layout=w.Layout(display="none")), w.HTML()

    def show():
        if not upload.value:
            return
        file = upload.value[0]
        try:
            log = curves.read(bytes(file["content"]))
            found = curves.diagnose(log)
            picture.value = widgets.png(plots.training(curves.table(log), file["name"]))
            picture.layout.display = None
            result.value = verdict(file["name"], found)
        except CourseError as error:
            picture.layout.display, result.value = "none", html.escape(str(error))

    _watch(show, upload)
    return w.VBox([upload, picture, result])


def scale_planner(configs: dict[str, PreTrainedConfig]) -> w.VBox:
    """Pick model, GPUs, method and tokens; see whether they fit, for how long, at what price, and what starts the run.

    configs: {name: configuration of a causal model}. Children: choices, picture (PNG), result (HTML).
    """
    late = {"continuous_update": False}
    name = w.Dropdown(options=list(configs), description="model", **LAYOUT)
    method = w.Dropdown(options=list(planner.METHODS), description="train", **LAYOUT)
    kind = w.Dropdown(options=list(planner.GPUS), value="L4", description="GPU", **LAYOUT)
    gpus = w.IntSlider(value=1, min=1, max=8, description="how many", **late, **LAYOUT)
    split = w.Dropdown(options=list(planner.SPLITS), description="several by", **LAYOUT)
    batch = w.IntSlider(value=8, min=1, max=64, description="batch on each", **late, **LAYOUT)
    length = w.IntSlider(value=512, min=64, max=4096, step=64, description="tokens in a row", **late, **LAYOUT)
    again = w.Checkbox(value=True, description="gradient checkpointing", **LAYOUT)
    tokens = w.FloatLogSlider(value=5e7, min=5, max=10, description="tokens in all", readout_format=".1e", **LAYOUT)
    share = w.FloatSlider(value=0.3, min=0.05, max=0.6, step=0.05, description="share of peak", **LAYOUT)
    price = w.FloatSlider(value=2.0, min=0, max=10, step=0.1, description="price of a GPU hour", **LAYOUT)
    picture, result = w.Image(format="png"), w.HTML()

    def show():
        gpu, config = planner.GPUS[kind.value], configs[name.value]
        try:
            given = (method.value, batch.value, length.value, gpus.value, split.value, again.value)
            planned = planner.need(config, *given)
        except CourseError as error:
            result.value = f"<p>{html.escape(str(error))}</p>"
            return
        total, room = memory.peak(planned) / 1e9, planner.ROOM * gpu["GB"]
        fig = Figure(figsize=(8, 1.9), layout="constrained")
        ax, left = fig.subplots(), 0.0
        for part, n in memory.fullest(planned).items():
            color = plots.SHADES[list(planned).index(part)]
            ax.barh(0, n / 1e9, left=left, color=color, edgecolor="white", label=f"{part} {n / 1e9:.1f}")
            left += n / 1e9
        ax.axvline(room, color="black", linestyle="--")
        ax.set(yticks=[], xlabel=f"GB on each GPU; the dashed line is what can be used of its {gpu['GB']}")
        ax.set_title(f"{total:.1f} GB at the peak {'fit' if total < room else 'do not fit'} into one {kind.value}")
        fig.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
        time = planner.hours(config, method.value, tokens.value, gpu["TFLOPS"], gpus.value, share.value, again.value)
        facts = {"fits": "yes" if total < room else "no", "hours": f"{time:.2g}"}
        facts["price"] = f"{time * gpus.value * price.value:.3g}"
        line = planner.command(name.value, *given, bf16=gpu["bf16"])
        picture.value, result.value = widgets.png(fig), _table(facts) + f"<pre>{html.escape(line)}</pre>"

    choices = (name, method, kind, gpus, split, batch, length, again, tokens, share, price)
    _watch(show, *choices)
    return w.VBox([w.GridBox(choices, layout=w.Layout(grid_template_columns="28em 28em")), picture, result])
