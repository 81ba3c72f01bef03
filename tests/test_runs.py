"""Recorded runs: each that a notebook reads is there with what it needs, and the tool that records them works."""

import dataclasses
import json
import runpy
import subprocess
import sys

import pytest

from helpers import curves, scoring
from lessons import ROOT

HOW = dict(ship=False, score_every=0)  # what is kept of a run, not how it is made
TOOL = ROOT / "tools" / "runs.py"


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(TOOL))


def test_every_run_is_recorded_as_the_tool_describes_it(tool):
    for name, run in tool["RUNS"].items():
        recorded = curves.recorded(name)
        recipe = tool["Run"](**recorded["recipe"])  # fields newer than the recording are at their defaults
        assert dataclasses.replace(recipe, config={}, **HOW) == dataclasses.replace(run, config={}, **HOW), name
        assert recorded["recipe"]["config"] == json.loads(json.dumps(tool["SETTINGS"] | run.config)), name
        assert recorded["log"] and recorded["versions"]["trl"] and recorded["minutes"] > 0
        for split in ("test", "natural"):
            assert set(recorded[split]) == set(scoring.METRICS)
            value = recorded[split]["exact"]["value"]
            assert recorded["right"][split].count("1") / len(recorded["right"][split]) == pytest.approx(value / 100)


def test_an_unknown_run_is_named():
    done = subprocess.run([sys.executable, str(TOOL), "nanno"], capture_output=True, text=True)
    assert done.returncode and done.stderr.startswith("There is no run named nanno; choose from examples_50")


def test_a_run_is_recorded_and_its_model_saved(tool, tmp_path, monkeypatch):
    few = dict(max_steps=2, per_device_train_batch_size=4, eval_steps=1)
    run = tool["Run"]("a test", 8, natural=4, ship=True, score_every=1, model="nano", config=few)
    monkeypatch.setattr(curves, "RUNS", tmp_path)
    models = tool["models"]
    monkeypatch.setitem(models.TUNED, "nano", tmp_path / "nano")
    few_rows = {split: rows.select(range(12 if split != "validation" else 96))
                for split, rows in tool["commands"].load().items() if split != "train"}  # fmt: skip
    whole = tool["commands"].load()
    monkeypatch.setattr(tool["commands"], "load", lambda **options: whole | few_rows if not options else whole)
    monkeypatch.setitem(tool["train"].__globals__, "training_rows", lambda run, data: whole["train"].select(range(8)))
    tool["train"]("tried", run)
    recorded = json.loads((tmp_path / "tried.json").read_text())
    assert [found["step"] for found in recorded["scored"]] == [1, 2]
    assert len(recorded["right"]["test"]) == 12
    assert (tmp_path / "nano" / "model.safetensors").stat().st_size < 2_000_000
