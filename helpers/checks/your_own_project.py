"""Checks of notebook 11, Your own project."""

import json
import math
from pathlib import Path

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.errors import CourseError
from helpers.evaluation import generate, wilson
from helpers.evaluation.measures import MEASURES
from helpers.model import load_tuned

FITTING = {
    "sentiment of a review": ("label", "a sentiment is one of a few labels"),
    "total of an invoice": ("number", "a total is a number, however it is written"),
    "an address as fields": ("JSON", "three right fields of four are worth something"),
    "a reply to a customer": ("chrF", "a reply can be right in other words"),
}
SENTENCES = ("better by 4 points", "not better", "these rows do not decide")


@check
def fitting_measures(answer: dict[str, str]) -> Verdict:
    """A key of MEASURES for each kind of answer in FITTING."""
    if unknown := [name for name in answer.values() if name not in MEASURES]:
        return not_yet(f"{unknown[0]!r} is no measure; there are {', '.join(MEASURES)}.")
    for kind, (measure, because) in FITTING.items():
        if answer.get(kind) != measure:
            return not_yet(f"for {kind}, think of this: {because}.")
    return right("the form of the answer decides; whether two customers would agree is another question.")


@check
def report_sentence(answer: str, gain: float, low: float, high: float) -> Verdict:
    """One of SENTENCES, for a gain with its 95% interval that holds zero."""
    if answer not in SENTENCES:
        return not_yet(f"choose one of: {', '.join(SENTENCES)}.")
    if answer == SENTENCES[0]:
        return not_yet(f"{gain:+g} was measured, but {low:+g} would have been no surprise either.")
    if answer == SENTENCES[1]:
        return not_yet(f"the interval reaches {high:+g}: nobody has shown that there is no gain.")
    return right("the interval holds zero, so more held-out rows are needed before anybody may say more.")


@check
def rows_to_hold_out(answer: float, half_width: float) -> Verdict:
    """How many clusters make the interval of a share near one half +/- half_width points wide."""
    wanted = (100 / half_width) ** 2
    if not isinstance(answer, int | float) or not answer > 0:
        return not_yet("write a number of clusters.")
    low, high = wilson(0.5, answer)
    if math.isclose(answer, wanted, rel_tol=0.05):
        return right(f"with {answer:g} clusters the interval of 50% is {low:.0f} to {high:.0f}.")
    return not_yet(f"with {answer:g} clusters the interval of 50% is {low:.0f} to {high:.0f}.")


@check
def finished_project(answer: str | Path) -> Verdict:
    """The output_dir of a run of notebook 11 on another file than the course's own."""
    folder = Path(answer)
    for name in ("report.html", "started.json", "job/sft.yaml"):
        if not (folder / name).exists():
            return not_yet(f"{folder} holds no {name}: run the notebook to its end with output_dir set to this folder.")
    started = json.loads((folder / "started.json").read_text(encoding="utf-8"))
    if started["file"] == "commands.csv":
        return not_yet("that run used the file that comes with the notebook: pass another one as data_path.")
    if started["sha256"] not in (folder / "report.html").read_text(encoding="utf-8"):
        return not_yet("the report is of another file than the run: run the notebook again to its end.")
    try:
        model, tokenizer = load_tuned(started["model"], folder=str(folder / "model"))
    except CourseError as problem:
        return not_yet(f"the model does not load: {problem}")
    (said,) = generate(model, tokenizer, [[{"role": "user", "content": started["question"]}]], 24)
    return right(f"{started['file']} has become a model. To {started['question'][:60]!r} it says {said[:60]!r}.")
