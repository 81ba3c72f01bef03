"""Tricks on trial: the rows and settings of each, that the libraries know its arguments, and one real run."""

import dataclasses
import json

import pytest
from peft import LoraConfig
from trl import SFTConfig

from helpers import LAPTOP
from helpers.dataset import commands
from helpers.training import run_log
from tools import pieces
from tools import tricks as tool


@pytest.mark.parametrize("name", tool.TRIALS)
def test_the_libraries_know_what_a_trial_asks_for(name, tmp_path):
    trial = tool.TRIALS[name]
    settings = tool.settings_of(trial, 3)
    config = SFTConfig(**LAPTOP | {"output_dir": str(tmp_path)} | settings)
    assert {key: getattr(config, key) for key in trial.config} == trial.config
    assert (config.max_steps, config.per_device_train_batch_size, config.seed) == (250, 16, 3)
    if trial.lora:
        adapter = LoraConfig(**trial.lora)
        assert (adapter.r, adapter.lora_alpha) == (trial.lora["r"], 2 * adapter.r)


def test_a_seed_draws_other_rows_and_none_that_scores():
    one, other = ([str(prompt) for prompt in tool.rows_of(seed)["prompt"]] for seed in (1, 2))
    assert len(one) == len(other) == tool.ROWS and one != other
    assert not set(one + other) & {str(prompt) for prompt in commands.load()["validation"]["prompt"]}


@pytest.mark.parametrize("name", ["neftune", "early_stopping", "lora_8e-3"])
def test_a_trial_is_recorded_once(name, tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pieces, "OUTPUTS", tmp_path / "outputs")
    monkeypatch.setitem(tool.SETTINGS, "max_steps", 3)
    for key in ("eval_steps", "save_steps"):
        monkeypatch.setitem(tool.EARLY, key, 1)
    tool.record(name, 1)
    piece = pieces.path(tool.RECORDING, f"{name}_1")
    written = piece.stat().st_mtime_ns
    tool.record(name, 1)
    assert piece.stat().st_mtime_ns == written
    tool.join()
    recorded = json.loads((tmp_path / "runs" / "tricks.json").read_text(encoding="utf-8"))
    run = recorded["runs"][f"{name}_1"]
    assert (run["trial"], run["seed"], run["updates"]) == (name, 1, 3)
    assert len(run["right"]) == len(run["intent"]) == len(commands.load()["validation"])
    assert run["eval_loss"] > 0 and list(recorded["recipe"]["trials"]) == list(tool.TRIALS)


def test_the_recording_is_of_these_trials():
    recorded = run_log.recorded(tool.RECORDING)
    trials = {name: dataclasses.asdict(trial) for name, trial in tool.TRIALS.items()}
    assert recorded["recipe"] == {"config": tool.SETTINGS, "trials": trials}
    assert set(recorded["runs"]) == {f"{name}_{seed}" for name in tool.TRIALS for seed in tool.SEEDS}
