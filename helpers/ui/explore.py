"""Explorers: widgets that show at once what a configuration plans: schedule, memory, packing, label mask, GPUs."""

import contextlib
import html
import io
from collections.abc import Callable, Sequence
from functools import lru_cache

import ipywidgets as w
import psutil
import torch
from matplotlib.figure import Figure
from transformers import PreTrainedConfig
from trl import SFTConfig
from trl.trainer import sft_trainer

from helpers import LAPTOP
from helpers.dataset import validation
from helpers.language import _
from helpers.model import chat
from helpers.training import memory, packing, planner, schedule
from helpers.ui import figures, masks
from helpers.ui.frame import LAYOUT, frame, table

SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup", "cosine_with_min_lr", "inverse_sqrt")
OPTIONS = {"cosine_with_min_lr": {"min_lr_rate": 0.1}}  # what a schedule needs beside its name
# What a reader may see; kept together for a translation.
NO_END = "no: the model would not learn to stop"
IN_LOSS = "{} tokens, {} in the loss ({});"
SHORT_TEXTS = (  # of facts in the tables, and of choices
    "all weights", "batches an epoch", "updates an epoch", "updates", "epochs", "warm-up updates", "log lines",
    "evaluations", "checkpoints", "rows", "documents in a row", "row space filled (%)", "documents cut", "tokens lost",
    "updates an epoch, unpacked", "updates an epoch, packed", "epochs in 1,000 updates", "weights", "optimizer",
    "activations", "logits", "gradients", "fits", "hours", "price", "gathered", "buckets",
)  # fmt: skip
LATE = {"continuous_update": False}  # for sliders whose redrawing takes a moment


def schedules(examples: int) -> w.VBox:
    """Pick epochs, batch, accumulation, warm-up and scheduler; see updates, evaluations, checkpoints and the curve.

    examples: rows of the training set.
    """

    def draw(epochs, batch, accumulation, warmup, kind, every):
        config = SFTConfig(
            num_train_epochs=epochs,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            warmup_steps=warmup,
            lr_scheduler_type=kind,
            lr_scheduler_kwargs=OPTIONS.get(kind),
            learning_rate=3e-4,
            eval_strategy="steps",
            eval_steps=every,
            save_steps=every,
            save_total_limit=3,
            **{**LAPTOP, "save_strategy": "steps"},
        )
        planned = schedule.plan(config, examples)
        fig = Figure(figsize=(8, 2.4), layout="constrained")
        title = f"{planned['warm-up updates']} of {planned['updates']} updates go into the warm-up"
        figures.learning_rates(fig.subplots(), schedule.rates(config, planned["updates"]), 3.2e-4, title)
        return fig, table(planned)

    choices = {
        "epochs": w.FloatSlider(value=1, min=0.5, max=10, step=0.5, description="epochs", **LAYOUT),
        "batch": w.IntSlider(value=8, min=1, max=64, description="batch", **LAYOUT),
        "accumulation": w.IntSlider(value=1, min=1, max=16, description="accumulation", **LAYOUT),
        "warmup": w.FloatSlider(value=0.1, min=0, max=0.5, step=0.01, description="warm-up share", **LAYOUT),
        "kind": w.Dropdown(options=SCHEDULES, value="cosine", description="scheduler", **LAYOUT),
        "every": w.IntSlider(value=50, min=5, max=500, step=5, description="evaluate every", **LAYOUT),
    }
    return frame(draw, choices)


def memory_use(configs: dict[str, PreTrainedConfig]) -> w.VBox:
    """Pick model, batch, length, precision and method; see what the memory of a training step goes to.

    configs: {name: configuration of a causal model}.
    """
    here = psutil.virtual_memory().total
    if torch.cuda.is_available():
        here = torch.cuda.get_device_properties(0).total_memory

    def draw(name, batch, length, bf16, method, activation_checkpointing):
        rank = int(method.split()[-1]) if "LoRA" in method else 0
        planned = memory.plan(configs[name], batch, length, bf16, rank, activation_checkpointing)
        peak = memory.peak(planned)
        parts = lambda *names: {part: planned[part] for part in names}
        moments = {
            "forward pass done": parts("weights", "optimizer", "activations", "logits"),
            "backward pass done": parts("weights", "optimizer", "gradients"),
        }
        fits = "fit" if peak < 0.9 * here else "do not fit"
        fig = Figure(figsize=(8, 2.4), layout="constrained")
        ax = fig.subplots()
        figures.memory_parts(ax, moments, here / 1e9, f"{peak / 1e9:.1f} GB {fits} into {here / 1e9:.0f} GB")
        ax.set_xlabel("GB; the dashed line is what this machine has")
        fig.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
        return fig, table({f"{_(part)} (GB)": f"{n / 1e9:.2f}" for part, n in planned.items()})

    methods = ["all weights", "LoRA, rank 8", "LoRA, rank 64"]
    choices = {
        "name": w.Dropdown(options=list(configs), description="model", **LAYOUT),
        "batch": w.IntSlider(value=8, min=1, max=64, description="batch", **LATE, **LAYOUT),
        "length": w.IntSlider(value=128, min=32, max=4096, step=32, description="tokens", **LATE, **LAYOUT),
        "bf16": w.Checkbox(value=False, description="mixed precision (bf16)", **LAYOUT),
        "method": w.Dropdown(options=methods, description="train", **LAYOUT),
        "activation_checkpointing": w.Checkbox(value=False, description="activation checkpointing", **LAYOUT),
    }
    return frame(draw, choices)


def packed_rows(lengths: Sequence[int]) -> w.VBox:
    """Pick a strategy, a max_length and a batch; see the packed rows and what they make of an epoch.

    lengths: tokens of each document.
    """

    def draw(strategy, max_length, batch):
        pieces = packing.place(lengths, strategy, max_length)
        facts = packing.summary(pieces, lengths, max_length)
        ax = figures.packed(pieces, max_length, packing.STRATEGIES[strategy])
        ax.figure.legend(loc="outside lower center", ncols=2, frameon=False)
        unpacked, packed = (-(-n // batch) for n in (len(lengths), facts["rows"]))
        facts |= {"updates an epoch, unpacked": unpacked, "updates an epoch, packed": packed}
        facts["epochs in 1,000 updates"] = _("{:.1f} unpacked, {:.1f} packed").format(1000 / unpacked, 1000 / packed)
        return ax.figure, table(facts)

    choices = {
        "strategy": w.Dropdown(options=list(packing.STRATEGIES), description="strategy", **LAYOUT),
        "max_length": w.IntSlider(value=256, min=32, max=1024, step=32, description="max_length", **LATE, **LAYOUT),
        "batch": w.IntSlider(value=4, min=1, max=32, description="batch", **LAYOUT),
    }
    return frame(draw, choices)


def label_masks(masked: Callable, modes: Sequence[str], tokenizer, messages: list[dict]) -> w.VBox:
    """Pick a family of chat templates, a mode and the messages; see the tokens, and which of them the loss counts.

    masked: a function from (messages, mode, tokenizer) to token ids and labels.
    """
    tokenizer_of = lru_cache(lambda name: chat.tokenizer_for(name, tokenizer))

    def draw(family, mode, text):
        printed = io.StringIO()
        try:
            lines = [line.partition(":") for line in text.splitlines() if line.strip()]
            dialogue = [{"role": role.strip(), "content": content.strip()} for role, _, content in lines]
            validation.dialogue({"messages": dialogue})
            of_family = tokenizer_of(family)
            sft_trainer.logger.warning_once.cache_clear()  # or a warning would show for the first choice alone
            with contextlib.redirect_stdout(printed):  # TRL's warnings
                ids, labels = masked(dialogue, mode, of_family)
        except Exception as error:  # a callback's error would vanish in the server's log
            return None, _(f"Not yet a dialogue to train on: {html.escape(_(str(error)))}.")
        counted = [i for i, label in zip(ids[1:], labels[1:], strict=True) if label != chat.IGNORED]
        ends = _("yes") if of_family.eos_token_id in counted else f"<b>{_(NO_END)}</b>"
        told = _(IN_LOSS).format(len(ids), len(counted), f"{len(counted) / len(ids):.0%}")
        about_end = _("{} in the loss: {}").format(html.escape(of_family.eos_token), ends)
        return None, (
            f"<p>{told} {about_end}</p>"
            f"{masks.colored_tokens(of_family, ids, labels).data}<p>{html.escape(printed.getvalue())}</p>"
        )

    lines = "\n".join(f"{m['role']}: {m['content']}" for m in messages)
    choices = {
        "family": w.Dropdown(options=list(chat.FAMILIES), description="template", layout=w.Layout(width="27em")),
        "mode": w.Dropdown(options=list(modes), description="loss", layout=w.Layout(width="27em")),
        "text": w.Textarea(value=lines, rows=6, layout=w.Layout(width="56em", grid_column="1 / 3"), **LATE),
    }
    return frame(draw, choices)


def gpus(configs: dict[str, PreTrainedConfig]) -> w.VBox:
    """Pick model, GPUs, method and tokens; see whether they fit, for how long, at what price, and what starts the run.

    configs: {name: configuration of a causal model}.
    """

    def draw(name, method, kind, count, split, batch, length, activation_checkpointing, tokens, hfu, price):
        gpu, how = planner.GPUS[kind], (method, batch, length, count, split, activation_checkpointing)
        planned = planner.need(configs[name], *how)
        peak, room = memory.peak(planned) / 1e9, planner.ROOM * gpu["GB"]
        fits = "fit" if peak < room else "do not fit"
        fig = Figure(figsize=(8, 1.9), layout="constrained")
        ax = fig.subplots()
        title = f"{peak:.1f} GB at the peak {fits} into one {kind}"
        figures.memory_parts(ax, {"": memory.fullest(planned)}, room, title)
        ax.set_xlabel(f"GB on each GPU; the dashed line is what can be used of its {gpu['GB']}")
        fig.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
        time = planner.hours(configs[name], method, tokens, gpu["TFLOPS"], count, hfu, activation_checkpointing)
        facts = {
            "fits": _("yes") if peak < room else _("no"),
            "hours": f"{time:.2g}",
            "price": f"{time * count * price:.3g}",
        }
        line = planner.command(name, *how, bf16=gpu["bf16"])
        return fig, table(facts) + f"<pre>{html.escape(line)}</pre>"

    choices = {
        "name": w.Dropdown(options=list(configs), description="model", **LAYOUT),
        "method": w.Dropdown(options=list(planner.METHODS), description="train", **LAYOUT),
        "kind": w.Dropdown(options=list(planner.GPUS), value="L4", description="GPU", **LAYOUT),
        "count": w.IntSlider(value=1, min=1, max=8, description="how many", **LATE, **LAYOUT),
        "split": w.Dropdown(options=list(planner.SPLITS), description="several by", **LAYOUT),
        "batch": w.IntSlider(value=8, min=1, max=64, description="batch on each", **LATE, **LAYOUT),
        "length": w.IntSlider(value=512, min=64, max=4096, step=64, description="tokens in a row", **LATE, **LAYOUT),
        "activation_checkpointing": w.Checkbox(value=True, description="activation checkpointing", **LAYOUT),
        "tokens": w.FloatLogSlider(value=5e7, min=5, max=10, description="tokens", readout_format=".1e", **LAYOUT),
        "hfu": w.FloatSlider(value=0.3, min=0.05, max=0.6, step=0.05, description="share of peak", **LAYOUT),
        "price": w.FloatSlider(value=2.0, min=0, max=10, step=0.1, description="price of a GPU hour", **LAYOUT),
    }
    return frame(draw, choices)
