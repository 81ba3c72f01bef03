"""Something to do, early and often: predictions, exercises and widgets, and what a reader sees of figures and words."""

import json
import re

import pytest

from helpers.ui import still
from lessons import LESSONS, ROOT, code_cells, markdown_cells, name, read

WIDGETS = re.compile(r"\b(?:explore|live|compare|run_logs|label_budget|home)\.\w+\(|^frame\(", re.MULTILINE)
FIRST, EVERY, AT_LEAST = 10, 8, 8  # cells before the first thing to do, between two, and things to do in all
QUIZZES = sorted((ROOT / "data" / "quiz").glob("*.json"))
# Terms that are everyday words too; a notebook may use them as such.
EVERYDAY = {"step", "update", "exact", "natural", "mask", "schedule", "schema", "prompt"}
GLOSSARY = ROOT / "notebooks" / "glossary.md"

lesson = pytest.mark.parametrize("path", LESSONS, ids=name)


def is_hand(cell) -> bool:
    """Whether the reader does something in the cell: predicts, completes, or explores with a widget."""
    if cell.cell_type != "code" or cell.id == "imports":
        return False
    asks = "predict.choose(" in cell.source or "predict.estimate(" in cell.source
    explores = WIDGETS.search(cell.source) is not None and "LivePicture" not in cell.source
    return asks or explores or "exercise" in cell.metadata.get("tags", [])


def places(cells) -> list[int]:
    return [i for i, cell in enumerate(cells) if is_hand(cell)]


@lesson
def test_there_is_something_to_do_early_and_often(path):
    cells = read(path).cells
    ids, hands = [c.id for c in cells], places(cells)
    imports, exercises = ids.index("imports"), ids.index("exercises")
    assert len(hands) >= AT_LEAST, f"{len(hands)} things to do"
    assert hands[0] - imports <= FIRST, f"{cells[hands[0]].id} comes {hands[0] - imports} cells after the imports"
    stops = [*[i for i in hands if i < exercises], exercises]
    gaps = {cells[a].id: b - a - 1 for a, b in zip(stops, stops[1:], strict=False) if b - a - 1 > EVERY}
    assert not gaps, f"more than {EVERY} cells with nothing to do after: {gaps}"


@lesson
def test_every_prediction_is_shown_beside_its_result(path):
    cells = code_cells(read(path))
    for place, cell in enumerate(cells):
        for made in re.findall(r"(\w+) = predict\.(?:choose|estimate)\(", cell.source):
            later = [c.id for c in cells[place + 1 :] if f"{made}.reveal(" in c.source]
            assert later, f"{made} is never revealed"


@lesson
def test_at_most_one_line_of_output_says_true_or_false(path):
    lines = []
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            lines += [(cell.id, line) for line in text.splitlines() if re.search(r"(^|\s)(True|False)\s*$", line)]
    assert len(lines) <= 1, lines


@lesson
def test_every_figure_has_a_sentence_for_readers_who_do_not_see_it(path):
    for cell in code_cells(read(path)):
        assert "plt.show()" not in cell.source, f"{cell.id}: figures.show(sentence) shows a figure"
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alt.split()) >= 5, f"{cell.id}: {alt!r}"


@lesson
def test_a_page_without_a_kernel_shows_what_a_widget_shows(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            data = output.get("data", {})
            assert still.VIEW not in data, f"{cell.id}: run `make outputs`, which stores stills and no views"
            assert "(children=" not in data.get("text/plain", "") or still.START in data["text/html"], cell.id


@lesson
def test_hidden_cells_are_collapsed(path):
    for cell in code_cells(read(path)):
        hidden = "hide-input" in cell.metadata.get("tags", [])
        assert hidden == cell.metadata.get("jupyter", {}).get("source_hidden", False), cell.id


@pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)
def test_the_right_option_of_a_quiz_does_not_give_itself_away(path):
    questions = json.loads(path.read_text(encoding="utf-8"))
    longest, first_to_last = 0, set()
    for question in questions:
        options = question["options"]
        (right,) = [place for place, option in enumerate(options) if option["right"]]
        lengths = [len(option["text"]) for option in options]
        longest += lengths[right] == max(lengths)
        first_to_last.add(right)
    assert longest <= 0.4 * len(questions), f"the right option is the longest in {longest} of {len(questions)}"
    assert len(first_to_last) > 1, "the right option always stands in the same place"


def terms() -> dict[str, str]:
    """{term: its anchor in the glossary}; a heading may hold several terms, parted by commas."""
    anchors = {}
    for heading in re.findall(r"(?m)^### (.+)$", GLOSSARY.read_text("utf-8")):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors |= {term.strip(): anchor for term in heading.split(",")}
    return anchors


def words(text: str) -> str:
    """Markdown without code, links' targets, formulas, headings and names of notebooks."""
    text = re.sub(r"(?ms)^(```|~~~).*?^\1|`[^`\n]*`|\$[^$]*\$|^#+ .*?$", " ", text)
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"\[[^\]]*\]\([^)]*\.ipynb[^)]*\)", " ", text))


@lesson
def test_terms_are_linked_to_the_glossary(path):
    if path.name.startswith("00"):
        return  # it explains them
    notebook = read(path)
    prose = "\n".join(words(c.source) for c in markdown_cells(notebook))
    linked = set(re.findall(r"glossary\.md#([\w-]+)", "\n".join(c.source for c in markdown_cells(notebook))))
    missing = [
        term
        for term, anchor in terms().items()
        if anchor not in linked
        and term not in EVERYDAY
        and re.search(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", prose)
    ]
    assert not missing, f"used, and not linked to glossary.md: {missing}"
