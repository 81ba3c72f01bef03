"""The trials of notebook 08: each trains on as many rows, is scored on rows that none trains on, and is recorded."""

import dataclasses
from collections import Counter

import pytest

from helpers.training import run_log
from tools import second_round as tool


def sentences(rows) -> list[str]:
    return [row["prompt"][-1]["content"] for row in rows]


@pytest.fixture(scope="module")
def replay():
    answer = [{"role": "assistant", "content": "An answer."}]
    return [{"prompt": [{"role": "user", "content": f"Question {n}?"}], "completion": answer} for n in range(300)]


@pytest.fixture(scope="module")
def held_out():
    return {part: set(sentences(rows)) for part, rows in tool.held_out().items()}


@pytest.mark.parametrize("name", ["again_1", "fewer_0", "wrapped_0", "replay_20_0", "together_2"])
def test_a_trial_has_as_many_rows_as_any_and_none_that_scores_it(name, replay, held_out):
    trial = tool.TRIALS[name]
    rows = tool.training_rows(trial, replay)
    wanted = tool.ROWS - trial.fewer
    assert 0.99 * wanted <= len(rows) <= wanted  # wrapped sentences like a held-out one are left out
    kinds = Counter(row["completion"][0]["content"] for row in rows)
    assert kinds["An answer."] == trial.replay
    assert kinds['{"name":"HassNoCommand","arguments":{}}'] == trial.non_commands
    trained = set(sentences(rows))
    assert not trained & held_out["natural"] and not trained & held_out["no command"]
    assert not trained & held_out["patterns"]
    assert rows.to_list() == tool.training_rows(trial, replay).to_list()


def test_every_trial_is_recorded_as_the_tool_describes_it(held_out):
    sizes = {part: len(rows) for part, rows in tool.held_out().items()}
    before = run_log.recorded("round_base")
    assert len(before["general"]["prose"]) == 24 and before["replay"] >= max(
        trial.replay for trial in tool.TRIALS.values()
    )
    for name, trial in tool.TRIALS.items():
        run = run_log.recorded(f"round_{name}")
        recipe = dict(run["recipe"])
        assert recipe.pop("config") == run_log._rounded(tool.SETTINGS), name
        recipe |= {"averages": tuple(recipe["averages"]), "misspelt": pytest.approx(recipe["misspelt"], rel=1e-5)}
        assert {**dataclasses.asdict(tool.Trial("")), **recipe} == dataclasses.asdict(trial), name
        assert {part: len(digits) for part, digits in run["right"].items()} == sizes
        general = run["general"]  # two trials were recorded before questions were asked
        assert len(general["prose"]) == 24 and len(general.get("questions", "0" * 30)) == 30
        assert bool(run["log"]) != bool(trial.averages)
