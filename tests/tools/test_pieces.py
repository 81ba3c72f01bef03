"""Pieces of a recording: kept one by one, and joined in the order of their names."""

import json
import sys

from helpers.training import run_log
from tools import pieces as tool


def test_pieces_are_joined_in_the_order_of_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(tool, "OUTPUTS", tmp_path / "outputs")
    for name, seconds in {"rank_2_1": 30, "of another version": 60, "baseline_0": 30}.items():
        tool.write("tried", name, {"seconds": seconds})
        assert tool.path("tried", name).exists()
    tool.path("tried", "interrupted").with_suffix(".part").write_text("{", encoding="utf-8")
    joined = json.loads(tool.join("tried", {"rows": 8}).read_text(encoding="utf-8"))
    assert list(joined["runs"]) == ["baseline_0", "of another version", "rank_2_1"]
    assert (joined["recipe"], joined["minutes"]) == ({"rows": 8}, 2)
    assert joined["versions"]["trl"]


def test_a_recording_without_pieces_is_joined_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(tool, "OUTPUTS", tmp_path / "outputs")
    assert json.loads(tool.join("tried", {}).read_text(encoding="utf-8"))["runs"] == {}


def record_and_join(tmp_path, monkeypatch, *arguments):
    """What a tool with two trials and two seeds makes when it is called with the arguments, and what it joins."""
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(tool, "OUTPUTS", tmp_path / "outputs")
    monkeypatch.setattr(sys, "argv", ["tried", *arguments])
    made, joined = [], tmp_path / "runs" / "tried.json"

    def record(name, seed):
        piece = f"{name}_{seed}"
        tool.record("tried", piece, lambda: made.append(piece) or {"seconds": 1})

    tool.main("", {"one": 1, "two": 2}, range(2), record, lambda: tool.join("tried", {}))
    return made, list(json.loads(joined.read_text(encoding="utf-8"))["runs"]) if joined.exists() else []


def test_a_part_is_made_by_name_and_seed_and_everything_is_made_again(tmp_path, monkeypatch):
    assert record_and_join(tmp_path, monkeypatch, "two", "--seeds", "1") == (["two_1"], [])
    assert record_and_join(tmp_path, monkeypatch, "--seeds", "1") == (["one_1"], ["one_1", "two_1"])
    everything = ["one_0", "one_1", "two_0", "two_1"]
    made, joined = record_and_join(tmp_path, monkeypatch)
    assert (made, joined) == (["one_0", "two_0"], everything)
    made, joined = record_and_join(tmp_path, monkeypatch)
    assert (sorted(made), joined) == (everything, everything)


def test_pieces_that_are_there_are_joined_without_making_more(tmp_path, monkeypatch):
    record_and_join(tmp_path, monkeypatch, "one")
    assert record_and_join(tmp_path, monkeypatch, "--join") == ([], ["one_0", "one_1"])
    assert record_and_join(tmp_path, monkeypatch, "--join") == ([], ["one_0", "one_1"])


def test_a_name_is_done_once_its_turn_is_over(tmp_path):
    done, names = tmp_path / "outputs" / "done.txt", ["one", "two", "three"]
    turns = tool.resumed(names, done, "run")
    assert [next(turns), next(turns)] == ["one", "two"]
    turns.close()  # as an interruption does in the turn of "two"
    assert tool.missing(names, done) == ["two", "three"]
    assert list(tool.resumed(names, done, "run")) == ["two", "three"] and not done.exists()
