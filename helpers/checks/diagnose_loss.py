"""Checks of notebook 06, Diagnose loss."""

from collections.abc import Callable

import pandas as pd

from helpers.checks.protocol import Verdict, about, check, not_yet, right
from helpers.language import _
from helpers.training import diagnosis, phases, rules, run_log


@check
def schedule_end(answer: float, log: pd.DataFrame) -> Verdict:
    """The first update after the peak of the learning rate at which it is below a tenth of the peak."""
    rates = log.dropna(subset=["learning_rate"]).set_index("step")["learning_rate"]
    end, peak = phases.schedule_ends(log), rates.idxmax()
    share = rates.asof(answer) / rates.max()
    if answer == end:
        return right(f"from update {end:g} on the rate is at most {share:.0%} of its peak: there little can happen.")
    if answer < peak:
        return not_yet(f"update {answer:g} lies in the warm-up: look at the updates after the peak, at {peak:g}.")
    if answer < end:
        return not_yet(f"at update {answer:g} the rate is still {share:.0%} of its peak.")
    return not_yet(f"update {answer:g} is not the first one whose rate is below a tenth of the peak.")


@check
def rise(answer: float, log: pd.DataFrame) -> Verdict:
    """The last validation loss of a log divided by the lowest."""
    losses = log["eval_loss"].dropna()
    truth = losses.iloc[-1] / losses.min()
    if abs(answer - truth) < 0.006:
        return right(f"it ends {truth:.2f} times as high as it was at update {log['step'][losses.idxmin()]:g}.")
    if abs(answer - 1 / truth) < 0.006:
        return not_yet("that is the lowest divided by the last.")
    if abs(answer - (losses.iloc[-1] - losses.min())) < 0.006:
        return not_yet("that is a difference in nats: divide, so that runs of other heights compare.")
    if abs(answer - losses.iloc[-1] / losses.iloc[0]) < 0.006:
        return not_yet("that compares with the first value, and most of it is what a call looks like: take the lowest.")
    return not_yet(f"the last is {losses.iloc[-1]:.3f} and the lowest {losses.min():.3f}.")


@check
def named_faults(answers: dict[str, str | None], runs: dict[str, dict]) -> Verdict:
    """The fault that the reader names for each recorded run; answers and runs have the same keys."""
    lines, all_right = [], True
    for name, answer in answers.items():
        recipe = runs[name]["recipe"]
        all_right = all_right and answer == recipe["fault"]
        lines.append(about(name, _about_label(answer, recipe)))
    return right("\n" + "\n".join(lines)) if all_right else not_yet("\n" + "\n".join(lines))


@check
def repaired(
    answer: dict, odd: dict, log: list[dict], train: Callable[[dict], list[dict]], most: float = 1.5
) -> Verdict:
    """{"diagnosis": of the log, "change": the one setting that mends the run}, the second judged by training.

    odd: the settings that gave `log`. The log that `train` gives has to be healthy, and to end low.
    """
    label, change = answer.get("diagnosis"), answer.get("change")
    found = diagnosis.diagnose(log).label
    if label != found:
        return not_yet(f"the diagnosis first: {_of_labels(label)}")
    if not isinstance(change, dict) or not change:
        return not_yet(f"{label}, yes. Now change the setting that this points at, as {{'name of a setting': value}}.")
    if len(change) > 1:
        return not_yet(f"you change {len(change)} settings: after that you do not know which of them it was.")
    log = train({**odd, **change})
    diagnosed = diagnosis.diagnose(log)
    last = [entry["eval_loss"] for entry in log if "eval_loss" in entry][-1]
    if diagnosed.label != "healthy":
        return not_yet(f"with that the log says {diagnosed.label}. {diagnosed.do}")
    if last > most:
        return not_yet(f"nothing looks wrong, but validation loss ends at {last:.2f}; below {most} is possible.")
    return right(f"{label}, and one change makes a healthy run whose validation loss ends below {most:g}.")


@check
def overfitting_rule(answer: Callable[[pd.DataFrame], float | None], runs: dict[str, dict]) -> Verdict:
    """A function from a log's table to the update with the lowest validation loss, or None if it never rises.

    A rise counts from the limit of a diagnosis on, and only while training loss falls.
    """
    tried = 0
    for name, run in runs.items():
        log = run_log.table(run["log"])
        if "eval_loss" not in log or diagnosis.diagnose(run).label in ("not a number", "nothing in the loss"):
            continue  # a broken run has no lowest point
        tried += 1
        measured = log.dropna(subset=["eval_loss"])
        rise = diagnosis.measures(log)["validation loss, last to lowest"]
        lowest = measured["step"][measured["eval_loss"].idxmin()] if rise > rules.RISE else None
        proposed = answer(log)
        if proposed != lowest:
            says = "does not overfit" if lowest is None else f"overfits from update {lowest:g} on"
            return not_yet(f"{name} ({run['recipe']['about']}) {says}; your function gives {proposed}.")
    return right(f"for all {tried} runs that have losses.")


def _about_label(answer: str | None, recipe: dict) -> str:
    if answer == recipe["fault"]:
        return _("right, {}.").format(_(recipe["about"]))
    return _of_labels(answer)


def _of_labels(answer: str | None) -> str:
    """What to say of a label that is not the right one."""
    labels = [label for label, entry in diagnosis.diagnoses().items() if entry["in_the_log"]]
    if answer is None:
        return "not tried yet."
    if answer not in labels:
        return f"{answer!r} is no label; choose one of {', '.join(labels)}."
    return f"not this one. That would look so: {_(diagnosis.diagnoses()[answer]['see'])}"
