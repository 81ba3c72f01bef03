"""Slides come from the notebooks: a rule says what each cell is, a class can read it, a page needs nothing else."""

import re

import nbformat
import pytest

from helpers.errors import CourseError
from lessons import LESSONS, name, read
from tools import slides

lesson = pytest.mark.parametrize("path", LESSONS, ids=name)
OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["'](?!data:|#)|url\(\s*["']?(?!data:)|@import""")


def markdown(source: str, cell_id: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, id=cell_id)


def code(source: str, cell_id: str, printed: str = "", tags: list[str] | None = None, **data) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("stream", text=printed)] if printed else []
    outputs += [nbformat.v4.new_output("display_data", data)] if data else []
    return nbformat.v4.new_code_cell(source, id=cell_id, outputs=outputs, metadata={"tags": tags or []})


CELLS = {
    "slide": markdown("# 99 · A lesson\n\n**About 9 minutes.** It begins.", "title"),
    "skip": code("rate: float = 1", "parameters"),
    "notes": markdown("Before we begin.", "widget-intro"),
    "slide 2": markdown("## Why\n\nSee [the glossary](glossary.md#loss).", "why-it"),
    "subslide": code("loss_predicted = predict.choose('Up?', ['yes'])\nloss_predicted", "predict-it", "Up?"),
    "skip 2": code("def loss():\n    return 1", "loss"),
    "subslide 2": code("loss_predicted.reveal('no')", "show-it", "It is no. You made no prediction.\n"),
    "fragment": markdown("It was not.", "saw-it"),
    "skip 3": code("answer = None", "do-it", "Not tried yet", tags=["exercise"]),
    "skip 4": markdown("## Exercises", "exercises"),
    "skip 5": markdown("Solve it.", "exercise-text"),
    "slide 3": markdown("## Summary\n\n1. It was not.", "summary"),
    "skip 6": markdown("**Next:** nothing.", "next"),
}


@pytest.fixture
def notebook():
    return nbformat.v4.new_notebook(cells=list(CELLS.values()))


def on_screens(page: nbformat.NotebookNode) -> dict[str, list[nbformat.NotebookNode]]:
    """{id of its first cell: what stands on a slide or subslide, fragments included}."""
    screens = {}
    for cell in page.cells:
        kind = cell.metadata["slideshow"]["slide_type"]
        if kind in ("slide", "subslide"):
            screens[cell.id] = current = []
        if kind not in ("notes", "skip"):
            current.append(cell)
    return screens


def test_the_rule_gives_each_cell_its_part_in_the_show(notebook):
    assert slides.kinds(notebook) == [kind.split()[0] for kind in CELLS]


def test_what_was_seen_in_text_alone_is_for_the_speaker():
    cells = [markdown("## Why", "why"), markdown("You saw it.", "saw-why")]
    assert slides.kinds(nbformat.v4.new_notebook(cells=cells)) == ["slide", "notes"]


@lesson
def test_every_cell_of_a_lesson_carries_what_the_rule_says(path):
    notebook = read(path)
    written = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook.cells]
    assert written == slides.kinds(notebook), "run `.venv/bin/python -m tools.slides mark`"


@lesson
def test_a_class_can_read_what_stands_on_a_slide(path):
    notebook = read(path)
    for first, cells in on_screens(slides.shown(notebook)).items():
        words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
        room = slides.GATHERED_WORDS if first in slides.GATHER else slides.LEAD_WORDS + slides.FOUND_WORDS
        assert words <= room + 10, f"{first}: {words} words"  # ten for a heading
    live = {cell.id: kind for cell, kind in zip(notebook.cells, slides.kinds(notebook), strict=True)}
    long = [c.id for c in notebook.cells if c.cell_type == "markdown" and len(c.source.split()) > slides.LIVE_WORDS]
    assert not [cell_id for cell_id in long if live[cell_id] not in ("notes", "skip")]


def test_marking_changes_metadata_alone_and_once(notebook, tmp_path):
    path = tmp_path / "99_lesson.ipynb"
    nbformat.write(notebook, path)
    assert slides.mark(path) and not slides.mark(path)
    marked = read(path)
    assert [c.source for c in marked.cells] == [c.source for c in notebook.cells]
    assert marked.cells[-1].metadata == {"slideshow": {"slide_type": "skip"}}
    exercise = next(cell for cell in marked.cells if cell.id == "do-it")
    assert exercise.metadata == {"tags": ["exercise"], "slideshow": {"slide_type": "skip"}}


LEADS = {
    "all of it, if it fits": ("# A\n\nOne two. Three.", 3, "# A\n\nOne two. Three."),
    "as many sentences as fit": ("# A\n\nOne two. Three four. Five six.", 4, "# A\n\nOne two. Three four."),
    "of a list the first sentence of each item": ("- One. Two three.\n- Four. Five.", 4, "- One.\n- Four."),
    "no paragraph after one that was cut": ("# A\n\nOne two. Three four.\n\nFive.", 3, "# A\n\nOne two."),
    "no sentence that leads to what is left out": ("# A\n\nOne. Two:\n\n- three four five six", 3, "# A\n\nOne."),
    "a heading alone": ("# A\n\nOne two three.", 2, "# A"),
    "a number is no end of a sentence": ("At 0.5 it is. So be it.", 4, "At 0.5 it is."),
}


@pytest.mark.parametrize("text, limit, expected", LEADS.values(), ids=LEADS)
def test_prose_is_cut_to(text, limit, expected):
    assert slides.lead(text, limit) == expected


def test_the_whole_of_what_was_cut_goes_to_the_notes(notebook):
    long = "## Why\n\n" + "This is one of many sentences. " * 20
    cut, notes = slides.shown(nbformat.v4.new_notebook(cells=[markdown(long, "why")])).cells
    assert len(cut.source.split()) <= slides.LEAD_WORDS + 2 and notes.source == long
    assert notes.metadata["slideshow"]["slide_type"] == "notes"


def test_a_figure_gets_a_slide_without_its_code_unless_that_is_short():
    figure = {"image/png": "iVBORw0KGgo="}
    short = code("draw()", "draw", **figure)
    assert len(slides.shown(nbformat.v4.new_notebook(cells=[short])).cells) == 1
    cell = code("draw()\n" * (slides.SHORT + 1), "draw", **figure)
    above, below = slides.shown(nbformat.v4.new_notebook(cells=[cell])).cells
    assert not above.outputs and not above.metadata["tags"]
    assert below.outputs and below.metadata["tags"] == [slides.HIDDEN]


@pytest.fixture
def scripts(tmp_path):
    """A folder with files named like those of reveal.js."""
    for file in slides.SCRIPTS:
        (tmp_path / file).write_text(f"/* all of {file} */", encoding="utf-8")
    return tmp_path


def test_a_page_shows_the_lesson_and_refers_to_nothing_outside(notebook, scripts, tmp_path):
    path = tmp_path / "99_lesson.ipynb"
    nbformat.write(notebook, path)
    html = slides.write(path, tmp_path, scripts).read_text("utf-8")
    assert "<title>99 · A lesson</title>" in html and all(f"all of {file}" in html for file in slides.SCRIPTS)
    assert "It is no." in html and "You made no prediction" not in html and "About 9 minutes" in html
    assert "See the glossary." in html and "predict.choose" not in html and "Solve it" not in html
    assert not OUTSIDE.search(html), html[OUTSIDE.search(html).start() :][:100]


def test_without_a_network_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CourseError, match="set PIP_FIND_LINKS to a folder with its wheel"):
        slides.reveal()


def test_another_file_of_that_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "sphinx_revealjs-3.2.1-py3-none-any.whl"
    wheel.write_bytes(b"not it")
    monkeypatch.setattr(slides.cache, "download", lambda name, folder: wheel)
    with pytest.raises(CourseError, match="is not the file that was published"):
        slides.reveal()
    assert not (tmp_path / "cache" / "sphinx-revealjs-3.2.1").exists()
