"""Rules of the diagnosis: which measures of a log, beyond which limits, name what is wrong with a run."""

from typing import NamedTuple

SEVERAL, MANY = 2.5, 3.5  # epochs
COARSE = 100  # updates: a line that is the mean of more hides how the run began
RISE = 1.1  # times its lowest value: a validation loss that ends above that has risen


class Condition(NamedTuple):
    measure: str  # a name that `measures` gives
    sign: str  # "<" or ">"
    limit: float

    def holds(self, measured: dict[str, float]) -> bool:
        """A measure that the log does not give is NaN, for which no condition holds."""
        value = measured[self.measure]
        return value < self.limit if self.sign == "<" else value > self.limit


# The rules in their order: the first whose conditions all hold names the diagnosis. Their limits were set with all
# recorded runs, those on other data (tools/other_scales.py) and some public logs of other people in view, so tests on
# the recorded runs guard the rules and no more.
RULES: list[tuple[str, list[Condition]]] = [
    ("not comparable", [Condition("lowest training loss", "<", 0)]),
    ("not comparable", [Condition("training loss, first", "<", 0.02)]),  # as policies begin in reinforcement learning
    (
        "not comparable",
        [Condition("training to validation loss, first", ">", 3), Condition("training to validation loss", ">", 3)],
    ),
    (
        "batch too small",
        [
            Condition("lines", ">", 9),  # of fewer, what looks like jitter is the fall
            Condition("tokens in an update", "<", 100),
            Condition("jitter", ">", 0.15),
        ],
    ),
    ("learning rate too high", [Condition("training loss, last to first", ">", 1.2)]),
    (
        "no warm-up",
        [
            Condition("first learning rate, of the peak", ">", 0.9),
            Condition("updates of the first line", "<", COARSE),
            Condition("early climb, of the first loss", ">", 0.1),
            Condition("early climb, of the fall", ">", 0.05),
        ],
    ),
    (
        "learning rate too high",
        [
            Condition("climb, in units of noise", ">", 6),
            Condition("climb, of the lowest loss before", ">", 0.08),
            Condition("climb, of the fall", ">", 0.07),
            Condition("steps between epochs, of the fall", "<", 0.5),  # within an epoch a staircase may rise
        ],
    ),
    ("learning rate too high", [Condition("peak learning rate", ">", 0.05)]),
    ("too few steps", [Condition("updates", "<", 30), Condition("late fall, of the fall", ">", 0.03)]),
    (
        "leaked validation",
        [
            Condition("epochs", ">", SEVERAL),
            Condition("training loss, last to first", "<", 0.02),
            Condition("training to validation loss", ">", 0.8),
        ],
    ),
    (
        "overfitting",
        [
            Condition("validation loss, last to lowest", ">", RISE),
            Condition("validation rise, of the first training loss", ">", 0.01),  # near 0 a ratio says little
        ],
    ),
    ("memorising", [Condition("training to validation loss", "<", 0.02)]),
    (
        "memorising",
        [
            Condition("evaluations", "<", 1),
            Condition("epochs", ">", SEVERAL),
            Condition("training loss, last to first", "<", 0.05),
        ],
    ),
    (
        "memorising",
        [
            Condition("evaluations", "<", 1),
            Condition("epochs", ">", 1.05),
            Condition("training loss, last", "<", 0.005),
        ],
    ),
    (  # slower than above, where the loss of a task that nobody can foresee whole stays high
        "overfitting",
        [
            Condition("validation loss, last to lowest", ">", 1.03),
            Condition("validation rise, in units of noise", ">", 6),
        ],
    ),
    (
        "wrong labels",
        [
            Condition("training to validation loss, last three", ">", 1.2),
            Condition("training above validation loss, of the first", ">", 0.01),
            Condition("late fall, of the fall", "<", 0.2),  # a line tells of updates before the evaluation
            Condition("training loss, last to first", "<", 0.2),
        ],
    ),
    ("barely learning", [Condition("training loss, last to first", ">", 0.95)]),
    (
        "barely learning",
        [Condition("training loss, last to first", ">", 0.88), Condition("fall, in units of noise", "<", 50)],
    ),
    (
        "learning rate too low",
        [
            Condition("updates of the first line", "<", COARSE),
            Condition("late fall, of the fall", ">", 0.08),
            Condition("peak learning rate", "<", 6e-5),
            Condition("training loss, last to first", ">", 0.3),
            Condition("training loss, last", ">", 1.2),
        ],
    ),
    (
        "learning rate too low",
        [Condition("peak learning rate", "<", 1e-7), Condition("late fall, of the fall", ">", 0.15)],
    ),
    (
        "too few steps",
        [
            Condition("lines", ">", 9),  # of fewer, the late fall is an accident
            Condition("epochs", "<", 1.05),
            Condition("late fall of validation or training, of the fall", ">", 0.15),
        ],
    ),
    ("cannot tell", [Condition("evaluations", "<", 1), Condition("epochs", ">", MANY)]),
]
