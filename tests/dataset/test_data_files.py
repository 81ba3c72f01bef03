"""The files in data/ that no command makes: well formed, valid against their schemas, and not leaking into training.

They are checked here, once, and not each time a reader loads them.
"""

import json
import re
from collections import Counter

import fastjsonschema
import pytest
from rapidfuzz import fuzz, process

from helpers.dataset import build, calls, commands
from helpers.dataset.grammar import load_grammar
from helpers.paths import DATA
from tests.dataset.reading import texts

POOL = {
    "type": "object",
    "properties": {
        name: {"type": "array", "items": {"type": "string", "pattern": r"\S"}} for name in ("everywhere", "test_only")
    },
    "required": ["everywhere", "test_only"],
    "additionalProperties": False,
}
POOLS = {"type": "object", "additionalProperties": POOL, "minProperties": 1}
PARTS = {"system": {"type": "string"}, "areas": POOL, "floors": POOL, "devices": POOLS, "values": POOLS}
HOMES = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": "object",
        "properties": PARTS,
        "required": list(PARTS),
        "additionalProperties": False,
    },
}


def read(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def dataset():
    return commands.load()


def test_homes_have_every_list_of_names():
    fastjsonschema.validate(HOMES, json.loads((DATA / "homes.json").read_text("utf-8")))


def test_each_natural_command_has_a_use_and_a_valid_call():
    for number, row in enumerate(read("natural_commands.jsonl"), start=1):
        assert row["use"] in ("train", "test"), number
        assert row["command"].strip(), number
        problem = calls.problem(row["call"], row.get("language", "en"))
        assert problem is None, (number, problem)


@pytest.mark.parametrize(
    "language, least", [("en", {"test": 160, "train": 300}), ("zh-TW", {"test": 120, "train": 240})]
)
def test_natural_commands_cover_every_intent_and_are_no_near_duplicates(language, least):
    dataset = commands.load(language)
    by_use = {use: commands.natural_commands(use, language) for use in least}
    assert all(len(by_use[use]) >= number for use, number in least.items())
    intents = {t.intent for t in load_grammar(language).templates}
    for rows in by_use.values():
        assert {r["intent"] for r in rows} == intents
    spoken = {use: [r["prompt"][-1]["content"] for r in rows] for use, rows in by_use.items()}
    across = process.cdist(spoken["train"] + texts(dataset["train"]), spoken["test"], scorer=fuzz.token_sort_ratio)
    assert across.max() < 90


def test_the_evaluation_files_hold_what_their_readers_expect(dataset):
    odd, general, doubts = read("odd_input.jsonl"), read("general_text.jsonl"), read("label_doubts.jsonl")
    assert all(row["call"] is None or calls.problem(row["call"]) is None for row in odd)
    assert not {row["text"] for row in odd} & set(texts(commands.load(natural_in_train=True)["train"]))
    assert Counter(row["kind"] for row in general) == {"passage": 24, "question": 30}
    assert all(row["accept"] for row in general if row["kind"] == "question")
    held_out = set(texts(dataset["natural"])) | set(texts(dataset["test"]))
    assert {row["command"] for row in doubts} <= held_out and all(row["why"] for row in doubts)


def test_sentences_that_are_no_command_are_dealt_and_unlike_those_that_evaluate():
    rows = read("non_commands.jsonl")
    per_kind = Counter((row["kind"], row["use"]) for row in rows)
    assert len({kind for kind, _ in per_kind}) == 4
    assert set(per_kind.values()) == {75, 25}
    bought = [row["text"] for row in rows]
    assert len(set(bought)) == len(bought)
    held_out = [row["text"] for row in [*read("odd_input.jsonl"), *read("general_text.jsonl")] if "text" in row]
    for texts_to_train_on in (bought, [row["text"] for row in read("general_prompts.jsonl")]):
        assert process.cdist(texts_to_train_on, held_out, scorer=fuzz.ratio).max() < 85
    choosing = [row["text"] for row in rows if row["use"] == "validation"]
    training = [row["text"] for row in rows if row["use"] == "train"]
    assert process.cdist(choosing, training, scorer=fuzz.ratio).max() < 85


def test_a_sentence_that_is_no_command_has_the_call_that_does_nothing():
    rows = commands.non_commands("train")
    assert len(rows) == 300 and {row["intent"] for row in rows} == {calls.NO_COMMAND["name"]}
    assert calls.problem(json.loads(rows[0]["completion"][0]["content"])) is None
    assert len({row["template"] for row in rows}) == 300


def test_the_data_card_has_a_row_for_whatever_lies_here():
    rows = re.findall(r"^\| `([\w./-]+)`", (DATA / "README.md").read_text("utf-8"), re.MULTILINE)
    cards = {"README.md", "README.zh-TW.md"}
    assert {path.name for path in DATA.iterdir()} - cards == {row.split("/")[0] for row in rows}


def test_the_data_card_says_where_upstream_sentences_are_quoted(dataset):
    """They are under CC BY 4.0; whatever else lies in data/ quotes none."""
    upstream = {sentence for split in ("train", "validation", "test") for sentence in texts(dataset[split])}
    quoted = [row["command"] for row in read("label_doubts.jsonl") if row["command"] in upstream]
    card = (DATA / "README.md").read_text("utf-8")
    assert f"{len(quoted)} in `label_doubts.jsonl`" in card and f"those {len(quoted)}: CC BY 4.0" in card
    for path in (DATA / "runs").glob("*.json"):
        answers = json.loads(path.read_text("utf-8")).get("answers", [])
        assert len([row for row in answers if isinstance(row, dict)]) <= 5, path.name  # five, the card says
    upstream |= {sentence for split in build.SPLITS for sentence in texts(commands.load("zh-TW")[split])}
    for row in read("natural_commands.jsonl") + read("odd_input.jsonl") + read("non_commands.jsonl"):
        assert row.get("command", row.get("text")) not in upstream
