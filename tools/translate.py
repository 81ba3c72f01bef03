"""The course in Traditional Chinese: catalogues under locale/zh_TW/, and the files that are built from them.

A catalogue is a gettext file. `merge` brings it up to date with the English text: what is new has no translation yet,
what has changed is marked fuzzy, with its old text beside it. `build` writes notebooks, pages and the strings that
helpers show; what is not translated stays English.

In a notebook these are translated: Markdown, comments of code, and the texts of predictions, which are strings in code.
Code stays what it is, so a prediction looks its texts up when it is shown (helpers.language).
"""

import argparse
import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from translate.convert.pot2po import convertpot
from translate.storage import po
from translate.storage.markdown import MarkdownFile
from translate.tools.pocompile import POCompile

from helpers.paths import ROOT

LOCALE = ROOT / "locale" / "zh_TW"
FOLDER = "zh-TW"  # of the built notebooks and pages, beside the English ones
NOTEBOOKS, TEACHING, QUIZ = ROOT / "notebooks", ROOT / "teaching", ROOT / "data" / "quiz"
STRINGS = LOCALE / "LC_MESSAGES" / "course.mo"  # what helpers look up
SHOWN = ("predict",)  # modules of helpers.ui whose calls in a notebook's code hold texts that a reader sees
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

Translate = Callable[[str, str], str]  # of (context, text)


@dataclass(frozen=True)
class Message:
    context: str  # id of the cell, or nothing
    text: str
    where: str  # "Markdown", "comment", "text of a prediction" or "quiz"


# ---- what there is to translate ----------------------------------------------------------------------------------


def sources() -> list[Path]:
    notebooks = [*sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), *sorted((NOTEBOOKS / "solutions").glob("[0-9]*.ipynb"))]
    pages = [ROOT / "README.md", NOTEBOOKS / "glossary.md"]
    return [*notebooks, *pages, *sorted(QUIZ.glob("[0-9]*.json"))]


def catalogue(source: Path) -> Path:
    return (LOCALE / source.relative_to(ROOT)).with_suffix(".po")


def target(source: Path) -> Path:
    """Where the translation of a notebook or page is built."""
    if source == ROOT / "README.md":
        return ROOT / f"README.{FOLDER}.md"
    return NOTEBOOKS / FOLDER / source.relative_to(NOTEBOOKS)


def messages(source: Path) -> list[Message]:
    """All texts of a file, in their order, each once for each context."""
    if source.suffix == ".ipynb":
        cells = nbformat.read(source, as_version=4).cells
        met = [message for cell in cells for message in _of_cell(cell)]
    elif source.suffix == ".md":
        met = [Message("", text, "Markdown") for text in _of_markdown(source.read_text(encoding="utf-8"))]
    else:
        met = [Message("", text, "quiz") for text in _of_quiz(json.loads(source.read_text(encoding="utf-8")))]
    return list({(message.context, message.text): message for message in met}.values())


def _of_cell(cell) -> Iterator[Message]:
    if cell.cell_type == "markdown":
        yield from (Message(cell.id, text, "Markdown") for text in _of_markdown(cell.source))
    elif cell.cell_type == "code":
        yield from (Message(cell.id, _words(token.string), "comment") for token in _comments(cell.source))
        yield from (Message(cell.id, text, "text of a prediction") for text in _shown(cell.source))


def _of_markdown(text: str) -> list[str]:
    page = MarkdownFile(no_placeholders=True, extract_code_blocks=False, extract_frontmatter=False)
    page.parse(text.encode())
    return [unit.source for unit in page.units if re.search("[a-zA-Z]", LINK.sub("", unit.source))]


def _comments(code: str) -> list[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return [token for token in tokens if token.type == tokenize.COMMENT and _words(token.string)]


def _words(comment: str) -> str:
    return comment.lstrip("#").strip()


def _shown(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id in SHOWN:
                strings = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
                yield from (text for text in strings if isinstance(text, str) and re.search("[a-zA-Z]{2}", text))


def _of_quiz(part) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, list | dict):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _of_quiz(inner)


# ---- catalogues --------------------------------------------------------------------------------------------------


def merge(source: Path) -> None:
    """Bring the catalogue of a file up to date with its English text."""
    template = po.pofile()
    template.updateheader(add=True, content_type="text/plain; charset=UTF-8", content_transfer_encoding="8bit")
    for message in messages(source):
        unit = template.addsourceunit(message.text)
        unit.setcontext(message.context)
        unit.addnote(message.where, origin="developer")
    old = catalogue(source)
    merged = io.BytesIO()
    convertpot(io.BytesIO(bytes(template)), merged, io.BytesIO(old.read_bytes()) if old.exists() else None)
    store = po.pofile.parsestring(merged.getvalue())
    store.updateheader(add=True, language="zh_TW", plural_forms="nplurals=1; plural=0;")
    for name in ("POT-Creation-Date", "PO-Revision-Date", "X-Generator"):  # which differ from one call to the next
        store.header().source = ""
        store.parseheader().pop(name, None)
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_bytes(bytes(store))


def read(source: Path) -> po.pofile:
    return po.pofile.parsefile(str(catalogue(source)))


if __name__ == "__main__":
    for path in sources():
        merge(path)
        print(path.name, len(messages(path)))
