"""Checks of notebook 07, Evaluate."""

from collections.abc import Callable
from math import ceil, sqrt

import numpy as np
import pandas as pd

from helpers.checks.protocol import Verdict, check, not_yet, right


@check
def half_width(answer: float, share: float, n: float, commands: int) -> Verdict:
    """The half-width of a 95% interval, in percentage points. commands: how many there are, not all independent."""

    def points(z: float, trials: float) -> float:
        return 100 * z * sqrt(share * (1 - share) / trials)

    def near(other: float) -> bool:
        return abs(answer - other) <= 0.01 * other

    if near(points(1.96, n)):
        return right(f"{answer:.1f} points to each side; four times the commands and the patterns would halve it.")
    if near(points(1.96, n) / 100):
        return not_yet("that is a share; a hundred times as much are percentage points.")
    if near(points(1.96, commands)):
        return not_yet(f"that takes all {commands} commands for independent ones.")
    if near(points(1, n)):
        return not_yet("the factor 1.96 is missing, which makes it an interval of 95%.")
    if near(2 * points(1.96, n)):
        return not_yet("that is the whole width; the half-width reaches to one side.")
    return not_yet("write 100 * 1.96 * (share * (1 - share) / independent) ** 0.5, part by part.")


@check
def permutation(answer: float, coins: np.ndarray, gains: np.ndarray) -> Verdict:
    """p of a permutation test: how often swapped answers differ at least as much as the real ones.

    coins: a row of 1 and -1 for each round of swaps. gains: the difference in each pattern.
    """
    real, swapped = abs(gains.sum()), coins @ gains
    p = float(np.mean(np.abs(swapped) >= real))
    mistakes = {
        "a total as far below zero counts too: take the absolute values.": np.mean(swapped >= gains.sum()),
        "a total that is just as far from zero counts too: at least, not more.": np.mean(np.abs(swapped) > real),
        "that is the share of the totals that are nearer to zero.": 1 - p,
        "that is the number of such totals; p is their share.": p * len(swapped),
    }
    if abs(answer - p) < 1e-6:
        return right(f"p = {p:.2f}; the swaps alone make such a difference in {p:.0%} of the rounds.")
    for hint, value in mistakes.items():
        if abs(answer - value) < 1e-6:
            return not_yet(hint)
    return not_yet("np.abs(coins @ gains) has ten thousand totals; what share of them is at least abs(gains.sum())?")


@check
def sample_size(answer: float, share: float, margin: float, worth: float = 1.0) -> Verdict:
    """How many commands it takes for a 95% interval of `share` plus or minus `margin`.

    worth: of how many independent commands each is, less than 1 where several come from one sentence pattern.
    """
    independent = ceil(share * (1 - share) * (1.96 / margin) ** 2)
    enough = ceil(independent / worth)
    if abs(answer - enough) > 0.02 * enough:
        if abs(answer - independent) <= 0.02 * independent:
            return not_yet(f"so many independent ones; commands of these patterns are worth {worth:.2f} of one each.")
        return not_yet(
            "the half-width is 1.96 times the square root of share × (1 - share) / n, n counted in independent "
            "commands."
        )
    return right(
        f"{enough:,} such commands, or {independent:,} patterns with one each; half the margin takes four times."
    )


@check
def threshold(answer: float, on_commands, on_others, at_most: float = 0.1) -> Verdict:
    """A probability below which a call is withheld: few false activations, and no command lost needlessly."""
    false = sum(p >= answer for p in on_others) / len(on_others)
    acting = sum(p >= answer for p in on_commands) / len(on_commands)
    lowest = sorted(on_others, reverse=True)[int(at_most * len(on_others))]  # just above it is enough
    best = sum(p > lowest for p in on_commands) / len(on_commands)
    if false > at_most:
        return not_yet(f"{false:.0%} of what is no command still acts; raise the threshold.")
    if acting < best - 0.02:
        return not_yet(f"only {acting:.0%} of the commands act, and {best:.0%} could; lower the threshold.")
    return right(f"{false:.0%} false activations, and {acting:.0%} of the commands still act.")


@check
def weak_slice(answer: Callable, rows: pd.DataFrame, points: float = 15, least: int = 10) -> Verdict:
    """A function from a row to True or False: the rows it picks must score `points` below all of them."""
    picked = rows[[bool(answer(row)) for row in rows.itertuples()]]
    if len(picked) < least:
        return not_yet(f"{len(picked)} rows are too few to tell; find at least {least}.")
    gap = 100 * (rows["exact"].mean() - picked["exact"].mean())
    if gap < points:
        return not_yet(f"{len(picked)} rows, {gap:.0f} points below the whole; look at the failures by kind.")
    return right(f"{len(picked)} rows, {gap:.0f} points below the whole.")
