"""Make teaching/capstone.ipynb of notebook 11, with blanks for a class: `python -m tools.capstone`.

`--solved FILE` writes it with the blanks filled in, for the teacher. Nobody edits either by hand.
"""

import argparse
import copy
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.checks.your_own_project import CLAIMS
from helpers.paths import ROOT

SOURCE = ROOT / "notebooks" / "11_your_own_project.ipynb"
TARGET = ROOT / "teaching" / "capstone.ipynb"
LAST = "saw-report"  # of 11's cells; exercises, quiz and summary stay there


@dataclass(frozen=True)
class Blank:
    after: str  # the cell of 11 behind which it stands
    id: str
    text: str
    name: str  # of the variable to fill in
    hint: str  # the comment behind it
    solved: str  # an expression that is right, on 11's own file at least
    then: str  # the check, and what is done with the answer
    empty: str = "None"  # what stands there to begin with


def _claims(*values: bool | None) -> str:
    """A dictionary of the claims and these values, as code."""
    lines = [f'"{claim}": {value}' for claim, value in zip(CLAIMS, values, strict=True)]
    return "{" + ",\n          ".join(lines) + "}"


BLANKS = [
    Blank(
        "course-file",
        "blank-columns",
        "**Which column is the question, which one the answer?** The cell prints how the file begins.",
        "your_mapping",
        '"prompt=COLUMN,completion=COLUMN", with names of this file',
        '"prompt=command,completion=call"',
        'print(path.read_bytes()[:150].decode(errors="replace"))\n'
        "check.columns(your_mapping, path)\nmapping = your_mapping or mapping",
    ),
    Blank(
        "twins",
        "blank-groups",
        "**What must stay together?** Pass a number for each row: rows with one number stay on one side of the split.",
        "groups",
        "range(len(rows)) or cluster",
        "cluster",
        "check.kept_together(groups, cluster, asked)",
    ),
    Blank(
        "do-measure",
        "blank-measure",
        "**Which measure fits the answers of this file?**",
        "measure",
        "a key of measures.MEASURES",
        '"JSON"',
        'check.fitting_measure(measure, [row["completion"][-1]["content"] for row in rows])',
    ),
    Blank(
        "explore-packing",
        "blank-length",
        '**How many tokens may a row have?** `lengths["total"]` holds those of each row.',
        "max_length",
        "a number that cuts no row and leaves little room",
        '64 * math.ceil(lengths["total"].max() / 64)',
        'check.fitting_length(max_length, lengths["total"], longest_fits)',
    ),
    Blank(
        "reasons",
        "blank-rate",
        "**You train an adapter instead.** All weights would take `rate`. At which rate do you begin?",
        "adapter_rate",
        "such as rate / 2",
        "10 * rate",
        "check.adapter_rate(adapter_rate, rate)",
    ),
    Blank(
        "config",
        "blank-updates",
        "**How many updates will this run make?** Reckon from `n`, `batch_size` and `epochs`; `max_steps` above 0 "
        "overrules them.",
        "updates",
        "a whole number",
        "max_steps if max_steps > 0 else math.ceil(epochs * math.ceil(n / batch_size))",
        "check.updates(updates, planned)",
    ),
    Blank(
        "blank-updates",
        "blank-packing",
        "**Would you pack these rows on a GPU?** The widget above shows what packing leaves empty; notebook "
        "[04](04_pack_sequences.ipynb) says when it pays.",
        "pack",
        "True or False",
        'planned["pack"]',
        "check.packing(pack, planned)",
    ),
    Blank(
        "evaluate",
        "blank-interval",
        '**What does the interval say?** Write "worth it", "the rival is better" or "these rows do not decide".',
        "reading",
        "one of the three",
        '"worth it" if gain["low"] > 0 else "the rival is better" if gain["high"] < 0 else "these rows do not decide"',
        "check.interval_read(reading, gain)",
    ),
    Blank(
        "limits",
        "blank-claims",
        "**What may your report say?** Write True or False for each sentence.",
        "claims",
        "",
        _claims(*(allowed for allowed, _ in CLAIMS.values())),
        "check.may_say(claims)",
        empty=_claims(*[None] * len(CLAIMS)),
    ),
]
TITLE = (
    "# Capstone · Your own project\n\n"
    "A file of questions and answers goes in; a model, its scores beside two rivals and one report come out. This is "
    f"notebook [11]({SOURCE.name}) with {len(BLANKS) + 1} blanks. Fill in each one where it says `None`, and run the "
    "cell: the check answers at once. Most blanks decide how your model is trained.\n\n"
    "Hand in this notebook and `outputs/capstone/report.html`."
)
NEEDS = (
    "**Needs:** notebooks 00 to 07, the model and the packages that `make lab` has fetched; 6 GB of free memory and "
    '4 GB of free disk. With less, set `model_name = "nano"`: the whole path works, and the model learns little.\n\n'
    "**Your file.** Write its path into the cell below. Without one, the notebook takes home commands of the course."
)
CHANGED = {  # lines of 11's cells that would give an answer away, or mean 11 itself
    "imports": [("predict, quiz", "predict")],
    "parameters": [('output_dir: str = "outputs/11"', 'output_dir: str = "outputs/capstone"')],
    "course-file": [
        ('path, mapping = output / "commands.csv", "prompt=command,completion=call"', 'path = output / "commands.csv"')
    ],
}


def build(solved: bool = False) -> nbformat.NotebookNode:
    """The capstone, made of notebook 11 as it is, without outputs; `solved` fills the blanks in."""
    lesson = nbformat.read(SOURCE, as_version=4)
    cells, blanks = [], {blank.after: blank for blank in BLANKS}
    for cell in lesson.cells:
        cells.append(_changed(cell))
        after = cell.id
        while after in blanks:
            cells += _cells(blanks[after], solved)
            after = blanks[after].id
        if cell.id == LAST:
            break
    for cell in cells:
        if cell.cell_type == "markdown":  # links go out from another folder
            cell.source = re.sub(r"\]\((?!\w+:|#)", "](../notebooks/", cell.source)
    metadata = copy.deepcopy(lesson.metadata)
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def text(notebook: nbformat.NotebookNode) -> str:
    """The notebook as its file holds it."""
    return nbformat.writes(notebook) + "\n"


def _changed(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    cell = copy.deepcopy(cell)
    cell.metadata.pop("slideshow", None)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    for old, new in CHANGED.get(cell.id, []):
        if old not in cell.source:
            raise ValueError(f"{cell.id} of {SOURCE.name} no longer holds {old!r}: mend CHANGED")
        cell.source = cell.source.replace(old, new)
    cell.source = {"title": TITLE, "needs": NEEDS}.get(cell.id, cell.source)
    return cell


def _cells(blank: Blank, solved: bool) -> list[nbformat.NotebookNode]:
    """Its question, and the cell to fill in."""
    value = blank.solved if solved else blank.empty
    comment = f"  # {blank.hint}" if blank.hint else ""
    question = new_markdown_cell(f"✏ {blank.text}", id=f"{blank.id}-text")
    code = f"{blank.name} = {value}{comment}\n{blank.then}"
    return [question, new_code_cell(code, id=blank.id, metadata={"tags": ["exercise"]})]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solved", type=Path, metavar="FILE", help="where to write the solved notebook")
    asked = parser.parse_args()
    target = asked.solved or TARGET
    target.write_text(text(build(solved=asked.solved is not None)), encoding="utf-8")


if __name__ == "__main__":
    main()
