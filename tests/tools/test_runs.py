"""Recorded runs: each that a notebook reads is there with what it needs, and the tool that records them works."""

import dataclasses
import json

import pytest

from helpers.evaluation.scores import METRICS
from helpers.training import run_log
from tools import runs as tool

HOW = dict(ship=False, score_every=0)  # what is kept of a run, not how it is made


def test_every_run_is_recorded_as_the_tool_describes_it():
    for name, run in tool.RUNS.items():
        recorded = run_log.recorded(name)
        recipe = tool.Run(**recorded["recipe"])  # fields newer than the recording are at their defaults
        assert dataclasses.replace(recipe, config={}, **HOW) == dataclasses.replace(run, config={}, **HOW), name
        settings = run_log._rounded(tool.SETTINGS | run.config)
        assert recorded["recipe"]["config"] == json.loads(json.dumps(settings)), name
        assert recorded["log"] and recorded["versions"]["trl"] and recorded["minutes"] > 0
        assert set(recorded["right"]) >= ({"test"} if run.fault else {"test", "natural"})
        for split in recorded["right"]:
            assert set(recorded[split]) == set(METRICS)
            for metric, share in recorded[split].items():
                assert share["low"] <= share["value"] <= share["high"], (name, metric)
                assert share["low"] < share["high"], (name, metric)
            value = recorded[split]["exact"]["value"]
            assert recorded["right"][split].count("1") / len(recorded["right"][split]) == pytest.approx(
                value / 100, rel=1e-5
            )


def test_a_run_is_recorded_and_its_model_saved(tmp_path, monkeypatch):
    few = dict(max_steps=2, per_device_train_batch_size=4, eval_steps=1)
    run = tool.Run("a test", 8, natural=4, ship=True, score_every=1, model="nano", config=few)
    monkeypatch.setattr(run_log, "RUNS", tmp_path)
    monkeypatch.setitem(tool.COMES_WITH_COURSE, "tried", tmp_path / "nano")
    few_rows = {split: rows.select(range(12 if split != "validation" else 96))
                for split, rows in tool.commands.load().items() if split != "train"}  # fmt: skip
    whole = tool.commands.load()
    monkeypatch.setattr(tool.commands, "load", lambda **options: whole | few_rows if not options else whole)
    monkeypatch.setattr(tool, "training_rows", lambda *_: whole["train"].select(range(8)))
    tool.train("tried", run)
    recorded = json.loads((tmp_path / "tried.json").read_text("utf-8"))
    assert [scores["step"] for scores in recorded["scored"]] == [1, 2]
    assert len(recorded["right"]["test"]) == 12
    assert (tmp_path / "nano" / "model.safetensors").stat().st_size < 2_000_000


@pytest.mark.parametrize("how", ["no end", "nothing", "two beginnings"])
def test_labels_are_spoiled_as_the_recipe_says(how, nano_trainer):
    trainer = nano_trainer(6)
    rows, tokenizer = trainer.train_dataset, trainer.processing_class
    spoiled = tool.spoil(rows, how, tokenizer)
    for row, before in zip(spoiled, rows, strict=True):
        assert len(row["labels"]) == len(row["input_ids"])
        counted = [x for x in row["labels"] if x != -100]
        right = [x for x in before["labels"] if x != -100]
        endless = [x for x in right if x != tokenizer.eos_token_id]
        assert endless != right
        assert counted == {"nothing": [], "no end": endless, "two beginnings": right}[how]
        doubled = row["input_ids"][:2] == [tokenizer.bos_token_id] * 2
        assert doubled == (how == "two beginnings")
    trainer.train_dataset = spoiled
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["labels"].shape == batch["input_ids"].shape


def test_a_leak_puts_the_validation_rows_among_the_training_rows():
    data = tool.commands.load()
    rows = tool.training_rows(tool.RUNS["leaked"], data)
    assert {str(r) for r in tool.validation_rows(data)["prompt"]} <= {str(r) for r in rows["prompt"]}


def test_a_second_round_adds_what_is_no_command_slips_and_general_text():
    data = tool.commands.load()
    replayed = {"prompt": [{"role": "user", "content": "hi"}], "completion": [{"role": "assistant", "content": "yes"}]}
    run = tool.Run("about", templates=100, non_commands=350, misspelt=0.5)
    plain, rows = (list(tool.training_rows(r, data, more)) for r, more in ((tool.Run("", 100), []), (run, [replayed])))
    assert len(rows) == 100 + 350 + 1 and rows[-1] == replayed
    assert sum(one["prompt"] != other["prompt"] for one, other in zip(plain, rows, strict=False)) == 50
    assert [one["completion"] for one in plain] == [row["completion"] for row in rows[:100]]
    sentences = [row["prompt"][-1]["content"] for row in rows[100:450]]
    assert max(map(sentences.count, sentences)) == 2  # 300 of them, and 50 twice


def test_recording_everything_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    made = []

    def train(name, run):
        made.append(name)
        if len(made) == 2:
            raise KeyboardInterrupt

    two = dict(list(tool.RUNS.items())[:3])
    for name, value in dict(RUNS=two, other_tools=dict, train=train, DONE=tmp_path / "x" / "done.txt").items():
        monkeypatch.setattr(tool, name, value)
    with pytest.raises(KeyboardInterrupt):
        tool.everything()
    tool.everything()
    assert made == [list(two)[0], list(two)[1], list(two)[1], list(two)[2]]
    assert "2 of 3 to record; the last recording of them took" in capsys.readouterr().out
    assert not (tmp_path / "x" / "done.txt").exists()
