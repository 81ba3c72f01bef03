"""Choices for an adapter on trial: that the libraries know them, what each trains, and one real run."""

import dataclasses
import json

import pytest
from peft import LoraConfig, get_peft_model
from trl import SFTConfig

from helpers import LAPTOP
from helpers.dataset import commands
from helpers.errors import quiet_transformers
from helpers.model import load
from helpers.training import run_log
from tools import adapters as tool
from tools import pieces


@pytest.mark.parametrize("name", tool.TRIALS)
def test_the_libraries_know_what_a_trial_asks_for(name, tmp_path):
    trial = tool.TRIALS[name]
    settings = tool.SETTINGS | trial.config
    config = SFTConfig(**LAPTOP | {"output_dir": str(tmp_path)} | settings)
    assert {key: getattr(config, key) for key in settings} == settings
    adapter = LoraConfig(**tool.LORA | trial.lora)
    assert {key: getattr(adapter, key) for key in trial.lora if key != "target_modules"} == {
        key: value for key, value in trial.lora.items() if key != "target_modules"
    }


def test_what_a_trial_trains_and_how_strongly_it_counts():
    def layer(name):
        with quiet_transformers():
            model = get_peft_model(load("nano")[0], LoraConfig(**tool.LORA | tool.TRIALS[name].lora))
        return model.get_nb_trainable_parameters()[0], model.base_model.model.model.layers[0].self_attn.q_proj.scaling

    sizes = {name: layer(name)[0] for name in ("rank_2", "attention", "baseline", "dora", "rank_64", "rslora")}
    assert list(sizes) == sorted(sizes, key=sizes.get) and sizes["rank_64"] == sizes["rslora"]
    # At the same alpha a larger rank counts for less, unless rsLoRA divides by the square root of the rank.
    scales = [layer(name)[1]["default"] for name in ("baseline", "rank_2", "rank_64", "rslora")]
    assert scales == [2, 2, 0.25, 2]


def test_a_trial_is_recorded_once(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pieces, "OUTPUTS", tmp_path / "outputs")
    monkeypatch.setitem(tool.SETTINGS, "max_steps", 5)
    monkeypatch.setattr(tool.run, "__defaults__", ("nano",))
    tool.record("attention", 1)
    piece = pieces.path(tool.RECORDING, "attention_1")
    written = piece.stat().st_mtime_ns
    tool.record("attention", 1)
    assert piece.stat().st_mtime_ns == written
    recorded = json.loads(tool.join().read_text(encoding="utf-8"))
    run = recorded["runs"]["attention_1"]
    assert (run["trial"], run["seed"], len(run["loss"])) == ("attention", 1, 1)
    assert len(run["right"]) == len(run["intent"]) == len(commands.load()["validation"])
    assert 0 < run["trained_share"] < 0.2 and list(recorded["recipe"]["trials"]) == list(tool.TRIALS)


def test_the_recording_is_of_these_trials():
    recorded = run_log.recorded(tool.RECORDING)
    trials = {name: dataclasses.asdict(trial) for name, trial in tool.TRIALS.items()}
    assert recorded["recipe"] == {"config": tool.SETTINGS, "lora": tool.LORA, "trials": trials}
    assert set(recorded["runs"]) == {f"{name}_{seed}" for name in tool.TRIALS for seed in tool.SEEDS}
