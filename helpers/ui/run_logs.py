"""Run logs to look at: recorded runs laid over one another, a log of the reader's own, and a game of diagnosis."""

import html
import random

import ipywidgets as w
from matplotlib.figure import Figure

from helpers.training import diagnosis, run_log
from helpers.ui import figures
from helpers.ui.frame import LAYOUT, frame


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
    """Drop in a trainer_state.json or a CSV; see its curve and its diagnosis."""

    def draw(files):
        if not files:
            return None, ""
        name = files[0]["name"]
        log = run_log.read(bytes(files[0]["content"]))
        diagnosed = diagnosis.diagnose(log)
        return figures.training(run_log.table(log), name), verdict(html.escape(name), diagnosed)

    upload = w.FileUpload(accept=".json,.csv", description="trainer_state.json or CSV", layout=w.Layout(width="20em"))
    return frame(draw, {"files": upload})


def game(runs: dict[str, dict], seed: int = 0) -> w.VBox:
    """ "What is wrong with this run?": a recorded run's curves, the labels to choose from, a score and the explanation.

    runs: {name: run_log.recorded(name)}, each with the fault that was built into it. Children: picture (PNG), choice
    and buttons, score (HTML), result (HTML).
    """
    order = random.Random(seed).sample(list(runs), len(runs))
    labels = [label for label, entry in diagnosis.diagnoses().items() if entry["in_the_log"]]
    choice = w.Dropdown(options=["choose", *labels], description="It is", **LAYOUT)
    answer, following = w.Button(description="Answer", button_style="primary"), w.Button(description="Next run")
    picture, score, result = w.Image(format="png"), w.HTML(), w.HTML()
    state = {"at": -1, "right": 0, "asked": 0, "open": False}

    def next_run(_=None):
        state.update(at=(state["at"] + 1) % len(order), open=True)
        choice.value, result.value = "choose", ""
        log = run_log.table(runs[order[state["at"]]]["log"])
        picture.value = figures.png(figures.training(log, "What is wrong with this run, if anything?"))

    def judge(_):
        if not state["open"]:
            result.value = "Answered: press Next run."
            return
        if choice.value == "choose":
            result.value = "Choose an answer first."
            return
        run = runs[order[state["at"]]]
        right = choice.value == run["recipe"]["fault"]
        state.update(open=False, asked=state["asked"] + 1, right=state["right"] + right)
        score.value = f"{state['right']} of {state['asked']} right"
        about = f"{'Right' if right else 'Not this one'}: {run['recipe']['model']}, {run['recipe']['about']}."
        result.value = f"<p><b>{html.escape(about)}</b></p>" + verdict("the rules say", diagnosis.diagnose(run))

    answer.on_click(judge)
    following.on_click(next_run)
    next_run()
    return w.VBox([picture, w.HBox([choice, answer, following]), score, result])


def verdict(name: str, diagnosed: diagnosis.Diagnosis) -> str:
    """A diagnosis as HTML: label, what decided it, what it means, what to do, what the log lacks."""
    because = "; ".join(f"{what}: {value}" for what, value in diagnosed.because.items())
    texts = [because or "none of the rules holds", diagnosed.means, diagnosed.do, *diagnosed.missing]
    lines = [html.escape(text, quote=False) for text in texts]
    return "<p>" + "<br>".join([f"<b>{name}: {diagnosed.label}</b>", *lines]) + "</p>"
