"""Validation: every kind of bad row is named, and what is reported is what the trainer would do."""

import json
from collections import Counter

import pytest
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from helpers.dataset import calls, commands, files, validation
from helpers.errors import CourseError
from helpers.model import load
from helpers.paths import PLANTED


@pytest.fixture(scope="module")
def nano():
    return load("nano")


def pair(asked="lights off", answer="done", **more):
    return {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": answer}],
    } | more


def checks(rows, tokenizer, max_length=200, **more):
    findings = validation.findings({"train": rows}, tokenizer, max_length, **more)
    return list(zip(findings["row"], findings["check"], strict=True))


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b'{"a": 1}\n{"a": \xff}\n', "line 2: not UTF-8 at byte 7; save the file as UTF-8."),
        (b'{"a": 1}\n\n', "line 2: not valid JSON (Expecting value); mend that line."),
        (b'{"a": 1}\n{"a": 1\n{"a": 2}\n', "line 2: not valid JSON (Expecting ',' delimiter); mend that line."),
        (b"[1, 2]\n", "line 1: list where an object should be."),
    ],
)
def test_a_bad_line_is_named(content, complaint, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(CourseError) as error:
        files.read_jsonl(path)
    assert str(error.value) == f"rows.jsonl, {complaint}"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CourseError, match="There is no file"):
        files.read_jsonl(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    "row, complaint",
    [
        ({"prompt": [{"role": "user", "content": "hi"}]}, "no completion"),
        ({"text": "hi"}, "no completion and no prompt"),
        ({"prompt": "hi", "completion": [{"role": "assistant", "content": "ho"}]}, "neither both text nor"),
        ({"messages": []}, "no messages"),
        ({"messages": "hi"}, "no messages"),
        ({"messages": [{"content": "hi"}]}, "a message without role and content"),
        ({"messages": ["hi"]}, "a message without role and content"),
        (pair() | {"completion": [{"role": "bot", "content": "ho"}]}, "unknown role 'bot'"),
        (pair(answer=" \n"), "the assistant's content is empty"),
        (pair(answer={"name": "x"}), "the assistant's content is dict, not text"),
        (pair(asked=None), "the user's content is NoneType, not text"),
        ({"messages": [{"role": "system", "content": "be brief"}]}, "the roles do not alternate: system"),
        ({"messages": pair()["prompt"] * 2 + pair()["completion"]}, "do not alternate: user, user, assistant"),
        ({"messages": pair()["completion"] + pair()["prompt"]}, "do not alternate: assistant, user"),
    ],
)
def test_a_malformed_row_is_named_with_the_reason(row, complaint, nano):
    findings = validation.findings({"train": [pair("one"), row, pair("two")]}, nano[1], 200)
    assert findings[["split", "row", "check"]].values.tolist() == [["train", 1, "malformed"]]
    assert complaint in findings["detail"][0]


def test_each_format_with_roles_is_read():
    turns = pair()["prompt"] + pair()["completion"]
    system = [{"role": "system", "content": "be brief"}]
    assert validation.dialogue({"prompt": "lights off", "completion": "done"}) == turns
    assert validation.dialogue({"messages": system + turns * 2}) == system + turns * 2


def test_what_is_truncated_and_dropped_is_what_the_trainer_does(nano, tmp_path):
    model, tokenizer = nano
    rows = [pair("lights off"), pair("please " * 60), pair("fans off", "done " * 60)]
    config = SFTConfig(output_dir=tmp_path, max_length=40, bf16=False, use_cpu=True, activation_checkpointing=False)
    prepared = SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    ).train_dataset
    assert checks(rows, tokenizer, 40) == [(2, "truncated"), (1, "dropped")]
    assert [tokenizer.eos_token_id in labels for labels in prepared["labels"]] == [True, False]


def test_without_max_length_nothing_is_too_long(nano):
    assert checks([pair("please " * 2000)], nano[1], None) == []


def test_repetitions_are_told_at_the_later_row(nano):
    rows = [
        pair("turn off the lights in the kitchen"),
        pair("turn off the lights in the kitchen"),
        pair("Turn off the lights in the kitchen!"),
        pair("turn off the lights in the kitchen", "no"),
        pair("turn off the lights in the office"),
    ]
    assert checks(rows, nano[1]) == [
        (1, "exact duplicate"),
        (2, "near duplicate"),
        (3, "contradiction"),
    ]


def test_a_repeated_id_is_named(nano):
    rows = [pair("one", id=1), pair("two", id="1"), pair("three", id=2), pair("four")]
    assert checks(rows, nano[1]) == [(1, "repeated id")]


def test_leaks_of_rows_and_of_groups(nano):
    train = [pair("unmute the music on the headphones", "on", template="a"), pair("lock the door", template="b")]
    test = [
        pair("mute the music on the headphones", "off", template="c"),  # alike, and something else
        pair("Lock the door.", template="d"),
        pair("where is anna", template="b"),
    ]
    findings = validation.findings({"train": train, "test": test}, nano[1], 200)
    assert findings[["split", "row", "check"]].values.tolist() == [
        ["test", 1, "leaked row"],
        ["test", 2, "leaked group"],
    ]


def test_a_wrong_label_is_told_by_the_task(nano):
    problem = lambda answer: None if answer == "done" else "not done"
    assert checks([pair("a"), pair("b", "later")], nano[1], label_problem=problem) == [(1, "wrong label")]


def test_plain_texts_are_compared_and_measured(nano):
    rows = [
        {"text": "once upon a time"},
        {"text": "Once upon a time!"},
        {"text": "once " * 300},
        {"text": "page 1 of 20"},
    ]
    findings = validation.findings(
        {"train": [*rows, {"text": "page 2 of 20"}]}, nano[1], 200, numbers={"train": "abcde"}
    )
    assert list(zip(findings["row"], findings["check"], strict=True)) == [("c", "truncated"), ("b", "near duplicate")]
    assert validation.lengths(rows, nano[1])["prompt"].tolist() == [0] * 4


def test_an_empty_split_has_no_findings(nano):
    findings = validation.findings({"train": [], "test": []}, nano[1], 200)
    assert findings.empty
    assert (validation.table(findings, ["train", "test"])[["train", "test"]] == 0).all(axis=None)


def test_the_course_data_is_clean_but_for_near_duplicates(nano):
    splits = commands.load(natural_in_train=True)
    findings = validation.findings(splits, nano[1], 256, lambda a: calls.problem(calls.parse(a)))
    assert set(findings["check"]) <= {"near duplicate"} and len(findings) < 50


def test_the_planted_defects_are_found_but_for_the_one_of_meaning(nano):
    key = json.loads((PLANTED / "key.json").read_text())
    assert Counter(defect["kind"] for defect in key.values()).most_common(1)[0][1] == 1 and len(key) == 12
    rows = files.read_jsonl(PLANTED / "rows.jsonl")
    splits = {"train": rows, "natural": commands.load()["natural"]}
    not_a_call = lambda answer: calls.problem(calls.parse(answer))
    findings = validation.findings(splits, load("smollm2")[1], 256, not_a_call)
    told = {str(row) for row in findings[findings["split"] == "train"]["row"]}
    leaked = findings[findings["check"] == "leaked row"]["detail"].str.extract(r"row (\d+)")[0]
    assert told | set(leaked) == {row for row, defect in key.items() if defect["kind"] != "wrong call"}
