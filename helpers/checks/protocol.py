"""What every check does alike: it answers None, shows its verdict as text and stores it in the output as data."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython.display import display

from helpers import answers
from helpers.language import _

# The type of the stored data: {"exercise": "notebook/check", "right": bool, "message": str}. Read by those who collect
# notebooks, without running anybody's code.
MIME = "application/vnd.sft-course.check+json"
UNTRIED = "Not tried yet: replace None with your answer and run the cell again."


@dataclass(frozen=True)
class Verdict:
    right: bool
    message: str


def right(message: str) -> Verdict:
    """The answer passes; `message` says what it amounts to."""
    return Verdict(True, _("Right: {}").format(_(message)))


def not_yet(message: str) -> Verdict:
    """The answer does not pass yet; `message` says what to look at next."""
    return Verdict(False, _("Not yet: {}").format(_(message)))


def about(name: str, hint: str) -> str:
    """A line of a message on several answers: which of them, and what is said of it."""
    return _("{}: {}").format(_(name), _(hint))


def check(judge: Callable[..., Verdict]) -> Callable[..., None]:
    """Make a check of a function from the reader's answer, and whatever it is judged by, to a Verdict.

    An answer of None, or a dictionary of nothing but None, has not been tried and does not reach `judge`.
    """
    exercise = f"{judge.__module__.rpartition('.')[2]}/{judge.__name__}"

    @functools.wraps(judge)
    def show(answer: Any, *args, **kwargs) -> None:
        untried = answer is None or _holds_nothing_but_none(answer)
        verdict = Verdict(False, _(UNTRIED)) if untried else judge(answer, *args, **kwargs)
        display(_Shown(exercise, verdict))
        if verdict.right:
            answers.keep("solved", exercise, True)

    return show


def _holds_nothing_but_none(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer) and all(value is None for value in answer.values())


@dataclass(frozen=True)
class _Shown:
    exercise: str
    verdict: Verdict

    def __repr__(self) -> str:
        return self.verdict.message

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        data = {"exercise": self.exercise, "right": self.verdict.right, "message": self.verdict.message}
        return {"text/plain": self.verdict.message, MIME: data}
