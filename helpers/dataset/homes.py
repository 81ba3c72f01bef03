"""What the imaginary homes are made of: rooms, floors, devices, values and the system message, by language."""

import json
from functools import lru_cache

from helpers.errors import CourseError
from helpers.paths import DATA


@lru_cache
def _all_homes() -> dict:
    return json.loads((DATA / "homes.json").read_text(encoding="utf-8"))


def homes(language: str = "en") -> dict:
    """What homes in a language are made of: {"system", "areas", "floors", "devices", "values"}, from data/homes.json.

    Raises CourseError when the file has no such language.
    """
    if language not in _all_homes():
        known = ", ".join(_all_homes())
        raise CourseError(f"There is no language {language!r} in data/homes.json; choose one of {known}.")
    return _all_homes()[language]
