"""What the prose says is backed: its numbers stand in an output, and nothing is called what it is not."""

import dataclasses
import json
import re

import pytest
from peft import LoraConfig
from trl import SFTConfig

import lessons

QUIZZES = sorted((lessons.ROOT / "data" / "quiz").glob("*.json"))
PAGES = [*lessons.LESSONS, *lessons.SOLUTIONS]
TEXTS = [*PAGES, *(lessons.ROOT / "data").glob("*.md"), *(lessons.ROOT / "data").glob("quiz/*.json"),
         *lessons.ROOT.glob("*.md"), *lessons.ROOT.glob("helpers/**/*.py")]  # fmt: skip
OTHER_NAMES = {"attention_mask", "bfd_split", "num_processes", "formatting_func"}  # columns, values, Accelerate's
KNOWN = {*OTHER_NAMES, *(field.name for config in (SFTConfig, LoraConfig) for field in dataclasses.fields(config))}
YEAR = re.compile(r"(?:19|20)\d\d")
SMALL = 12  # a smaller whole number counts things of the sentence itself: "two of 5 rows", "1 to 3 epochs"


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_numbers_of_what_you_saw_stand_in_an_output_above(path):
    """A markdown cell `saw-...` tells what the cells above it showed. Each of its numbers stands, to the digits that
    the prose gives, in the output or the code of a cell above, or in the cell's metadata: {"from": {number: source}}.
    """
    above, unbacked = set(), []
    for cell in lessons.read(path).cells:
        if cell.cell_type == "code":
            above |= lessons.values(cell)
        elif cell.id.startswith("saw-"):
            elsewhere = cell.metadata.get("from", {})
            numbers = lessons.numbers(cell.source)
            unbacked += [f"{cell.id}: {n}" for n in numbers if n not in elsewhere and not backed(n, above)]
    assert not unbacked


def backed(number: str, outputs: set[float]) -> bool:
    if (float(number.replace(",", "")) <= SMALL and "." not in number) or YEAR.fullmatch(number):
        return True
    return lessons.rounds_to(number, outputs)


def test_a_number_that_no_output_shows_is_noticed():
    assert backed("43", {42.6}) and backed("0.2", {0.204}) and backed("1,200", {1200.0}) and backed("3", set())
    assert not backed("43", {42.4}) and not backed("0.25", {0.2})


@pytest.mark.parametrize("path", PAGES, ids=lessons.name)
def test_no_interval_has_width_zero(path):
    for cell in lessons.code_cells(lessons.read(path)):
        text = lessons.shown(cell)
        equal = [f"{low} to {high}" for low, high in re.findall(r"\((\d+)\s*(?:–|to)\s*(\d+)\)", text) if low == high]
        assert not equal, cell.id


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_natural_commands_are_not_called_human(path):
    """They were written by language models for this course."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in lessons.read(path).cells)
    elif path.suffix == ".json":
        text = json.dumps(json.loads(text), ensure_ascii=False)
    assert not re.findall(
        r"(?i)hand-?written|written by hand|(?:as|how|the way) people (?:really )?(?:say|talk|speak)", text
    )


@pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)
def test_arguments_that_a_quiz_names_exist(path):
    """An argument that is gone may be named only where the text says so."""
    for item in json.loads(path.read_text(encoding="utf-8")):
        texts = [item["question"], *(option[part] for option in item["options"] for part in ("text", "why"))]
        for text in texts:
            gone = {name for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text) if name not in KNOWN}
            assert not gone or re.search(r"(?i)\b(gone|older|removed|deprecated|no longer)\b", text), (gone, text)
