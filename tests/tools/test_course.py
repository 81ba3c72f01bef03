"""`make course` and `make outputs` say which notebook failed and why, and never store a failed run."""

import subprocess
import sys

import nbformat
import pytest

from lessons import ROOT, read


@pytest.fixture
def notebook(tmp_path):
    """A function that writes a notebook of one cell, key-figures, with the source given."""

    def write(source: str):
        cell = nbformat.v4.new_code_cell(source, id="key-figures")
        path = tmp_path / "00_sample.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        return path

    return write


def course(action: str, path):
    command = [
        sys.executable,
        "-m",
        "tools.course",
        action,
        str(path),
        "--into",
        str(path.parent / "x"),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_run_ends_with_a_table_of_seconds_and_key_figures(notebook):
    done = course("run", notebook("print('exact call 33%')"))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2].split(" | ") == ["notebook ", "seconds", "key figures"]
    name, seconds, figures = done.stdout.splitlines()[-1].split(" | ")
    assert (name, figures) == ("00_sample", "exact call 33%") and int(seconds) >= 0
    assert "Traceback" not in done.stderr and "WARNING" not in done.stderr


def test_run_names_the_notebook_that_failed_and_goes_on(notebook):
    done = course("run", notebook("1 / 0"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("FAILED: ZeroDivisionError: division by zero")


def test_outputs_are_stored_in_place_without_a_trace_of_the_machine(notebook):
    path = notebook("print('hello')")
    assert course("outputs", path).returncode == 0
    stored = read(path)
    assert stored.cells[0].id == "key-figures" and stored.cells[0].execution_count == 1
    assert stored.cells[0].outputs[0].text == "hello\n"
    assert stored.metadata.language_info == {"name": "python"} and stored.cells[0].metadata == {}


@pytest.mark.parametrize("source", ["1 / 0", "import sys\nprint('careful', file=sys.stderr)"])
def test_outputs_leave_a_notebook_alone_that_fails_or_warns(notebook, source):
    path = notebook(source)
    before = path.read_bytes()
    done = course("outputs", path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("00_sample.ipynb is left as it was: ")
    assert path.read_bytes() == before


@pytest.mark.slow
def test_progress_bars_are_not_stored(notebook):
    ask = "token_probabilities(*load('nano'), [commands.prompt('x')] * 20, ['x'] * 20)"
    imports = "from helpers.dataset import commands\nfrom helpers.evaluation import token_probabilities\n"
    path = notebook(f"{imports}from helpers.model import load\nprint(len({ask}))")
    assert course("outputs", path).returncode == 0
    assert [output.output_type for output in read(path).cells[0].outputs] == ["stream"]
