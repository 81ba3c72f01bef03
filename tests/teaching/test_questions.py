"""Ten questions before the course and ten after it are pairs: the same in kind, other in wording, and short enough."""

import re

import pytest

from lessons import ROOT

TEACHING = ROOT / "teaching"
UNSURE = "I do not know yet"
MINUTES, WORDS_A_MINUTE, SECONDS_TO_CHOOSE = 5, 130, 5


def read(when: str) -> dict[int, dict]:
    """{number: question, options by letter, right letter, what it asks for, notebook} of questions_<when>.md."""
    text, key = (TEACHING / f"questions_{when}.md").read_text("utf-8").split("## Key\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in key.splitlines() if line.startswith("| ")]
    asked = {}
    for block in text.split("\n## ")[1:]:
        number, question, *_ = block.split("\n\n")
        options = dict(re.findall(r"(?m)^- ([a-d])\) (.+)$", block))
        _, right, kind, notebook = next(row for row in rows[1:] if row[0] == number)
        asked[int(number)] = {
            "question": question,
            "options": options,
            "right": right,
            "kind": kind,
            "notebook": notebook,
        }
    assert len(rows) == 1 + len(asked), "the key has a row for each question"
    return asked


BEFORE, AFTER = read("before"), read("after")
either = pytest.mark.parametrize("asked", [BEFORE, AFTER], ids=["before", "after"])
pair = pytest.mark.parametrize("number", range(1, 11))


@pair
def test_each_question_has_a_twin_of_its_kind_in_other_words(number):
    before, after = BEFORE[number], AFTER[number]
    assert (before["kind"], before["notebook"]) == (after["kind"], after["notebook"])
    assert before["question"] != after["question"]
    assert before["options"] != after["options"]


@pair
@either
def test_each_question_has_three_answers_and_a_way_out(asked, number):
    options = asked[number]["options"]
    assert list(options) == ["a", "b", "c", "d"] and options["d"] == UNSURE
    assert len(set(options.values())) == 4
    assert asked[number]["right"] in ("a", "b", "c")
    file = re.search(r"\(\.\./(.+)\)", asked[number]["notebook"])[1]
    assert (ROOT / file).exists()


@either
def test_there_are_ten_and_the_right_letter_does_not_give_itself_away(asked):
    assert list(asked) == list(range(1, 11))
    letters = [question["right"] for question in asked.values()]
    assert all(2 <= letters.count(letter) <= 5 for letter in "abc")
    lengths = lambda question: {letter: len(text) for letter, text in question["options"].items() if letter != "d"}
    longest = [max(lengths(q), key=lengths(q).get) == q["right"] for q in asked.values()]
    assert sum(longest) <= 4


@either
def test_ten_are_answered_in_five_minutes(asked):
    texts = [text for question in asked.values() for text in (question["question"], *question["options"].values())]
    words = sum(len(text.split()) for text in texts)
    assert words / WORDS_A_MINUTE + len(asked) * SECONDS_TO_CHOOSE / 60 <= MINUTES
