"""Run logs to look at: recorded runs laid over one another, a log of the reader's own, and a game of diagnosis."""

import html
import random

import ipywidgets as w
from matplotlib.figure import Figure

from helpers.language import _
from helpers.training import diagnosis, run_log
from helpers.ui import figures
from helpers.ui.frame import LAYOUT, frame

# What a reader may see; kept together for a translation.
NO_RULE = "none of the rules holds"
NOTHING = "nothing"
CHOOSE = "choose"
SHOWN = {  # of all that is measured, what a reader wants to know first
    "updates": "updates",
    "epochs": "epochs",
    "training loss, last": "training loss, last",
    "of its first": "training loss, last to first",
    "evaluations": "evaluations",
    "validation loss, last to lowest": "validation loss, last to lowest",
}
SHORT_TEXTS = ("choose", "what decided", "the log shows", "missing", "it means", "what to do")
CELL = "text-align:left; vertical-align:top; padding:2px 10px; max-width:60em; white-space:normal"


def compare_runs(runs: dict[str, dict]) -> w.VBox:
    """Lay recorded runs over one another, smooth them, and read the diagnosis of each.

    runs: {name: run_log.recorded(name)}.
    """

    def draw(names, window, log_scale):
        fig = Figure(figsize=(9, 3.4), layout="constrained")
        logs = {name: run_log.table(runs[name]["log"]) for name in names}
        ax = figures.overlay(fig.subplots(), logs, window, log_scale)
        ax.set_title("Training loss (line) and validation loss (dashed)")
        return fig, "".join(verdict(name, diagnosis.diagnose(runs[name])) for name in names)

    choices = {
        "names": w.SelectMultiple(options=list(runs), value=list(runs)[:1], rows=8, description="runs", **LAYOUT),
        "window": w.IntSlider(value=1, min=1, max=15, step=2, description="mean of lines", **LAYOUT),
        "log_scale": w.Checkbox(value=False, description="logarithmic loss", **LAYOUT),
    }
    return frame(draw, choices)


def own_log() -> w.VBox:
    """Drop in a log, or several files of one run (state, CSV, console lines); see its curve and its diagnosis."""

    def draw(files):
        if not files:
            return None, ""
        log = run_log.read({file["name"]: bytes(file["content"]) for file in files})
        name = ", ".join(file["name"] for file in files)
        return figures.training(run_log.table(log), name), verdict(name, diagnosis.diagnose(log))

    kinds = dict(accept=".json,.jsonl,.csv,.tsv,.txt,.log", multiple=True)
    upload = w.FileUpload(**kinds, description=_("trainer_state.json or CSV"), layout=w.Layout(width="20em"))
    return frame(draw, {"files": upload})


def game(runs: dict[str, dict], seed: int = 0) -> w.VBox:
    """ "What is wrong with this run?": a recorded run's curves, the labels to choose from, a score and the explanation.

    runs: {name: run_log.recorded(name)}, each with the fault that was built into it. Children: picture (PNG), choice
    and buttons, score (HTML), result (HTML).
    """
    order = random.Random(seed).sample(list(runs), len(runs))
    labels = [label for label, entry in diagnosis.diagnoses().items() if entry["in_the_log"]]
    choice = w.Dropdown(options=[(_(label), label) for label in [CHOOSE, *labels]], description=_("It is"), **LAYOUT)
    answer, following = w.Button(description=_("Answer"), button_style="primary"), w.Button(description=_("Next run"))
    picture, score, result = w.Image(format="png"), w.HTML(), w.HTML()
    state = {"at": -1, "right": 0, "asked": 0, "open": False}

    def next_run(button=None):
        state.update(at=(state["at"] + 1) % len(order), open=True)
        choice.value, result.value = CHOOSE, ""
        log = run_log.table(runs[order[state["at"]]]["log"])
        picture.value = figures.png(figures.training(log, "What is wrong with this run, if anything?"))

    def judge(button):
        if not state["open"]:
            result.value = _("Answered: press Next run.")
            return
        if choice.value == CHOOSE:
            result.value = _("Choose an answer first.")
            return
        run = runs[order[state["at"]]]
        right = choice.value == run["recipe"]["fault"]
        state.update(open=False, asked=state["asked"] + 1, right=state["right"] + right)
        score.value = _(f"{state['right']} of {state['asked']} right")
        verdict_on = _("Right") if right else _("Not this one")
        about = _("{}: {}, {}.").format(verdict_on, run["recipe"]["model"], _(run["recipe"]["about"]))
        result.value = f"<p><b>{html.escape(about)}</b></p>" + verdict(_("the rules say"), diagnosis.diagnose(run))

    answer.on_click(judge)
    following.on_click(next_run)
    next_run()
    return w.VBox([picture, w.HBox([choice, answer, following]), score, result])


def verdict(name: str, diagnosed: diagnosis.Diagnosis) -> str:
    """A diagnosis as a small table of HTML: label, what decided it, the log in figures, what is missing, what to do."""
    found = [f"{_(what)} {diagnosed.evidence[key]:g}" for what, key in SHOWN.items() if key in diagnosed.evidence]
    rows = {  # named in SHORT_TEXTS
        "what decided": [_("{}: {}").format(_(what), value) for what, value in diagnosed.because.items()],
        "the log shows": [_(", ").join(found)] if found else [],
        "missing": [_(sentence) for sentence in diagnosed.missing] or [_(NOTHING)],
        "it means": [diagnosed.means],
        "what to do": [diagnosed.do],
    }
    rows["what decided"] = rows["what decided"] or [_(NO_RULE)]
    title = html.escape(_("{}: {}").format(name, _(diagnosed.label)), quote=False)
    lines = [f"<tr><td colspan='2' style='text-align:left'><b>{title}</b></td></tr>"]
    for what, texts in rows.items():
        cell = "<br>".join(html.escape(text, quote=False) for text in texts)
        row = f"<tr><td style='{CELL}; opacity:0.75'>{_(what)}</td><td style='{CELL}'>{cell}</td></tr>"
        lines += [row] * bool(texts)
    return f"<table style='margin:4px 0 12px'>{''.join(lines)}</table>"
