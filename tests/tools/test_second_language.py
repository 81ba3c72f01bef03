"""The trials in a second language: what they train on, that nothing of it scores them, and that they are recorded."""

import dataclasses
import re

import pytest

from helpers.dataset.homes import homes
from helpers.training import run_log
from tools import second_language as tool


def sentences(rows) -> list[str]:
    return [prompt[-1]["content"] for prompt in rows["prompt"]]


@pytest.mark.parametrize("name", [name for name in tool.TRIALS if name != tool.BEFORE])
def test_a_trial_trains_on_as_many_rows_as_it_says_and_on_none_that_scores_it(name):
    trial, held_out = tool.TRIALS[name], tool.held_out()
    rows = tool.training_rows(trial)
    in_chinese = [text for text in sentences(rows) if re.search(r"[\u4e00-\u9fff]", text)]
    assert (len(in_chinese), len(rows) - len(in_chinese)) == (trial.chinese, trial.english)
    for language, asked in held_out.items():
        assert len(asked) == tool.HELD_OUT and not set(sentences(rows)) & set(sentences(asked)), language
    for part in (rows, *held_out.values()):
        assert {prompt[0]["content"] for prompt in part["prompt"]} == {homes("en")["system"]}


def test_every_trial_is_recorded_as_the_tool_describes_it():
    for name, trial in tool.TRIALS.items():
        run = run_log.recorded(f"round_{name}")
        assert run["recipe"] == dataclasses.asdict(trial) | {"config": run_log._rounded(tool.SETTINGS)}, name
        assert bool(run["log"]) == (name != tool.BEFORE)
        for key in ("valid", "schema", "intent", "exact"):
            assert {part: len(digits) for part, digits in run[key].items()} == dict.fromkeys(("zh-TW", "en"), 100)
