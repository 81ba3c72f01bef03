"""Projector mode makes figures and text larger, by an argument of setup() or by the environment, and only then."""

import io

import matplotlib
import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from helpers import projector, setup
from helpers.training import run_log
from helpers.ui import figures
from lessons import ROOT
from tools import course

LOG = run_log.table(run_log.recorded("05_full")["log"])


def drawn() -> Image.Image:
    return Image.open(io.BytesIO(figures.png(figures.training(LOG, "It falls"))))


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    monkeypatch.delenv(projector.VARIABLE, raising=False)
    with matplotlib.rc_context():
        yield


@pytest.mark.parametrize("value, expected", [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_asks_for_it(value, expected, monkeypatch):
    monkeypatch.setenv(projector.VARIABLE, value)
    assert projector.in_environment() is expected


def test_a_figure_grows_with_all_that_is_in_it():
    before = drawn()
    setup()
    assert drawn().size == before.size
    setup(projector=True)
    assert drawn().width >= 1.4 * before.width and drawn().height >= 1.4 * before.height


def test_the_variable_does_what_the_argument_does(monkeypatch):
    before = drawn()
    monkeypatch.setenv(projector.VARIABLE, "1")
    setup()
    assert drawn().width >= 1.4 * before.width


def shown(source: str) -> list:
    """What a cell shows in a kernel of its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=120, kernel_name="python3", extra_arguments=course.QUIET).execute(cwd=str(ROOT))
    return notebook.cells[0].outputs


def test_a_notebook_gets_larger_text_and_keeps_the_colours_of_its_theme():
    (output,) = shown("from helpers import setup\nsetup(projector=True)")
    style = output.data["text/html"]
    assert ".jp-Notebook" in style and "--jp-code-font-size: 20px" in style and "color" not in style
