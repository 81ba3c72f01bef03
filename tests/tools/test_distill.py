"""Distillation: which rows teacher and students see, which answers become labels, and one real run with nano."""

import json

import pytest
from trl import SFTConfig

from helpers import LAPTOP
from helpers.dataset import commands
from helpers.training import run_log
from tools import distill as tool
from tools import pieces


def test_the_labelled_rows_and_the_others_are_all_of_train():
    train = commands.load()["train"]
    (one, others), (again, _) = tool.drawn(1), tool.drawn(2)
    assert (len(one), len(one) + len(others)) == (tool.LABELLED, len(train))
    assert sorted(map(str, [*one, *others])) == sorted(map(str, train))
    assert list(one) != list(again)


def test_answers_become_labels_where_they_are_valid_calls():
    rows = commands.load()["train"].select(range(3))
    taught = tool.taught(rows, ["one", "no call", "three"], [True, False, True])
    assert [row["prompt"] for row in taught] == [rows[0]["prompt"], rows[2]["prompt"]]
    assert [row["completion"][0]["content"] for row in taught] == ["one", "three"]


@pytest.mark.parametrize("settings", [tool.TEACHER, tool.STUDENT])
def test_trl_knows_the_settings(settings, tmp_path):
    assert SFTConfig(**LAPTOP, output_dir=str(tmp_path), **settings).per_device_train_batch_size == 16


@pytest.mark.slow
def test_a_real_run_with_nano_as_its_own_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pieces, "OUTPUTS", tmp_path / "outputs")
    data = commands.load()
    monkeypatch.setattr(tool.commands, "load", lambda: data | {"train": data["train"].select(range(60))})
    teacher = tool.TEACHER | dict(max_steps=120, learning_rate=4e-3)  # enough for some valid calls
    few = tool.STUDENT | dict(max_steps=3)
    run = tool.run(1, "nano", labelled=40, teacher_settings=teacher, student_settings=few)
    assert run["asked"] == 20 and 0 <= run["like_gold"] <= 20 - run["left_out"] < 20
    rows = {kind: run[kind]["rows"] for kind in ("gold", "distilled", "all_gold")}
    assert rows == {"gold": 40, "distilled": 60 - run["left_out"], "all_gold": 60}
    for part in ("teacher", *rows):
        assert len(run[part]["right"]) == len(run[part]["intent"]) == len(data["validation"])
    pieces.write(tool.RECORDING, "1", run)
    tool.record(1)  # is there, so that nothing is trained
    tool.join()
    assert json.loads((tmp_path / "runs" / "distilled.json").read_text(encoding="utf-8"))["runs"]["1"]["seed"] == 1


def test_the_recording_is_of_this_recipe():
    recorded = run_log.recorded(tool.RECORDING)
    assert recorded["recipe"] == {"labelled": tool.LABELLED, "teacher": tool.TEACHER, "student": tool.STUDENT}
    assert list(recorded["runs"]) == [str(seed) for seed in tool.SEEDS]
