"""Quizzes: questions with an explanation for every option, from data/quiz/*.json."""

import html
import json

import ipywidgets as w

from helpers.language import _
from helpers.paths import DATA

FOLDER = DATA / "quiz"
# What a reader sees, in English; _() translates it, and the questions.
SO_FAR = "{} of {} right so far"


def questions(name: str) -> list[dict]:
    """[{"question": str, "options": [{"text": str, "right": bool, "why": str}]}] of one notebook, as "05"."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def show(name: str) -> w.VBox:
    """The quiz as widgets: choosing an option says at once whether it is right, and why."""
    asked = questions(name)
    score = w.HTML(_(SO_FAR).format(0, len(asked)))
    right = [False] * len(asked)
    boxes = []
    for number, item in enumerate(asked):
        radio = w.RadioButtons(
            options=[_(option["text"]) for option in item["options"]], index=None, layout=w.Layout(width="auto")
        )
        feedback = w.HTML()

        def answer(change, number=number, item=item, feedback=feedback):
            option = item["options"][change["new"]]
            right[number] = option["right"]
            verdict = _("Right.") if option["right"] else _("Not this one.")
            feedback.value = f"<b>{verdict}</b> {html.escape(_(option['why']))}"
            score.value = _(SO_FAR).format(sum(right), len(asked))

        radio.observe(answer, names="index")
        title = w.HTML(f"<b>{number + 1}. {html.escape(_(item['question']))}</b>")
        boxes.append(w.VBox([title, radio, feedback], layout=w.Layout(margin="0 0 1em 0")))
    return w.VBox([*boxes, score])
