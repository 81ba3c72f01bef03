"""The language in which helpers speak: English, or Traditional Chinese in the notebooks of notebooks/zh-TW.

Code holds the English texts. A text is looked up at the moment it is shown, so nothing else in the code has to know of
languages. Many texts hold values: "You stopped at step 20". The catalogue has "You stopped at step {0}" for them, made
from the f-string of the code, and a text is recognised by what stands around its values.
"""

import functools
import json
import os
import re
from pathlib import Path

from helpers.paths import ROOT

LANGUAGES = {"en": "English", "zh-TW": "繁體中文"}
VARIABLE = "SFT_COURSE_LANGUAGE"
VALUE = re.compile(r"\{\d+\}")
_chosen: list[str] = []  # what choose() was called with last


def choose(language: str) -> None:
    """Speak this one of LANGUAGES in all notebooks of this kernel."""
    _chosen[:] = [language]


def language() -> str:
    """What was chosen, else what SFT_COURSE_LANGUAGE names, else the language of the folder the notebook lies in.

    Jupyter tells a kernel its notebook's path in JPY_SESSION_NAME, and starts it in the notebook's folder.
    """
    if _chosen:
        return _chosen[0]
    if os.environ.get(VARIABLE) in LANGUAGES:
        return os.environ[VARIABLE]
    folders = {*Path.cwd().parts, *Path(os.environ.get("JPY_SESSION_NAME", "")).parts}
    return "zh-TW" if "zh-TW" in folders else "en"


def _(text: str) -> str:
    """The text in the language of the notebook; the text itself, in English, where there is no translation."""
    known = _catalogue(language())
    if text in known:
        return known[text]
    for pattern, translation in _patterns(language()):
        values = pattern.fullmatch(text)
        if values:
            return translation.format(*(known.get(value, value) for value in values.groups()))
    return text


@functools.cache
def _catalogue(name: str) -> dict[str, str]:
    """{English text: its translation}."""
    path = ROOT / "locale" / name.replace("-", "_") / "strings.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@functools.cache
def _patterns(name: str) -> list[tuple[re.Pattern, str]]:
    """(what recognises a text with values in it, its translation), the most particular first.

    A text that is little more than its values would recognise too much, so it is left out.
    """
    fixed = {text: len(VALUE.sub("", text)) for text in _catalogue(name)}
    with_values = [(text, made) for text, made in _catalogue(name).items() if VALUE.search(text) and fixed[text] > 9]
    with_values.sort(key=lambda entry: -fixed[entry[0]])
    return [(_recognising(text), made) for text, made in with_values]


def _recognising(text: str) -> re.Pattern:
    parts = [re.escape(part.replace("{{", "{").replace("}}", "}")) for part in VALUE.split(text)]
    return re.compile("(.*?)".join(parts), re.DOTALL)
