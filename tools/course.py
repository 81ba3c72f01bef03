"""Run the notebooks headless: `run` them all into executed/, refresh their stored `outputs` in place, or `record` the
runs that notebooks compare themselves with into data/runs/."""

import argparse
import base64
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from helpers.paths import ROOT
from helpers.ui import still
from helpers.ui.figures import fewer_colors

NOTEBOOKS = ROOT / "notebooks"
QUIET = ["--IPKernelApp.log_level=ERROR"]  # ipykernel warns that it talks over TCP, on this machine alone


def run(paths: list[Path], folder: Path) -> int:
    """Run with default parameters into `folder` and print what each took and found; 1 if any failed."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, failed = [], False
    for path in paths:
        print(path.name, flush=True)
        began = time.monotonic()
        try:
            done = papermill.execute_notebook(
                str(path), str(folder / path.name), cwd=folder, kernel_name="python3", extra_arguments=QUIET
            )
            figures = key_figures(done)
        except papermill.PapermillExecutionError as error:
            failed = True
            figures = f"FAILED: {error.ename}: {error.evalue}".splitlines()[0]
        rows.append((path.stem, f"{time.monotonic() - began:.0f}", figures))
    width = max((len(row[0]) for row in rows), default=8)
    print(f"\n{'notebook':<{width}} | seconds | key figures")
    for name, seconds, figures in rows:
        print(f"{name:<{width}} | {seconds:>7} | {figures}")
    return int(failed)


# The runs of data/runs/: the notebook that makes each, and its parameters.
RECORDED = {
    "01_full": ("01_when_to_use_sft.ipynb", {"score_examples": 366}),
    "05_full": ("05_train_with_sfttrainer.ipynb", {"score_examples": 200}),
    "05_lora": ("05_train_with_sfttrainer.ipynb", {"score_examples": 200, "use_lora": True}),
    "11_full": ("11_your_own_project.ipynb", {}),
}


def record(names: list[str], folder: Path) -> None:
    """Run notebooks with the parameters of RECORDED; each writes its log and scores to data/runs/."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in tqdm(names, unit="run"):
        notebook, parameters = RECORDED[name]
        papermill.execute_notebook(
            str(NOTEBOOKS / notebook),
            str(folder / f"{name}.ipynb"),
            parameters={**parameters, "record_as": name},
            cwd=folder,
            kernel_name="python3",
            extra_arguments=QUIET,
        )


def key_figures(notebook: nbformat.NotebookNode) -> str:
    """The line that the cell key-figures printed."""
    cells = [cell for cell in notebook.cells if cell.id == "key-figures"]
    return " ".join(output.get("text", "").strip() for cell in cells for output in cell.outputs)


def refresh(path: Path) -> None:
    """Run in place and store what a reader needs: outputs and counts, no timings, no versions."""
    notebook = nbformat.read(path, as_version=4)
    os.environ["SFT_COURSE_KEEP"] = "0"  # the stored outputs are those of a reader who has answered nothing yet
    os.environ["TQDM_DISABLE"] = "1"  # a finished progress bar comes back empty when the page is opened
    # Nothing shows the widgets of a notebook that its reader has not run: their stills are stored, their state is not.
    options = {"record_timing": False, "store_widget_state": False, "extra_arguments": QUIET}
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", **options)
    try:
        with tempfile.TemporaryDirectory() as clean:  # what an earlier run left must not show in the outputs
            client.execute(cwd=clean)
    except CellExecutionError as error:
        sys.exit(f"{path.name} is left as it was: {error.ename}: {error.evalue}")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                sys.exit(f"{path.name} is left as it was: {cell.id} wrote to stderr: {output.text.strip()}")
            if "data" in output:
                output.data = still.without_views(output.data)
            if "image/png" in output.get("data", {}):
                picture = fewer_colors(base64.b64decode(output.data["image/png"]))
                output.data["image/png"] = base64.b64encode(picture).decode()
    # The kernel's own description names this machine's Python; the course runs on others too.
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["run", "outputs", "record"])
    parser.add_argument("names", nargs="*", help="notebooks, or what to record; all of them, when none is named")
    parser.add_argument("--into", type=Path, default=ROOT / "executed", help="where run puts what it executed")
    arguments = parser.parse_args()
    lessons = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    if arguments.action == "record":
        record(arguments.names or list(RECORDED), arguments.into)
        return 0
    named = [Path(name).resolve() for name in arguments.names]
    if arguments.action == "run":
        return run(named or lessons, arguments.into)
    for path in tqdm(named or lessons + sorted((NOTEBOOKS / "solutions").glob("[0-9]*.ipynb")), unit="notebook"):
        refresh(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
