"""Pieces of a recording: kept one by one, and joined in the order of their names."""

import json

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
