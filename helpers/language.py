"""The language in which helpers speak: English, or Traditional Chinese in the notebooks of notebooks/zh-TW."""

import functools
import gettext
import os
from pathlib import Path

from helpers.errors import CourseError
from helpers.paths import ROOT

LOCALES = {"en": "en", "zh-TW": "zh_TW"}  # what readers write, and the folder under locale/
VARIABLE = "SFT_COURSE_LANGUAGE"
_chosen: list[str] = []  # what choose() was called with last


def choose(language: str) -> None:
    """Speak this language in all notebooks of this kernel. CourseError names the languages when it is none of them."""
    if language not in LOCALES:
        raise CourseError(f"There is no course in {language!r}: choose one of {', '.join(LOCALES)}.")
    _chosen[:] = [language]


def language() -> str:
    """What was chosen, else what SFT_COURSE_LANGUAGE names, else the language of the folder the notebook lies in.

    Jupyter tells a kernel its notebook's path in JPY_SESSION_NAME, and starts it in the notebook's folder.
    """
    if _chosen:
        return _chosen[0]
    if os.environ.get(VARIABLE):
        choose(os.environ[VARIABLE])
        return _chosen[0]
    folders = {*Path.cwd().parts, *Path(os.environ.get("JPY_SESSION_NAME", "")).parts}
    return next((name for name in LOCALES if name in folders and name != "en"), "en")


def _(text: str) -> str:
    """The text in the language of the notebook; the text itself, in English, where there is no translation."""
    return text if not text or language() == "en" else _catalogue(language()).gettext(text)


@functools.cache
def _catalogue(name: str) -> gettext.NullTranslations:
    return gettext.translation("course", ROOT / "locale", [LOCALES[name]], fallback=True)
