"""A CourseError reaches the reader as its sentence alone, wherever the notebook runs."""

import logging

import nbformat
import papermill as pm
import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers.errors import print_warnings

RAISE = 'from helpers.errors import CourseError\nraise CourseError("No such model: pass nano.")'


def test_ipython_shows_the_sentence_and_no_traceback(capsys):
    InteractiveShell().run_cell(RAISE)
    shown = capsys.readouterr()
    assert (shown.out + shown.err).strip() == "CourseError: No such model: pass nano."


def test_papermill_stores_the_sentence_and_no_traceback(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RAISE)])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    with pytest.raises(pm.PapermillExecutionError) as caught:
        pm.execute_notebook(
            str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb"), kernel_name="python3", progress_bar=False
        )
    assert caught.value.traceback == ["CourseError: No such model: pass nano."]


def test_a_librarys_warnings_are_printed_and_its_chatter_is_not(capsys):
    print_warnings("some_library", "other_library")
    print_warnings("some_library")  # running the cell twice must not print twice
    logger = logging.getLogger("some_library.part")
    logger.warning("[RANK 0] the %s is empty", "row")
    logger.info("all is well")
    assert capsys.readouterr() == ("some_library warns: the row is empty\n", "")
