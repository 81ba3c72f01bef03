"""How far a reader is: exercises solved, notebook by notebook."""

import re
from pathlib import Path

import nbformat
import pandas as pd

from helpers import answers
from helpers.paths import ROOT


def checks_of(path: Path) -> list[str]:
    """The exercises of a notebook of the course, in order, as their checks store them: "notebook/check"."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    exercises = [cell for cell in code if "exercise" in cell.metadata.get("tags", [])]
    module = re.sub(r"^\d+_", "", path.stem)
    return [f"{module}/{name}" for cell in exercises for name in re.findall(r"\bcheck\.(\w+)\(", cell.source)]


def so_far(folder: Path | str = ROOT / "notebooks") -> pd.DataFrame:
    """A row for each notebook in the folder: exercises that have passed their check here, and how many there are."""
    solved, rows = answers.kept("solved"), {}
    for path in sorted(Path(folder).glob("[0-9]*.ipynb")):
        exercises = checks_of(path)
        rows[path.stem] = {"solved": sum(name in solved for name in exercises), "exercises": len(exercises)}
    return pd.DataFrame(rows, index=["solved", "exercises"]).T
