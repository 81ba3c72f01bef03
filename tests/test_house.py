"""The house: which room may import which, how large a room may be, and what is light enough to load at once."""

import ast
from pathlib import Path

import pytest

from helpers.paths import ROOT

HELPERS = ROOT / "helpers"
GROUND = {"errors", "paths", "cache", "progress", "answers", "projector", "language", "__init__"}
# Whom the modules of a room may import, beside their own room.
ALLOWED = {
    "ground": set(),
    "dataset": {"ground"},
    "model": {"ground"},
    "training": {"ground", "dataset", "model"},
    "evaluation": {"ground", "dataset", "model"},
    "ui": {"ground", "dataset", "model", "training", "evaluation"},
    "checks": {"ground", "dataset", "model", "training", "evaluation"},
    "preflight": {"ground", "dataset", "model", "training", "evaluation", "ui"},
}
HEAVY = {"torch", "transformers", "datasets", "trl", "peft", "hassil", "pandas", "numpy", "matplotlib"}
MODULES = sorted(HELPERS.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(HELPERS).with_suffix("").as_posix()


def room(module: str) -> str:
    """The room of "training/memory" or of "helpers.training.memory"."""
    first = module.replace("/", ".").removeprefix("helpers").lstrip(".").split(".")[0] or "__init__"
    return "ground" if first in GROUND or first in ("LAPTOP", "setup") else first


def imports(path: Path, at_the_top: bool = False) -> list[str]:
    """Full names of what the file imports, anywhere in it or only where loading it runs."""
    tree = ast.parse(path.read_text("utf-8"))
    names = []
    for node in tree.body if at_the_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_imports_only_whom_it_may(path):
    here = room(name(path))
    for imported in imports(path):
        if imported.split(".")[0] == "helpers":
            there = room(imported)
            assert there == here or there in ALLOWED[here], f"{name(path)} of {here} imports {imported} of {there}"


@pytest.mark.parametrize("module", ["paths", "errors", "__init__"])
def test_the_ground_imports_nothing_heavy(module):
    first = {imported.split(".")[0] for imported in imports(HELPERS / f"{module}.py", at_the_top=True)}
    assert not first & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_room_is_small(path):
    assert len(path.read_text("utf-8").splitlines()) <= 240


def test_the_shared_rooms_are_small_together():
    shared = [path for path in MODULES if room(name(path)) != "checks"]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in shared) <= 9_150


def test_each_notebook_s_checks_are_named_like_it():
    notebooks = {path.stem[3:] for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert {path.stem for path in (HELPERS / "checks").glob("*.py")} - {"__init__", "protocol", "progress"} == notebooks
