"""The course in Traditional Chinese: catalogues under locale/zh_TW/, and the files that are built from them.

A catalogue is a gettext file. `merge` brings it up to date with the English text: what is new has no translation yet,
what has changed is marked fuzzy, with its old text beside it. `build` writes notebooks, pages and the strings that
helpers show; what is not translated stays English.

In a notebook these are translated: Markdown, comments of code, and the texts of predictions and errors, which are
strings in code. Code stays what it is, so these are looked up when they are shown (helpers.language).
"""

import argparse
import ast
import functools
import io
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from mistletoe import markdown
from tqdm import tqdm
from translate.convert.pot2po import convertpot
from translate.storage import po
from translate.storage.markdown import MarkdownFile

from helpers import language
from helpers.paths import DATA, ROOT
from tools import texts

LOCALE = ROOT / "locale" / "zh_TW"
FOLDER = "zh-TW"  # of the built notebooks and pages, beside the English ones
NOTEBOOKS, TEACHING, QUIZ, HELPERS = ROOT / "notebooks", ROOT / "teaching", DATA / "quiz", ROOT / "helpers"
DIAGNOSES = DATA / "diagnoses.json"  # whose keys a reader sees too
RUNS, PLANTED = DATA / "runs", DATA / "planted" / "key.json"
STRINGS = LOCALE / "strings.json"  # what helpers look up
# Without the dates and names that gettext would put there: a file changes when a text does.
HEADER = (
    "Language: zh_TW\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
)
READING = "reading"  # of a device of a home
UNIT = "unit"  # of an estimate: a text that stands behind a number, and may need another translation there
LOOKED_UP = ("text in code", "data", "helper", UNIT)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

Translate = Callable[[str, str], str]  # of (context, text)


@dataclass(frozen=True)
class Message:
    context: str  # id of the cell, READING, or nothing
    text: str
    where: str  # "Markdown", "comment", or one of LOOKED_UP


# ---- what there is to translate ----------------------------------------------------------------------------------


def sources() -> list[Path]:
    """All that is translated: pages() and what helpers look up."""
    return [*pages(), *sorted(QUIZ.glob("[0-9]*.json")), DIAGNOSES, RUNS, PLANTED, HELPERS]


def pages() -> list[Path]:
    """What has a translated copy of its own: notebooks and Markdown pages."""
    notebooks = [*sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), *sorted((NOTEBOOKS / "solutions").glob("[0-9]*.ipynb"))]
    teaching = [*sorted(TEACHING.glob("*.md")), *sorted((TEACHING / "run_sheets").glob("*.md"))]
    return [*notebooks, NOTEBOOKS / "glossary.md", ROOT / "README.md", DATA / "README.md", *teaching]


def catalogue(source: Path) -> Path:
    return (LOCALE / source.relative_to(ROOT)).with_suffix(".po")


def target(source: Path) -> Path:
    """Where the translation of a notebook or page is built."""
    if source in (ROOT / "README.md", DATA / "README.md"):
        return source.with_name(f"README.{FOLDER}.md")
    home = TEACHING if source.is_relative_to(TEACHING) else NOTEBOOKS
    return home / FOLDER / source.relative_to(home)


def messages(source: Path) -> list[Message]:
    """All texts of a file, in their order, each once for each context."""
    if source.suffix == ".ipynb":
        cells = nbformat.read(source, as_version=4).cells
        code = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code"]
        lists = texts.lists(node for cell in code for node in ast.walk(cell))
        met = [message for cell in cells for message in _of_cell(cell, lists)]
    elif source.suffix == ".md":
        met = [Message("", text, "Markdown") for text in _of_markdown(source.read_text(encoding="utf-8"))]
    elif source == HELPERS:
        modules = sorted(HELPERS.rglob("*.py"))
        met = [Message("", text, "helper") for path in modules for text in texts.spoken(path)]
        met += [Message(READING, text, "helper") for path in modules for text in texts.readings(path)]
    elif source == RUNS:
        recipes = [
            json.loads(path.read_text(encoding="utf-8")).get("recipe", {}) for path in sorted(RUNS.glob("*.json"))
        ]
        met = [Message("", recipe["about"], "data") for recipe in recipes if recipe.get("fault")]
    elif source == PLANTED:
        defects = json.loads(source.read_text(encoding="utf-8")).values()
        met = [Message("", defect["hint"], "data") for defect in defects]
    else:
        content = json.loads(source.read_text(encoding="utf-8"))
        keys = list(content) if source == DIAGNOSES else []
        met = [Message("", text, "data") for text in [*keys, *_of_json(content)]]
    return list({(message.context, message.text): message for message in met}.values())


def _of_cell(cell, lists: dict[str, ast.expr]) -> Iterator[Message]:
    if cell.cell_type == "markdown":
        yield from (Message(cell.id, text, "Markdown") for text in _of_markdown(cell.source))
    elif cell.cell_type == "code":
        yield from (Message(cell.id, texts.words(token.string), "comment") for token in texts.comments(cell.source))
        yield from (Message(cell.id, text, "text in code") for text in texts.shown(cell.source, lists))
        yield from (Message(cell.id, text, UNIT) for text in texts.units(cell.source))


def _of_markdown(text: str) -> list[str]:
    return [unit.source for unit in _parsed(text).units if re.search("[a-zA-Z]", LINK.sub("", unit.source))]


def _parsed(text: str, callback: Callable[[str], str] | None = None) -> MarkdownFile:
    """The text's paragraphs as units; with a callback, the text with each of them replaced, as filesrc."""
    page = MarkdownFile(callback=callback, no_placeholders=True, extract_code_blocks=False, extract_frontmatter=False)
    page.parse(text.encode())
    return page


def _of_json(part) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, list | dict):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _of_json(inner)


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
    store.header().target = HEADER
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_bytes(bytes(store))


def read(source: Path) -> po.pofile:
    return po.pofile.parsefile(str(catalogue(source)))


def translation(source: Path) -> Translate:
    """What a catalogue makes of a text in its context; the text itself where it is not translated."""
    units = [unit for unit in read(source).units if unit.istranslated()]
    known = {(unit.getcontext(), unit.source): str(unit.target) for unit in units}
    return lambda context, text: known.get((context, text), text)


# ---- what a translation may not lose ----------------------------------------------------------------------------

CODE = re.compile(r"`[^`]+`")
ADDRESS = re.compile(r"\]\(([^)\s]+)\)")
VALUE = re.compile(r"\{\w*\}")
# Words of the mainland, where Taiwan has others.
MAINLAND = re.compile(
    "數據|代碼|默認|信息|質量|軟件|硬件|網絡|內存|變量|字符|文檔|調用|支持|接口|屏幕|打印|加載|優化|激活|用戶|服務器|視頻|線程|進程|緩存|噪聲"
)


def problems(english: str, chinese: str) -> list[str]:
    """What is wrong with a translation, one sentence each."""
    said = []
    if set(CODE.findall(chinese)) != set(CODE.findall(english)):
        said.append("its inline code is not that of the English text")
    if Counter(ADDRESS.findall(chinese)) != Counter(ADDRESS.findall(english)):
        said.append("its links lead elsewhere")
    if _numbers(chinese) != _numbers(english):
        said.append("its numbers are not those of the English text")
    if Counter(VALUE.findall(chinese)) != Counter(VALUE.findall(english)):
        said.append("a place for a value, such as {0}, is missing or one too many")
    if "**" in re.sub(r"<code>.*?</code>", "", markdown(chinese), flags=re.DOTALL) and "**" not in markdown(english):
        said.append("its bold type does not show: put punctuation outside of the **")
    strange = sorted({character for character in chinese if not _known_in_taiwan(character)} - set(english))
    if strange:
        said.append(f"Big5 has no {' '.join(strange)}")
    mainland = MAINLAND.findall(chinese)
    if mainland:
        said.append(f"nobody in Taiwan says {' '.join(mainland)}")
    return said


def _numbers(text: str) -> Counter:
    """The numbers of a text, without code and addresses, and without millions, which Chinese counts in 萬 and 億."""
    plain = re.sub(r"`[^`]+`|\]\([^)]*\)|[\d.,]+ (million|billion|萬|億)", "", text)
    return Counter(number.rstrip(".,") for number in re.findall(r"\d[\d,]*\.?\d*", plain))


def _known_in_taiwan(character: str) -> bool:
    try:
        character.encode("cp950")
    except UnicodeEncodeError:
        return False
    return True


def faults(source: Path) -> Iterator[str]:
    """What is missing, old or wrong in the catalogue of a file."""
    for unit in read(source).units:
        if unit.istranslatable():
            if unit.isfuzzy():
                yield f"the English has changed: {unit.source[:80]!r}"
            elif not unit.istranslated():
                yield f"no translation yet: {unit.source[:80]!r}"
            else:
                yield from (f"{problem}: {str(unit.target)[:80]!r}" for problem in problems(unit.source, unit.target))


# ---- what is built -----------------------------------------------------------------------------------------------


def build(source: Path) -> str:
    """The text of the translated notebook or page."""
    translate, translated = translation(source), {path: target(path) for path in pages()}
    if source.suffix == ".md":
        return _relinked(_page(source.read_text(encoding="utf-8"), "", translate), source, translated)
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _relinked(_page(cell.source, cell.id, translate), source, translated).removesuffix("\n")
        elif cell.cell_type == "code":
            cell.source = _commented(cell.source, cell.id, translate)
    return nbformat.writes(notebook) + "\n"


def _page(text: str, context: str, translate: Translate) -> str:
    return _parsed(text, lambda paragraph: translate(context, paragraph)).filesrc


def _commented(code: str, context: str, translate: Translate) -> str:
    lines = code.splitlines(keepends=True)
    for token in texts.comments(code):
        row, column = token.start
        line = lines[row - 1]
        comment = token.string.replace(texts.words(token.string), translate(context, texts.words(token.string)))
        lines[row - 1] = line[:column] + comment + line[column + len(token.string) :]
    return "".join(lines)


def _relinked(text: str, source: Path, translated: dict[Path, Path]) -> str:
    """Links that lead from the place of the translation to where they led, or to its translation if there is one."""
    home = target(source).parent
    folders = {page.parent: copy.parent for page, copy in translated.items()}

    def new(link: re.Match) -> str:
        path, mark, anchor = link[2].partition("#")
        if "://" in path or path.startswith("mailto:"):
            return link[0]
        there = (source.parent / path).resolve() if path else source
        anchor = _anchors(there).get(anchor, anchor) if there in translated else anchor
        goal = translated.get(there, folders.get(there, there))
        goal = Path(os.path.relpath(goal, home)).as_posix() if path else ""
        return f"{link[1]}{goal}{mark}{anchor}{link[3]}"

    return LINK.sub(new, text)


@functools.cache
def _anchors(source: Path) -> dict[str, str]:
    """{anchor of an English heading: anchor of its translation}, for a page as GitHub and for a notebook as Jupyter."""
    translate = translation(source)
    if source.suffix == ".md":
        texts = [("", source.read_text(encoding="utf-8"))]
    else:
        texts = [(cell.id, cell.source) for cell in nbformat.read(source, as_version=4).cells]
    headings = [(context, heading) for context, text in texts for heading in HEADING.findall(text)]
    slug = _slug_of_github if source.suffix == ".md" else _slug_of_jupyter
    return {slug(heading): slug(translate(context, heading)) for context, heading in headings}


def _slug_of_github(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _slug_of_jupyter(heading: str) -> str:
    return re.sub(r"[`*]", "", heading).replace(" ", "-")


def strings() -> str:
    """The texts that helpers look up, as JSON: quizzes, texts of predictions and what helpers say themselves."""
    known = {}
    for source in sources():
        for unit in read(source).units:
            where = unit.getnotes("developer").strip()
            if unit.istranslated() and where in LOOKED_UP:
                used_for = UNIT if where == UNIT else unit.getcontext() if where == "helper" else ""
                known[language.key(unit.source, used_for)] = str(unit.target)
    return json.dumps(known, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    for source in tqdm(sources(), unit="file"):
        merge(source)
    for source in pages():
        target(source).parent.mkdir(parents=True, exist_ok=True)
        target(source).write_text(build(source), encoding="utf-8")
    STRINGS.write_text(strings(), encoding="utf-8")
    met = [(source, fault) for source in sources() for fault in faults(source)]
    for source, fault in met:
        print(f"{catalogue(source).relative_to(ROOT)}: {fault}")
    print(f"{len(met)} texts have no translation yet, an old one, or one with a fault.")
    return int(bool(met))


if __name__ == "__main__":
    sys.exit(main())
