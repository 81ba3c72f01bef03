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
MARK = "\x04"  # between a context and its text, as in gettext
FEWEST = 9  # characters beside its values that a text has to have more of, to be recognised by them
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


def _(text: str, context: str = "") -> str:
    """The text in the language of the notebook; the text itself, in English, where there is no translation.

    context: what a text is used for, where this decides its translation: a "unit" stands behind a number, a "reading"
    says how a device is.
    """
    known = _catalogue(language())
    if not known:
        return text
    if key(text, context) in known:
        return known[key(text, context)]
    for pattern, translation in _patterns(language(), context):
        values = pattern.fullmatch(text)
        if values:
            return translation.format(*(_(value, context) for value in values.groups()))
    return _by_parts(text)


def key(text: str, context: str = "") -> str:
    """Under which the catalogue has a text."""
    return f"{context}{MARK}{text}" if context else text


def _by_parts(text: str) -> str:
    """A text of several lines, or a known text with a full stop behind it; the text itself if it is none of these."""
    if "\n" in text:
        return "\n".join(map(_, text.split("\n")))
    if text.endswith(".") and (translation := _(text[:-1])) != text[:-1]:
        return f"{translation}。"
    return text


@functools.cache
def _catalogue(name: str) -> dict[str, str]:
    """{English text: its translation}."""
    path = ROOT / "locale" / name.replace("-", "_") / "strings.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@functools.cache
def _patterns(name: str, context: str) -> list[tuple[re.Pattern, str]]:
    """(what recognises a text with values in it, its translation), the most particular first.

    A text that is little more than its values would recognise too much, so it is left out where no context narrows it.
    """
    texts = {}
    for entry, translation in _catalogue(name).items():
        used_for, _mark, text = entry.rpartition(MARK)
        if used_for == context:
            texts[text] = translation
    fixed = {text: len(VALUE.sub("", text)) for text in texts if VALUE.search(text)}
    telling = [text for text in fixed if fixed[text] > (0 if context else FEWEST)]
    return [(_recognising(text), texts[text]) for text in sorted(telling, key=lambda text: -fixed[text])]


def _recognising(text: str) -> re.Pattern:
    parts = [re.escape(part.replace("{{", "{").replace("}}", "}")) for part in VALUE.split(text)]
    # A text of several lines that only one of them would recognise is taken apart instead.
    return re.compile("(.*?)".join(parts), re.DOTALL if "\n" in text else 0)
