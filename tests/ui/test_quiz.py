"""Quizzes: one right option each, an explanation for every option, and a score that counts."""

import html
import subprocess
import sys

import pytest

import lessons
from helpers.ui import quiz


def test_a_quiz_loads_neither_the_parser_nor_the_dataset():
    code = "import sys, helpers.ui.quiz; print({'hassil', 'datasets', 'torch', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("path", sorted(quiz.FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_quiz_has_one_right_option_and_explains_each(path):
    for item in quiz.questions(path.stem):
        assert sum(option["right"] for option in item["options"]) == 1, item["question"]
        assert len(item["options"]) >= 3 and all(option["why"] for option in item["options"])


@pytest.mark.parametrize("path", sorted(quiz.FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_quiz_says_what_is_right_and_counts(path):
    asked = quiz.questions(path.stem)
    *boxes, score = quiz.show(path.stem).children
    assert score.value == f"0 of {len(asked)} right so far"
    for item, box in zip(asked, boxes, strict=True):
        _, radio, feedback = box.children
        right = [option["right"] for option in item["options"]].index(True)
        radio.index = (right + 1) % len(item["options"])
        assert feedback.value.startswith("<b>Not this one.</b>")
        radio.index = right
        assert feedback.value.startswith("<b>Right.</b>")
    assert score.value == f"{len(asked)} of {len(asked)} right so far"


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lambda p: p.stem)
def test_the_quiz_that_a_notebook_stores_is_that_of_its_file(path):
    cell = next(cell for cell in lessons.read(path).cells if cell.id == "quiz-questions")
    stored = html.unescape("".join(output.get("data", {}).get("text/html", "") for output in cell.outputs))
    for item in quiz.questions(path.name[:2]):
        for text in (item["question"], *(option["text"] for option in item["options"])):
            assert text in stored, f"store the output of the cell quiz-questions again: it has no {text}"
