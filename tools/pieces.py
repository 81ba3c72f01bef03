"""Recordings made of many pieces, each in a file of its own, so that several processes can share the work."""

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from helpers import paths
from helpers.training import run_log
from tools.names import require_known

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


def record(recording: str, piece: str, run: Callable[[], dict]) -> None:
    """Make a piece by `run`, unless it is there."""
    if not path(recording, piece).exists():
        write(recording, piece, run())


def join(recording: str, recipe: dict) -> Path:
    """Write data/runs/RECORDING.json from all pieces that are there, in the order of their names."""
    files = sorted((OUTPUTS / recording).glob("*.json"), key=_name)
    runs = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    minutes = sum(run["seconds"] for run in runs.values()) / 60
    return run_log.save(recording, recipe=recipe, minutes=minutes, runs=runs, log=[])


def main(doc: str, trials: dict, seeds: range, record: Callable[[str, int], None], join: Callable[[], Path]) -> None:
    """The command line of a tool that records each of `trials` with each of `seeds`, and joins what is there."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"trials: {', '.join(trials)}")
    parser.add_argument("--seeds", nargs="+", type=int, help=f"0 to {seeds[-1]}, when none is given")
    parser.add_argument("--join", action="store_true", help="only join what is there")
    options = parser.parse_args()
    require_known(options.names, trials, "trial")
    torch.set_num_threads(1)  # several processes run side by side
    if not options.join:
        for seed in options.seeds or seeds:
            for name in tqdm(options.names or list(trials), unit="trial", desc=f"seed {seed}"):
                record(name, seed)
    if not options.names:
        joined = join()
        if not (options.seeds or options.join):
            discard(joined.stem)


def discard(recording: str) -> None:
    """Throw the joined pieces away, so that the next call makes them again."""
    shutil.rmtree(OUTPUTS / recording)


def missing(names: list[str], done: Path) -> list[str]:
    """The names that an interrupted call has not written into the file `done`."""
    made = done.read_text(encoding="utf-8").split() if done.exists() else []
    return [name for name in names if name not in made]


def resumed(names: list[str], done: Path, unit: str) -> Iterator[str]:
    """The missing names; each stands in `done` once its turn in a loop is over. The file goes when all are made."""
    done.parent.mkdir(parents=True, exist_ok=True)
    for name in tqdm(missing(names, done), unit=unit):
        yield name
        with done.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    done.unlink(missing_ok=True)


def _name(file: Path) -> str:
    return file.stem
