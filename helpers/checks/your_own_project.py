"""Checks of notebook 11, Your own project."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from helpers.checks.protocol import Verdict, about, check, not_yet, right
from helpers.dataset import files
from helpers.errors import CourseError
from helpers.evaluation import generate, wilson
from helpers.evaluation.measures import MEASURES, choose
from helpers.language import _
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
    """One of SENTENCES, for a gain with its 95% interval that contains zero."""
    if answer not in SENTENCES:
        return not_yet(f"choose one of: {', '.join(SENTENCES)}.")
    if answer == SENTENCES[0]:
        return not_yet(f"{gain:+g} was measured, but {low:+g} would have been no surprise either.")
    if answer == SENTENCES[1]:
        return not_yet(f"the interval reaches {high:+g}: nobody has shown that there is no gain.")
    return right("the interval contains zero, so more held-out rows are needed before anybody may say more.")


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


# The blanks of teaching/capstone.ipynb, which tools/capstone.py makes of notebook 11.

OF_THE_COURSE = ("commands.csv", {"prompt": "command", "completion": "call"})  # the file that the notebook takes
READINGS = ("worth it", "the rival is better", "these rows do not decide")
CLAIMS = {  # whether the report of one run may say so, and why
    "the model answers every question of this kind well": (False, "nobody has asked it every question"),
    "measured on held-out rows of this file": (True, "that is what was done, and a reader has to know it"),
    "another seed may give another score": (True, "one run is one draw"),
    "the answers are safe for customers": (False, "no measure of this notebook looks at harm"),
}


@check
def columns(answer: str, path: Path) -> Verdict:
    """A mapping as in "prompt=question,completion=reply", for the file."""
    try:
        file = files.read(path, files.mapping(answer.split(",")))
    except CourseError as problem:
        return not_yet(str(problem))
    first = file.rows[0]
    if "prompt" not in first:
        return not_yet("name two columns: prompt=… and completion=…, with a comma between them.")
    asked, said = first["prompt"][-1]["content"], first["completion"][-1]["content"]
    if asked == said or (path.name == OF_THE_COURSE[0] and files.mapping(answer.split(",")) != OF_THE_COURSE[1]):
        return not_yet(f"the model would be asked {asked[:60]!r} and would learn to say {said[:60]!r}.")
    return right(f"asked {asked[:60]!r}, the model learns to say {said[:60]!r}.")


@check
def kept_together(answer: Sequence[int], cluster: Sequence[int], asked: Sequence[str]) -> Verdict:
    """A number for each row; rows of one `cluster` must have one number, and not all rows the same."""
    if len(answer) != len(cluster):
        return not_yet(f"there are {len(cluster)} rows, so {len(cluster)} numbers; yours are {len(answer)}.")
    first: dict = {}
    for row, number in enumerate(cluster):
        other = first.setdefault(number, row)
        if answer[other] != answer[row]:
            return not_yet(f"{asked[other][:60]!r} could be trained on and {asked[row][:60]!r} held out.")
    if len(set(answer)) < 3:
        return not_yet("then there is nothing to part: three splits need three groups at least.")
    return right(f"{len(cluster)} rows in {len(set(answer))} groups, and each group stays on one side.")


@check
def fitting_measure(answer: str, expected: Sequence[str]) -> Verdict:
    """A key of MEASURES for the answers of a file."""
    if answer not in MEASURES:
        return not_yet(f"{answer!r} is no measure; there are {', '.join(MEASURES)}.")
    fits = choose(expected)
    if answer != fits:
        return not_yet(f"{answer} says {MEASURES[answer]}. Now look at an answer of the file: {expected[0][:80]!r}.")
    return right(_("{} says {}.").format(fits, _(MEASURES[fits])))


@check
def fitting_length(answer: int, lengths: Sequence[int], most: int) -> Verdict:
    """A max_length that cuts no row, needs no more room than half as much again, and that the model can read."""
    longest = int(max(lengths))
    if cut := sum(length > answer for length in lengths):
        return not_yet(f"{cut} of {len(lengths)} rows are longer than that, and lose the end of their answer.")
    if answer > most:
        return not_yet(f"the model reads {most} tokens at most.")
    if answer > max(1.5 * longest, longest + 64):
        return not_yet(f"the longest row has {longest} tokens: the rest is room that nothing fills.")
    return right(f"the longest of {len(lengths)} rows has {longest} tokens, so nothing is cut.")


@check
def adapter_rate(answer: float, rate: float) -> Verdict:
    """A learning rate to begin with for an adapter, where all weights take `rate`."""
    if not isinstance(answer, int | float) or not answer > 0:
        return not_yet("write a number above 0.")
    if answer < 3 * rate:
        return not_yet(
            f"that is {answer / rate:.2g} times the rate of all weights; an adapter's updates are too small."
        )
    if answer > 30 * rate:
        return not_yet(f"that is {answer / rate:.2g} times the rate of all weights; begin with about ten times.")
    return right(f"{answer / rate:.2g} times {rate:g}: notebook 03 tries both.")


@check
def updates(answer: float, planned: dict) -> Verdict:
    """The updates of a run, of which `planned` is what preflight.plan says."""
    if answer != planned["updates"]:
        return not_yet("the last batch of an epoch may be smaller, and is an update too; max_steps above 0 overrules.")
    return right(f"{planned['updates']} updates, {planned['updates an epoch']} in an epoch.")


@check
def packing(answer: bool, planned: dict) -> Verdict:
    """Whether to pack on a GPU; `planned` is what preflight.plan says."""
    verdict = right if answer is planned["pack"] else not_yet
    return verdict(f"{planned['why']}.")


@check
def interval_read(answer: str, gain: dict) -> Verdict:
    """One of READINGS for a paired difference with its 95% interval."""
    if answer not in READINGS:
        return not_yet(f"choose one of: {', '.join(READINGS)}.")
    low, high = gain["low"], gain["high"]
    said = f"the interval goes from {low:+.1f} to {high:+.1f}"
    if low > 0:
        return right(f"{said}, all of it above zero.") if answer == READINGS[0] else not_yet(f"{said}.")
    if high < 0:
        return right(f"{said}, all of it below zero.") if answer == READINGS[1] else not_yet(f"{said}.")
    return right(f"{said} and contains zero.") if answer == READINGS[2] else not_yet(f"{said}: zero is in it.")


@check
def may_say(answer: dict[str, bool]) -> Verdict:
    """True or False for each of CLAIMS: whether the report may say so."""
    for claim, (allowed, because) in CLAIMS.items():
        if answer.get(claim) is not allowed:
            return not_yet(about(repr(claim), f"{because}."))
    return right("a report says what was measured, on what, and what nobody has tried.")
