"""End states: how often an answer does to a home what the right call does. It stands beside the score of exact calls.

Both calls are carried out on the same large home, once with everything off and closed, once with everything on and
open. The end state is right if the answer is not refused and leaves the home, and says, the same both times. An exact
call is always right. What is judged is the effect on this home, and another home may tell the two calls apart.
"""

import pandas as pd

from helpers.dataset import acting, calls
from helpers.dataset.homes import home_around
from helpers.evaluation import measures
from helpers.evaluation.scores import METRICS, Scores, patterns
from helpers.language import _

RIGHT_END = "right end state"
SHOWN = 2  # changes of an effect in words
# What a reader may see; kept together for a translation.
MORE = "{} and {} more"
NO_CHANGE = "nothing changes"


def judge(scores: Scores, language: str = "en") -> pd.DataFrame:
    """The rows of `scores` with two more columns: right_end (bool) and effect, what the answer does or why it does not.

    Takes milliseconds for each answer that is not exact.
    """
    judged = [_judged(row, language) for row in scores.rows.itertuples()]
    return scores.rows.assign(
        right_end=[right for right, effect in judged], effect=[effect for right, effect in judged]
    )


def table(judged: pd.DataFrame) -> pd.DataFrame:
    """Two rows, exact calls and right end states: value, low, high in percent, with a 95% interval by pattern."""
    hits = {METRICS["exact"]: judged["exact"].to_numpy(float), RIGHT_END: judged["right_end"].to_numpy(float)}
    return measures.table(hits, patterns(judged))


def apart(judged: pd.DataFrame) -> pd.DataFrame:
    """The commands where the two scores differ: another call than the expected one, with the same end state."""
    differing = judged[judged["right_end"] & ~judged["exact"]]
    return differing[["command", "expected", "answer", "effect"]].reset_index(drop=True)


def _judged(row, language: str) -> tuple[bool, str]:
    expected, call = calls.parse(row.expected), calls.parse(row.answer)
    outcomes = []
    for end in (0, 1):
        home = home_around(expected, end, language)
        right, answered = acting.apply(home, expected, language), acting.apply(home, call, language)
        same = (right.state, right.reply, right.refusal) == (answered.state, answered.reply, "")
        outcomes.append((same, _in_words(answered)))
    telling = [effect for same, effect in outcomes if effect != _(NO_CHANGE)] or [_(NO_CHANGE)]
    return row.exact or all(same for same, effect in outcomes), telling[0]


def _in_words(outcome: acting.Outcome) -> str:
    """What a call did, in a line."""
    first = "; ".join(map(str, outcome.changed[:SHOWN]))
    if len(outcome.changed) > SHOWN:
        first = _(MORE).format(first, len(outcome.changed) - SHOWN)
    return first or _(outcome.reply or outcome.refusal or NO_CHANGE)
