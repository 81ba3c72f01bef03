"""Checks of notebook 06, Diagnose loss."""

from collections.abc import Callable

import pandas as pd

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.training import diagnosis, run_log


@check
def named_faults(answers: dict[str, str | None], runs: dict[str, dict]) -> Verdict:
    """The fault that the reader names for each recorded run; answers and runs have the same keys."""
    lines, all_right = [], True
    for name, answer in answers.items():
        recipe = runs[name]["recipe"]
        all_right = all_right and answer == recipe["fault"]
        lines.append(f"{name}: {_about_label(answer, recipe)}")
    return right("\n" + "\n".join(lines)) if all_right else not_yet("\n" + "\n".join(lines))


@check
def repaired(answer: dict, train: Callable[[dict], list[dict]], most: float = 1.5) -> Verdict:
    """SFTConfig settings, by training with them: the log that `train` gives has to be healthy, and to end low."""
    log = train(answer)
    diagnosed = diagnosis.diagnose(log)
    last = [entry["eval_loss"] for entry in log if "eval_loss" in entry][-1]
    if diagnosed.label != "healthy":
        return not_yet(f"{diagnosed.label}. {diagnosed.do}")
    if last > most:
        return not_yet(f"nothing looks wrong, but validation loss ends at {last:.2f}; below {most} is possible.")
    return right(f"a healthy run, and validation loss ends below {most:g}.")


@check
def overfitting_rule(answer: Callable[[pd.DataFrame], float | None], runs: dict[str, dict]) -> Verdict:
    """A function from a log's table to the update with the lowest validation loss, or None if it never rises.

    A rise counts from the limit of a diagnosis on, and only while training loss falls.
    """
    for name, run in runs.items():
        log = run_log.table(run["log"])
        if "eval_loss" not in log or diagnosis.diagnose(run).label in ("not a number", "nothing in the loss"):
            continue  # a broken run has no lowest point
        measured = log.dropna(subset=["eval_loss"])
        rise = diagnosis.measures(log)["validation loss, last to lowest"]
        lowest = measured["step"][measured["eval_loss"].idxmin()] if rise > diagnosis.RISE else None
        proposed = answer(log)
        if proposed != lowest:
            says = "does not overfit" if lowest is None else f"overfits from update {lowest:g} on"
            return not_yet(f"{name} ({run['recipe']['about']}) {says}; your function gives {proposed}.")
    return right(f"for all {len(runs)} runs.")


def _about_label(answer: str | None, recipe: dict) -> str:
    labels = [label for label, entry in diagnosis.diagnoses().items() if entry["in_the_log"]]
    if answer is None:
        return "not tried yet."
    if answer not in labels:
        return f"{answer!r} is no label; choose one of {', '.join(labels)}."
    if answer == recipe["fault"]:
        return f"right, {recipe['about']}."
    return f"not this one. That would look so: {diagnosis.diagnoses()[answer]['see']}"
