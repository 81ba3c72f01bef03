"""Figures: one colour for one meaning through the whole course, told apart in grey by line and marker."""

import io
import itertools

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from PIL import Image

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLORS = {"train": "#0072B2", "validation": "#D55E00", "before": "#8C8C8C", "after": "#009E73", "other": "#CC79A7"}
SHADES = ["#D55E00", "#0072B2", "#56B4E9", "#8C8C8C", "#C8C8C8"]  # parts of one whole, told apart in grey as well
OTHERS = [COLORS["other"], "#E69F00", "#56B4E9"]  # what has no colour of its own
RUN_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C8C8C", "#E69F00"]
plt.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "figure.dpi": 110,
        "font.size": 10,
        "savefig.bbox": "tight",
    }
)


def training(log: pd.DataFrame, title: str, total_steps: int | None = None) -> plt.Figure:
    """Training and validation loss, learning rate, gradient norm and speed against the step.

    `log` is run_log.table(...); `total_steps` fixes the width of the axes while a run is going on.
    """
    fig, axes = plt.subplots(2, 2, figsize=(9, 5.2), sharex=True, layout="constrained")
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
    panels = [
        ("loss", "loss (nats per token)"),
        ("learning_rate", "learning rate"),
        ("grad_norm", "gradient norm"),
        ("tokens_per_second", "tokens per second"),
    ]
    for ax, (column, label) in zip(axes.flat, panels, strict=True):
        _line(ax, log, column, COLORS["train"], "-", "." if column == "loss" else None)
        ax.set_ylabel(label)
        ax.grid(axis="y", alpha=0.25)
        ax.set_ylim(bottom=0)
    _line(axes[0, 0], log, "eval_loss", COLORS["validation"], "--", "s")
    _direct_labels(axes[0, 0], log, {"loss": "training", "eval_loss": "validation"})
    axes[0, 1].ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    for ax in axes[1]:
        ax.set_xlabel("step")
        ax.set_xlim(0, total_steps or (log["step"].max() if len(log) else 1))
    return fig


def training_path() -> plt.Figure:
    """The path of one training step, from text to update, as boxes and arrows."""
    steps = {  # name: (column, row, what it is, colour)
        "text": (0, 1, "command and call", "before"),
        "tokens": (1, 1, "numbers of pieces", "before"),
        "model": (2, 1, "its weights", "train"),
        "logits": (3, 1, "a score for every\npossible next token", "train"),
        "labels": (1, 0, "tokens of the answer;\n−100 for the rest", "before"),
        "loss": (3, 0, "mean of −log p\nof the labels", "validation"),
        "update": (2, 0, "weights − rate\n× gradient", "after"),
    }
    arrows = "text tokens, tokens model, model logits, tokens labels, logits loss, loss update, update model"
    fig, ax = plt.subplots(figsize=(9, 3), layout="constrained")
    for name, (x, y, what, color) in steps.items():
        box = dict(boxstyle="round,pad=0.5", facecolor="white", edgecolor=COLORS[color], linewidth=2)
        ax.text(2.6 * x, 1.8 * y, f"$\\bf{{{name}}}$\n{what}", ha="center", va="center", bbox=box, fontsize=10)
    for start, end in map(str.split, arrows.split(", ")):
        (x, y), (to_x, to_y) = steps[start][:2], steps[end][:2]
        dx, dy = to_x - x, to_y - y
        ends = [(2.6 * a + 0.95 * b, 1.8 * c + 0.5 * d) for a, b, c, d in ((x, dx, y, dy), (to_x, -dx, to_y, -dy))]
        ax.annotate("", ends[1], ends[0], arrowprops=dict(arrowstyle="->", linewidth=1.5))
    under = dict(arrowstyle="->", connectionstyle="arc3,rad=0.2", linewidth=1.5)
    ax.annotate("", (2.6 * 3, -0.55), (2.6, -0.55), arrowprops=under)  # labels, below the update, to loss
    ax.set(xlim=(-1.1, 8.9), ylim=(-1.2, 2.4))
    ax.axis("off")
    return fig


def losses(ax: plt.Axes, log: pd.DataFrame, title: str = "", fixed: pd.DataFrame | None = None) -> plt.Axes:
    """Training and validation loss of one run; `fixed` adds the validation loss of the run that does it right."""
    _line(ax, log, "loss", COLORS["train"], "-", None)
    _line(ax, log, "eval_loss", COLORS["validation"], "--", "s")
    if fixed is not None:
        _line(ax, fixed, "eval_loss", COLORS["after"], ":", "^")
    ax.set_title(title, fontsize=10)
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", alpha=0.25)
    return ax


def overlay(ax: plt.Axes, logs: dict[str, pd.DataFrame], window: int = 1, log_scale: bool = False) -> plt.Axes:
    """Runs in one picture, a colour for each: training loss as a line, a mean of `window` lines, validation dashed.

    logs: {name: run_log.table(...)}. The names stand where losses leave room, at the top right.
    """
    for i, ((name, log), color) in enumerate(zip(logs.items(), itertools.cycle(RUN_COLORS))):
        mean = log["loss"].rolling(window, min_periods=1, center=True).mean()
        _line(ax, log.assign(loss=mean.where(log["loss"].notna())), "loss", color, "-", None)
        _line(ax, log, "eval_loss", color, "--", "s")
        place = dict(xycoords="axes fraction", ha="right", va="top", color=color, fontsize=9)
        ax.annotate(name, (1, 1 - 0.08 * i), **place)
    ax.set(xlabel="step", ylabel="loss (nats per token)")
    if log_scale:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.grid(axis="y", alpha=0.25)
    return ax


def learning_rates(ax: plt.Axes, rates: list[float], highest: float, title: str) -> plt.Axes:
    """The rate of each update, as schedule.rates(...) gives it, on an axis up to `highest`."""
    ax.plot(rates, color=COLORS["train"])
    ax.set(xlabel="update", ylabel="learning rate", ylim=(0, highest), title=title)
    ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    return ax


def memory_parts(ax: plt.Axes, moments: dict[str, dict[str, int]], limit: float, title: str) -> plt.Axes:
    """A bar for each moment of a training step, made of the bytes that each part of a memory plan takes then.

    moments: {name: {part: bytes}}, parts being those of memory.plan(...). limit: GB, drawn as a dashed line. The
    legend, which the caller places, names each part once.
    """
    colors = dict(zip(("weights", "optimizer", "activations", "logits", "gradients"), SHADES, strict=True))
    named = set()
    for row, parts in enumerate(moments.values()):
        left = 0.0
        for part, n_bytes in parts.items():
            label = None if part in named else f"{part} {n_bytes / 1e9:.2f}"
            ax.barh(row, n_bytes / 1e9, left=left, color=colors[part], edgecolor="white", label=label)
            left += n_bytes / 1e9
            named.add(part)
    ax.axvline(limit, color="black", linestyle="--")
    ax.set_yticks(range(len(moments)), list(moments))
    ax.set(ylim=(len(moments) - 0.4, -0.6), title=title)
    return ax


def scores(tables: dict[str, dict[str, pd.DataFrame]], title: str) -> plt.Figure:
    """A panel for each set of commands, a row for each metric: values with their 95% intervals.

    tables: {"test": {"before": Scores.table(), "after": Scores.table()}, ...}; names in COLORS get their colour.
    """
    fig, axes = plt.subplots(1, len(tables), figsize=(9, 3), sharey=True, layout="constrained", squeeze=False)
    fig.suptitle(title, x=0.01, ha="left", fontsize=12)
    for ax, (records, compared) in zip(axes[0], tables.items(), strict=True):
        for i, (name, frame) in enumerate(compared.items()):
            y = [j + 0.14 - 0.28 * i for j in range(len(frame))][::-1]
            spread = [(frame["value"] - frame["low"]).clip(0), (frame["high"] - frame["value"]).clip(0)]
            color = COLORS.get(name, OTHERS[i % len(OTHERS)])
            ax.errorbar(frame["value"], y, xerr=spread, fmt="osD^v"[i], color=color, capsize=3)
            lowest = (frame["value"].iloc[-1], y[-1])  # the name stands below the last row, clear of the intervals
            ax.annotate(name, lowest, xytext=(0, -14), textcoords="offset points", color=color, ha="center")
        ax.set_yticks(range(len(frame)), list(frame.index)[::-1])
        ax.set_ylim(-0.9, len(frame) - 0.5)
        ax.set_xlim(-8, 104)
        ax.set_xlabel("percent")
        ax.set_title(records)
        ax.grid(axis="x", alpha=0.25)
    return fig


def packed(pieces: pd.DataFrame, max_length: int, title: str, shown: int = 12, ax: plt.Axes | None = None) -> plt.Axes:
    """Some rows of packing.place(...), evenly chosen: a bar for each piece, orange and hatched if its document was cut.

    Draws into `ax`, or into a figure of its own.
    """
    rows = int(pieces["row"].max()) + 1
    chosen = sorted({round(i * (rows - 1) / max(1, shown - 1)) for i in range(shown)})
    ax = ax or plt.subplots(figsize=(9, 0.9 + 0.19 * len(chosen)), layout="constrained")[1]
    ax.set_facecolor("#DDDDDD")  # what no token fills
    for cut, color, hatch in ((False, "train", None), (True, "validation", "////")):
        part = pieces[pieces["row"].isin(chosen) & (pieces["cut"] == cut)]
        places = [chosen.index(row) for row in part["row"]]
        look = dict(color=COLORS[color], edgecolor="white", hatch=hatch, height=0.8)
        label = "" if part.empty else "document that is cut" if cut else "document"
        ax.barh(places, part["length"], left=part["start"], label=label, **look)
    ax.set_yticks(range(0, len(chosen), 3), chosen[::3])
    ax.set(xlim=(0, max_length), ylim=(len(chosen) - 0.5, -0.5), xlabel="tokens", ylabel="row", title=title)
    return ax


def show(alt: str, fig: plt.Figure | None = None) -> None:
    """Display the figure, or the current one; `alt`, a sentence, is for readers who do not see it (its plain text)."""
    picture = {"image/png": png(fig or plt.gcf()), "text/plain": alt}
    display(picture, metadata={"image/png": {"alt": alt}}, raw=True)


def png(fig: plt.Figure) -> bytes:
    """The figure as a PNG that is small enough to be stored; closes it, so that it is not shown twice."""
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png")
    plt.close(fig)
    return fewer_colors(drawn.getvalue())


def fewer_colors(png: bytes) -> bytes:
    """The picture in 32 colours, which are enough for curves and take a third of the bytes."""
    small = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(32).save(small, "PNG", optimize=True)
    return small.getvalue()


def _line(ax, log: pd.DataFrame, column: str, color: str, style: str, marker: str | None) -> None:
    if column in log:
        points = log[["step", column]].dropna()
        ax.plot(points["step"], points[column], style, color=color, marker=marker, markersize=4)


def _direct_labels(ax, log: pd.DataFrame, names: dict[str, str]) -> None:
    """The name of each curve at its first point, where the two are furthest apart."""
    for (column, name), color in zip(names.items(), (COLORS["train"], COLORS["validation"]), strict=True):
        points = log[["step", column]].dropna() if column in log else []
        if len(points):
            first = points.iloc[min(1, len(points) - 1)]
            ax.annotate(name, (first["step"], first[column]), xytext=(6, 6), textcoords="offset points", color=color)
