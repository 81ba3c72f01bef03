"""The capstone is notebook 11 with blanks: built from it, whole, and it runs once they are filled in."""

import re

import nbformat
import papermill
import pytest

import lessons
from helpers.checks.protocol import MIME
from tools import capstone

BUILT = capstone.build()


def test_building_it_again_changes_nothing():
    assert capstone.text(capstone.build()) == capstone.TARGET.read_text(encoding="utf-8"), "python -m tools.capstone"


def test_every_blank_stands_behind_its_cell():
    ids = [cell.id for cell in BUILT.cells]
    assert len(set(ids)) == len(ids)
    for blank in capstone.BLANKS:
        assert ids.index(blank.id) == ids.index(blank.after) + 2  # its question stands between them
    assert ids[-1] == capstone.LAST


def test_nothing_above_a_blank_gives_its_answer_away():
    text = "\n".join(cell.source for cell in BUILT.cells)
    assert "prompt=command" not in text and "outputs/11" not in text


def test_its_links_resolve():
    for cell in lessons.markdown_cells(BUILT):
        for link in re.findall(r"\]\(([^)#]+)", cell.source):
            assert re.match(r"\w+:", link) or (capstone.TARGET.parent / link).exists(), link


def test_the_notebook_has_no_outputs():
    assert all(not cell.outputs and cell.execution_count is None for cell in lessons.code_cells(BUILT))


@pytest.mark.slow
def test_filled_in_it_runs_on_nano_and_every_check_passes(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    solved = tmp_path / "solved.ipynb"
    nbformat.write(capstone.build(solved=True), solved)
    executed = papermill.execute_notebook(
        str(solved),
        str(tmp_path / "run.ipynb"),
        lessons.nano_parameters(BUILT),
        cwd=tmp_path,
        progress_bar=False,
        kernel_name="python3",
    )
    assert not lessons.trouble(executed)
    verdicts = {
        cell.id: output.data[MIME]
        for cell in lessons.code_cells(executed)
        for output in cell.outputs
        if MIME in output.get("data", {}) and cell.id.startswith("blank-")
    }
    assert len(verdicts) == len(capstone.BLANKS)
    assert all(verdict["right"] for verdict in verdicts.values()), verdicts
    assert (tmp_path / "outputs" / "capstone" / "report.html").exists()
