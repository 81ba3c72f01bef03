"""The tool that measures on a GPU: its commands are understood, its cases known, and a machine without one is told."""

import json

import pytest
import torch
from accelerate.commands.launch import launch_command_parser
from trl.scripts.sft import make_parser

from helpers.model.loading import ARCHITECTURES
from helpers.paths import JOB
from helpers.training import planner
from tools import gpu


@pytest.mark.parametrize("name", gpu.job_commands())
def test_each_option_is_known_to_its_parser(name):
    command = gpu.job_commands()[name]
    if command[0] == "trl":
        assert command[1] == "sft"
        script = command[2:]
    else:
        at = command.index("train.py")
        known = launch_command_parser().parse_args(command[2 : at + 1])
        assert known.num_processes == 1 and (JOB / known.config_file).exists()
        script = command[at + 1 :]
    options = {word for word in script if word.startswith("--")} - {"--config"}  # TrlParser reads that one itself
    assert "sft.yaml" in script and options <= set(make_parser()._option_string_actions)


def test_cases_name_known_architectures_and_methods():
    known = json.loads(ARCHITECTURES.read_text("utf-8"))
    assert {case[0] for case in gpu.CASES} <= set(known)
    assert {case[1] for case in gpu.CASES} == set(planner.METHODS)


def test_what_is_recorded_is_what_the_tool_would_run():
    recorded = json.loads(gpu.TARGET.read_text("utf-8"))
    assert recorded["gpu"] and recorded["beside"] and recorded["made_with"]["torch"]
    assert {name: job["command"].split() for name, job in recorded["jobs"].items()} == gpu.job_commands()
    keys = ("model", "method", "batch", "length", "activation_checkpointing")
    assert {tuple(case[key] for key in keys) for case in recorded["cases"]} <= set(gpu.CASES)


def test_an_interrupted_run_keeps_what_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "measure", lambda *_: {"measured": 1})
    monkeypatch.setattr(gpu, "CASES", gpu.CASES[:3])
    cases, kept = [], []

    def save():
        kept.append(len(cases))
        if len(kept) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gpu.measure_cases(tmp_path, cases, save)
    assert kept == [1, 2]


def test_without_a_gpu_it_ends_with_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="^This machine has no GPU that PyTorch sees: run it on one that has.$"):
        gpu.main()
