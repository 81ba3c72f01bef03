"""Recordings made of many pieces, each in a file of its own, so that several processes can share the work."""

import json
from pathlib import Path

from helpers import paths
from helpers.training import run_log

OUTPUTS = paths.ROOT / "outputs"


def path(recording: str, piece: str) -> Path:
    """Where a piece is kept until all are joined."""
    return OUTPUTS / recording / f"{piece}.json"


def write(recording: str, piece: str, result: dict) -> None:
    """Keep one piece. Its file appears whole or not at all: one that is there need not be made again."""
    file = path(recording, piece)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(result), encoding="utf-8")
    unfinished.replace(file)


def join(recording: str, recipe: dict) -> Path:
    """Write data/runs/RECORDING.json from all pieces that are there, in the order of their names."""
    files = sorted((OUTPUTS / recording).glob("*.json"), key=_name)
    runs = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    minutes = sum(run["seconds"] for run in runs.values()) / 60
    return run_log.save(recording, recipe=recipe, minutes=minutes, runs=runs, log=[])


def _name(file: Path) -> str:
    return file.stem
