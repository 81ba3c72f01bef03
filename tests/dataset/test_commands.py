"""The dataset: its splits share no wording, every label is valid, and a malformed file is refused by row."""

import json
from collections import Counter

import fastjsonschema
import pytest
from rapidfuzz import fuzz, process

from helpers import cache, commands
from helpers.errors import CourseError

GOOD = {"command": "light in the den", "call": {"name": "HassNevermind", "arguments": {}}, "use": "test"}


@pytest.fixture(scope="module")
def dataset():
    return commands.load()


def texts(rows) -> list[str]:
    return [prompt[-1]["content"] for prompt in rows["prompt"]]


def call(row) -> dict:
    return json.loads(row["completion"][0]["content"])


def test_training_is_large_and_no_template_dominates(dataset):
    per_template = Counter(dataset["train"]["template"])
    assert len(dataset["train"]) >= 2000 and len(per_template) >= 500
    assert max(per_template.values()) <= commands.CAP["train"]
    assert commands.counts()["templates"]["train"] == len(per_template)


def test_no_wording_is_in_two_splits(dataset):
    family = {t.id: t.family for t in commands.grammar().templates}
    for one, other in [("train", "test"), ("train", "validation"), ("validation", "test")]:
        assert not set(texts(dataset[one])) & set(texts(dataset[other]))
        assert not {family[t] for t in dataset[one]["template"]} & {family[t] for t in dataset[other]["template"]}


def test_every_label_is_valid_and_written_in_the_order_of_the_schema(dataset):
    fastjsonschema.compile(commands.schema())
    for split in dataset:
        for row in dataset[split]:
            answer = row["completion"][0]["content"]
            assert commands.problem(call(row)) is None
            assert commands.call_text(**call(row)) == answer
            assert call(row)["name"] == row["intent"]


def test_names_kept_for_the_test_are_never_trained_on(dataset):
    names = commands.homes()["en"]
    pools = [names["areas"], names["floors"], *names["devices"].values(), *names["values"].values()]
    kept = {word for pool in pools for word in pool["test_only"]}
    values = {v for row in dataset["train"] for v in call(row)["arguments"].values() if isinstance(v, str)}
    assert not kept & values
    assert kept & {v for row in dataset["test"] for v in call(row)["arguments"].values() if isinstance(v, str)}


def test_the_rule_parser_reads_each_test_sentence_as_labelled(dataset):
    for row in dataset["test"].select(range(60)):
        assert commands.grammar().parse(row["prompt"][-1]["content"])[0] == (row["intent"], call(row)["arguments"])


def test_natural_commands_cover_every_intent_and_are_no_near_duplicates(dataset):
    by_use = {use: [r for u, r in commands.natural_commands() if u == use] for use in ("train", "test")}
    assert len(by_use["test"]) >= 160 and len(by_use["train"]) >= 300
    intents = {t.intent for t in commands.grammar().templates}
    for rows in by_use.values():
        assert {r["intent"] for r in rows} == intents
    spoken = {use: [r["prompt"][-1]["content"] for r in rows] for use, rows in by_use.items()}
    across = process.cdist(spoken["train"] + texts(dataset["train"]), spoken["test"], scorer=fuzz.token_sort_ratio)
    assert across.max() < 90


def test_natural_commands_join_training_on_request(dataset):
    more = commands.load(natural_in_train=True)
    added = set(texts(more["train"])) - set(texts(dataset["train"]))
    assert len(more["train"]) - len(dataset["train"]) >= 300
    assert not added & set(texts(more["natural"]))
    assert any(t.startswith("natural/") for t in more["train"].select(range(100))["template"])  # mixed in


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path, monkeypatch):
    cached = commands._built("en", 0)
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path))
    again = commands._built("en", 0)
    assert again.is_relative_to(cache.folder())
    for split in commands.SPLITS:
        assert (again / f"{split}.jsonl").read_bytes() == (cached / f"{split}.jsonl").read_bytes()


def test_an_unknown_language_is_refused():
    with pytest.raises(CourseError, match="no language 'tlh'.*choose one of en"):
        commands.load("tlh")


@pytest.mark.parametrize(
    "call, reason",
    [
        ("turn on", "not an object"),
        ({"name": "HassTurnOn"}, "not an object"),
        ({"name": "HassFly", "arguments": {}}, "no call named 'HassFly'"),
        ({"name": ["HassTurnOn"], "arguments": {}}, "no call named"),
        ({"name": "HassTurnOn", "arguments": {}}, "arguments must contain"),
        ({"name": "HassTurnOn", "arguments": {"colour": "red"}}, "colour"),
        ({"name": "HassSetVolume", "arguments": {"volume_level": "30"}}, "volume_level must be integer"),
        ({"name": "HassSetVolume", "arguments": {"volume_level": 130}}, "volume_level must be smaller"),
        ({"name": "HassTurnOn", "arguments": {"area": "den", "domain": "spaceship"}}, "domain must be one of"),
    ],
)
def test_an_invalid_call_is_named(call, reason):
    assert reason in commands.problem(call)


@pytest.mark.parametrize(
    "line, reason",
    [
        ('{"command": "lights', "Unterminated"),
        (json.dumps({"command": "lights"}), "call, use missing"),
        (json.dumps(GOOD | {"use": "maybe"}), 'use is \'maybe\', not "train" or "test"'),
        (json.dumps(GOOD | {"command": "  "}), "the command is empty"),
        (json.dumps(GOOD | {"call": {"name": "HassFly", "arguments": {}}}), "no call named 'HassFly'"),
        ("[1, 2]", "missing"),
        ("7", "not iterable"),
    ],
)
def test_a_malformed_natural_command_is_refused_with_its_row(tmp_path, line, reason):
    path = tmp_path / "natural.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(CourseError) as caught:
        commands.natural_commands(path=path)
    assert "natural.jsonl, row 2: " in str(caught.value) and reason in str(caught.value)


@pytest.mark.parametrize(
    "text, reason",
    [
        ('{"en": {\n"areas": [}', "homes.json, line 2: not valid JSON"),
        ('{"en": {"system": "x", "areas": {"everywhere": ["a"]}}}', "must contain"),
        ("{}", None),
        ('{"en": {"system": "x", "areas": {"everywhere": [""], "test_only": []}, "floors": {}}}', "must contain"),
    ],
)
def test_a_malformed_homes_file_is_refused(tmp_path, text, reason):
    path = tmp_path / "homes.json"
    path.write_text(text)
    if reason is None:
        assert commands.homes(path) == {}
    else:
        with pytest.raises(CourseError, match=reason):
            commands.homes(path)


@pytest.mark.parametrize(
    "text, slots, nonsense",
    [
        ("turn on the the lights", {}, True),
        ("is the lights on", {}, True),
        ("where is the anna", {}, True),
        ("take 4 hours off my 10 minute timer", {"hours": 4, "start_minutes": 10}, True),
        ("take 4 minutes off my 10 minute timer", {"minutes": 4, "start_minutes": 10}, False),
        ("turn on the bedroom lights", {}, False),
        ("set a timer for 5 minutes", {}, False),
    ],
)
def test_what_reads_as_nonsense(text, slots, nonsense):
    assert commands.grammar().reads_as_nonsense(text, slots) == nonsense


def test_numbers_in_words_are_read_as_numbers():
    [reading] = commands.grammar().parse("set the temperature to twenty one point five degrees")
    assert reading == ("HassClimateSetTemperature", {"temperature": 21.5})


def test_rules_know_the_templates_they_are_given(dataset):
    whole, seen = commands.rules(), commands.rules(set(dataset["train"]["template"]))
    row = dataset["test"][0]
    assert whole(row["prompt"][-1]["content"]) == row["completion"][0]["content"]
    right = sum(seen(r["prompt"][-1]["content"]) == r["completion"][0]["content"] for r in dataset["train"].take(60))
    assert right >= 55  # a few sentences fit a template of another split better
    assert sum(bool(seen(text)) for text in texts(dataset["test"])) < 0.5 * len(dataset["test"])
    assert whole("it's too dark in the office") == "" == seen("gibberish")
    assert commands.rules(set())("turn on the kitchen lights") == ""


def test_copies_of_natural_commands_have_other_names_and_the_same_wording(dataset):
    natural = [r for u, r in commands.natural_commands() if u == "train"]
    copied = commands.load(natural_in_train=True, natural_copies=2)["train"]
    new = [r for r in copied if r["template"].startswith("natural/")]
    assert len(natural) * 1.5 < len(new) <= len(natural) * 3
    assert len({r["prompt"][-1]["content"] for r in new}) == len(new)
    spoken = set(texts(dataset["natural"])) | set(texts(dataset["test"]))
    assert not spoken & {r["prompt"][-1]["content"] for r in new}
    known = {r["template"]: r for r in natural}
    for row in new:
        old = known[row["template"]]
        assert row["intent"] == old["intent"] and set(call(row)["arguments"]) == set(call(old)["arguments"])
        assert abs(len(row["prompt"][-1]["content"].split()) - len(old["prompt"][-1]["content"].split())) <= 12


def test_the_evaluation_files_hold_what_their_readers_expect(dataset):
    read = lambda name: [json.loads(line) for line in (commands.DATA / name).read_text("utf-8").splitlines()]
    odd, general, doubts = read("odd_input.jsonl"), read("general_text.jsonl"), read("label_doubts.jsonl")
    assert all(row["call"] is None or commands.problem(row["call"]) is None for row in odd)
    assert not {row["text"] for row in odd} & set(texts(commands.load(natural_in_train=True)["train"]))
    assert Counter(row["kind"] for row in general) == {"passage": 24, "question": 30}
    assert all(row["accept"] for row in general if row["kind"] == "question")
    held_out = set(texts(dataset["natural"])) | set(texts(dataset["test"]))
    assert {row["command"] for row in doubts} <= held_out and all(row["why"] for row in doubts)


def test_shuffled_answers_are_valid_and_wrong():
    rows = commands.load()["train"].select(range(200))
    assert commands.shuffled_answers(rows, 0).to_list() == rows.to_list()
    mixed = commands.shuffled_answers(rows, 0.2)
    assert mixed.to_list() == commands.shuffled_answers(rows, 0.2).to_list()
    changed = [a != b for a, b in zip(rows["completion"], mixed["completion"], strict=True)]
    assert 30 <= sum(changed) <= 40
    assert sorted(map(str, mixed["completion"])) == sorted(map(str, rows["completion"]))
    assert mixed["prompt"][:] == rows["prompt"][:]


def test_repeats_are_copies_of_a_few():
    rows = commands.load()["train"]
    copies = commands.repeats(rows, 50)
    assert len(copies) == 50 and copies[0] == copies[commands.REPEATED] == rows[0]
    assert len(set(map(str, copies["prompt"]))) == commands.REPEATED
