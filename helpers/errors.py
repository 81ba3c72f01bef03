"""What is meant for the reader rather than for a programmer: the course's one error, and libraries' warnings."""

import logging
import textwrap


class CourseError(Exception):
    """One sentence that says what happened and what to do about it.

    Raise it for what a reader can put right: a wrong name, no network, a full disk. Anything else is a bug
    and keeps its traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for its own rendering before it draws a traceback.
        return [f"{type(self).__name__}: {self}"]


def require_positive(**values: float) -> None:
    """Raise CourseError for the first of the named values that is not a number above 0."""
    for name, value in values.items():
        if not isinstance(value, int | float) or not value > 0:
            raise CourseError(f"{name} is {value!r}: make it a number above 0 and run the cell again.")


class _Printed(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        library, said = record.name.partition(".")[0], record.getMessage().removeprefix("[RANK 0] ")
        print(textwrap.fill(f"{library} warns: {said}", 110))


def print_warnings(*libraries: str) -> None:
    """From now on, prints what the libraries log as a warning into the cell that caused it, instead of to stderr."""
    for library in libraries:
        logger = logging.getLogger(library)
        logger.handlers, logger.propagate = [_Printed(logging.WARNING)], False
