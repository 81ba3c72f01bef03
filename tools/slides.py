"""Slides from the notebooks themselves. `mark` writes into each cell what it is in a show, for JupyterLab; `pages`
makes a page of each notebook that needs no network (`make slides`)."""

import argparse
import copy
import hashlib
import re
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import TagRemovePreprocessor

from helpers import cache
from helpers.errors import CourseError
from helpers.paths import ROOT
from helpers.ui import predict, still

HIDDEN = "hide-input"
NOTEBOOKS = ROOT / "notebooks"
TEMPLATE = ROOT / "tools" / "slides.html.j2"
# reveal.js shows the slides. It comes in a wheel of PyPI, which is only unpacked: Sphinx is not needed.
WHEEL = "sphinx-revealjs==3.2.1"
WHEEL_SHA256 = "805bed3ca459346e0f01967d5ed1c40d6b7b917de1541e1e4566c8341fe7017b"
SCRIPTS = ("reveal.js", "reveal.css")

SET_UP = {"needs", "parameters", "imports", "check-parameters"}  # nobody has to see these on a wall
LIVE_WORDS = 210  # of a cell that is shown whole: a screen full; more is for reading
# On a page: of a heading's text, of what an output shows, and of the lists that gather a lesson.
LEAD_WORDS, FOUND_WORDS, GATHERED_WORDS = 60, 40, 160
SHORT = 3  # lines of code that leave room for a figure on the same slide
GATHER = {"decide", "summary"}
SENTENCE_END = re.compile(r"(?<=[^\d][.?!])\s+(?=[A-Z(*`\"“])")


def kinds(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell is in a show: slide, subslide, fragment, notes or skip.

    A heading begins a slide, with its text; each output comes below it, on a subslide of its own, and what is to be
    seen in it is a fragment there. Other prose is for the speaker. Code that prints nothing, what sets the notebook up
    and all from the exercises on are skipped, but for the summary.
    """
    found, after_lessons = [], False
    for cell in notebook.cells:
        after_lessons = after_lessons or cell.id == "exercises"
        shown = next((kind for kind in reversed(found) if kind not in ("notes", "skip")), "skip")
        left_out = cell.id in SET_UP or (after_lessons and cell.id != "summary")
        found.append("skip" if left_out else _kind(cell, below_output=shown == "subslide"))
    return found


def _kind(cell: nbformat.NotebookNode, below_output: bool) -> str:
    if cell.cell_type == "code":
        exercise = "exercise" in cell.metadata.get("tags", [])
        return "subslide" if cell.outputs and not exercise else "skip"
    if len(cell.source.split()) > LIVE_WORDS:
        return "notes"
    if cell.source.startswith("#"):
        return "slide"
    return "fragment" if cell.id.startswith("saw-") and below_output else "notes"


def mark(path: Path) -> bool:
    """Write the kinds into the metadata of the notebook's cells; whether anything changed."""
    notebook = nbformat.read(path, as_version=4)
    before = copy.deepcopy(notebook)
    for cell, kind in zip(notebook.cells, kinds(notebook), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    if notebook != before:
        nbformat.write(notebook, path)
    return notebook != before


def shown(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook as its page shows it: long prose is cut to its lead, and the whole of it goes to the notes."""
    page = copy.deepcopy(notebook)
    page.cells = []
    for cell, kind in zip(notebook.cells, kinds(notebook), strict=True):
        page.cells += _on_page(copy.deepcopy(cell), kind)
    return page


def _on_page(cell: nbformat.NotebookNode, kind: str) -> list[nbformat.NotebookNode]:
    cell.metadata = {"slideshow": {"slide_type": kind}, "tags": cell.metadata.get("tags", [])}
    return [cell] if kind == "skip" else _code(cell) if cell.cell_type == "code" else _prose(cell, kind)


def _code(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cell without code that only asks a question; below more than SHORT lines, a large output is a next slide."""
    for output in cell.outputs:
        if "data" in output:
            output.data = still.without_views(output.data)
        if "text" in output:
            output.text = output.text.replace(predict.ALONE.partition("{}.")[2], "")
    large = any({"image/png", "text/html"} & set(output.get("data", {})) for output in cell.outputs)
    if "predict." in cell.source and ".reveal(" not in cell.source:
        cell.metadata["tags"] = [HIDDEN]
    elif large and HIDDEN not in cell.metadata["tags"] and len(cell.source.splitlines()) > SHORT:
        result = copy.deepcopy(cell)
        cell.outputs = []
        result.id, result.metadata["tags"] = f"{cell.id}-output", [HIDDEN]
        return [cell, result]
    return [cell]


def _prose(cell: nbformat.NotebookNode, kind: str) -> list[nbformat.NotebookNode]:
    """The cell with the lead of its text, and the whole for the speaker, where that is more."""
    cell.source = _without_links(cell.source)
    whole = copy.deepcopy(cell)
    if cell.id == "title":
        cell.source = re.sub(r"\*\*About [^*]*\*\* *", "", cell.source)
    if kind != "notes":
        limit = GATHERED_WORDS if cell.id in GATHER else LEAD_WORDS if kind == "slide" else FOUND_WORDS
        cell.source = lead(cell.source, limit)
    if cell.source == whole.source:
        return [cell]
    whole.metadata["slideshow"]["slide_type"], whole.id = "notes", f"{cell.id}-notes"
    return [cell, whole] if cell.source else [whole]


def lead(text: str, limit: int) -> str:
    """The beginning of some Markdown, at most `limit` words below its heading.

    Paragraphs and lists are kept as long as they fit; of the first that does not, as many sentences as fit, and of a
    list the first sentence of each item.
    """
    kept, room = [], limit
    for block in re.split(r"\n{2,}", text.strip()):
        words = 0 if block.startswith("#") else len(block.split())
        if words > room:
            shorter = _shortened(block, room)
            kept += [shorter] * bool(shorter)
            break
        kept.append(block)
        room -= words
    while kept and not kept[-1].startswith("#") and not re.search(r"[.?!)*`|]$", kept[-1]):
        *before, _ = SENTENCE_END.split(kept.pop())  # a sentence that leads to what is left out
        kept += [" ".join(before)] * bool(before)
    return "\n\n".join(kept)


def _shortened(block: str, room: int) -> str:
    """The first sentences of a paragraph, or the first one of each item of a list; nothing where those are too long."""
    items = re.split(r"\n(?=- |\d+\. )", block)
    if len(items) > 1:
        first = "\n".join(SENTENCE_END.split(item, maxsplit=1)[0] for item in items)
        return first if len(first.split()) <= room else ""
    kept = ""
    for sentence in SENTENCE_END.split(block):
        longer = f"{kept} {sentence}".strip()
        if len(longer.split()) > room:
            break
        kept = longer
    return kept


def _without_links(text: str) -> str:
    """Markdown with the words of its links alone, since a page refers to nothing outside it."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\([^)\s]*\)", r"\1", text)


def reveal() -> Path:
    """The folder of reveal.js, taken from its wheel; the first call downloads that (2.4 MB)."""

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            wheel = cache.download(WHEEL, Path(scratch))
            if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
                raise CourseError(f"{wheel.name} is not the file that was published under this name: do not use it.")
            with zipfile.ZipFile(wheel) as archive:
                for name in SCRIPTS:
                    (target / name).write_bytes(archive.read(f"sphinx_revealjs/_static/revealjs/dist/{name}"))

    return cache.publish(cache.folder() / WHEEL.replace("==", "-"), build)


def write(path: Path, folder: Path, scripts: Path) -> Path:
    """The notebook's page, in `folder`; `scripts` holds reveal.js."""
    notebook = shown(nbformat.read(path, as_version=4))
    exporter = SlidesExporter(template_file=str(TEMPLATE), exclude_anchor_links=True)
    exporter.register_preprocessor(TagRemovePreprocessor(remove_input_tags={HIDDEN}, enabled=True), enabled=True)
    inlined = {name: (scripts / name).read_text(encoding="utf-8") for name in SCRIPTS}
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}, "inlined": inlined})
    page = folder / f"{path.stem}.html"
    page.write_text(html, encoding="utf-8")
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["mark", "pages"])
    parser.add_argument("names", nargs="*", type=Path, help="notebooks; all lessons, when none is named")
    parser.add_argument("--into", type=Path, default=ROOT / "outputs" / "slides", help="where the pages go")
    arguments = parser.parse_args()
    for path in arguments.names or sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        if arguments.action == "mark":
            print(f"{path.name}: {'marked' if mark(path) else 'as it was'}")
        else:
            arguments.into.mkdir(parents=True, exist_ok=True)
            page = write(path, arguments.into, reveal())
            print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
