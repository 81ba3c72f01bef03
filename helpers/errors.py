"""What is meant for the reader rather than for a programmer: the course's one error, and libraries' warnings."""

import contextlib
import logging
import textwrap
import warnings

from helpers.language import _

PEFT_WARNING = "`is_gradient_checkpointing`"  # how it begins: PEFT 0.21 uses an old name of transformers


class CourseError(Exception):
    """One sentence that says what happened and what to do about it.

    Raise it for what a reader can put right: a wrong name, no network, a full disk. Anything else is a bug
    and keeps its traceback.
    """

    def __str__(self) -> str:
        return _(super().__str__())

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for its own rendering before it draws a traceback.
        return [f"{type(self).__name__}: {self}"]


def require_positive(**values: float) -> None:
    """Raise CourseError for the first of the named values that is not a number above 0."""
    for name, value in values.items():
        if not isinstance(value, int | float) or not value > 0:
            raise CourseError(f"{name} is {value!r}: make it a number above 0 and run the cell again.")


class _PrintHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        library = record.name.partition(".")[0]
        message = record.getMessage().removeprefix("[RANK 0] ")
        print(textwrap.fill(_(f"{library} warns: {message}"), 110))


def print_warnings(*libraries: str) -> None:
    """From now on, prints what the libraries log as a warning into the cell that caused it, instead of to stderr."""
    for library in libraries:
        logger = logging.getLogger(library)
        logger.handlers, logger.propagate = [_PrintHandler(logging.WARNING)], False
        logger.setLevel(logging.WARNING)  # setup() may have raised it


@contextlib.contextmanager
def quiet_transformers():
    """Inside the block, transformers shows no warnings and no progress bars, nor PEFT's use of an old name."""
    from transformers.utils import logging as transformers_logging  # heavy, and few who import this module need it

    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=PEFT_WARNING)
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
