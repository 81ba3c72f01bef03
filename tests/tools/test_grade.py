"""`make grade` reads verdicts from notebooks without running them, and verifies them with --run in a fresh kernel."""

import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from helpers.checks.protocol import MIME
from lessons import LESSONS, ROOT, read
from tools import grade

LESSON = next(path for path in LESSONS if path.name.startswith("05"))
ANSWERS = {
    "exercise-steps": ("answer = None", "answer = 38"),
    "exercise-monitoring": ("answer = None", 'answer = SFTConfig(output_dir="x", max_steps=10, use_cpu=True)'),
    "exercise-nano": None,
}


def short_lesson() -> nbformat.NotebookNode:
    """Notebook 05 with nothing but its imports and three exercises, without outputs."""
    notebook = read(LESSON)
    notebook.cells = [cell for cell in notebook.cells if cell.id in {"imports", *ANSWERS}]
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], None
    return notebook


@pytest.fixture(scope="module")
def solved(tmp_path_factory) -> nbformat.NotebookNode:
    """The same as a student hands it in: the first exercise right, the second wrong, the third not reached."""
    notebook = short_lesson()
    for cell in notebook.cells:
        if ANSWERS.get(cell.id):
            cell.source = cell.source.replace(*ANSWERS[cell.id])
    ran = notebook.copy()
    ran.cells = [cell for cell in notebook.cells if cell.id != "exercise-nano"]
    NotebookClient(ran, kernel_name="python3").execute(cwd=tmp_path_factory.mktemp("kernel"))
    return notebook


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "handed in"


def put(notebook, path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def command(folder, monkeypatch, capsys):
    """A function that grades `folder`: status, stdout, stderr, and the CSV if there is one."""

    def graded(*options: str) -> tuple[int, str, str, pd.DataFrame | None]:
        into = folder.parent / "grades"
        monkeypatch.setattr(sys, "argv", ["", str(folder), "--into", str(into), *options])
        status = grade.main()
        printed = capsys.readouterr()
        csv = into / "grades.csv"
        return status, printed.out, printed.err, pd.read_csv(csv) if csv.exists() else None

    return graded


def test_results_come_from_the_file_and_are_marked_unverified(solved, folder, command):
    put(solved, folder / "Anna Öz" / LESSON.name)
    status, out, err, csv = command()
    assert (status, err) == (0, ""), err
    assert list(csv.columns) == grade.COLUMNS and set(csv["student"]) == {"Anna Öz"}
    assert set(csv["notebook"]) == {LESSON.stem} and set(csv["verified"]) == {"unverified"}
    result = csv.set_index("exercise")["result"]
    assert result["optimizer_steps"] == "solved" and result["monitoring"] == "tried"
    assert result["fine_tuned_nano"] == result["counted_share"] == "not tried", "a missing cell was not tried either"
    page = (folder.parent / "grades" / "grades.html").read_text(encoding="utf-8")
    assert "1 of 5" in page and "1 unverified" in page and "Anna Öz" in page
    assert "1 notebooks of 1 students" in out


def test_nothing_is_run_without_being_asked(folder, command):
    notebook = short_lesson()
    witness = folder.parent / "witness"
    notebook.cells[0].source = f"open({str(witness)!r}, 'w')"
    put(notebook, folder / "anna" / LESSON.name)
    assert command()[0] == 0 and not witness.exists()


@pytest.mark.slow
def test_run_verifies_honest_work_and_finds_a_verdict_that_was_written_in(solved, folder, command):
    put(solved, folder / "anna" / LESSON.name)
    forged = nbformat.from_dict(solved)
    for cell in forged.cells:
        if cell.id == "imports":
            cell.source += "\ncheck.optimizer_steps = check.monitoring"  # the course's own text takes its place
        if cell.id == "exercise-steps":
            cell.source = cell.source.replace("38", "37")
    put(forged, folder / "ben" / LESSON.name)
    status, _, err, csv = command("--run")
    assert status == 0 and "runs the code of 2 notebooks with your rights" in err
    steps = csv[csv["exercise"] == "optimizer_steps"].set_index("student")
    assert steps["result"].to_dict() == {"anna": "solved", "ben": "solved"}
    assert steps["verified"].to_dict() == {"anna": "verified", "ben": "not solved when run again"}
    assert set(csv.loc[csv["exercise"] == "monitoring", "result"]) == {"tried"}


def test_a_student_s_own_cells_are_kept_for_the_second_run_and_the_course_s_are_restored(solved, tmp_path):
    changed = nbformat.from_dict(solved)
    changed.cells[0].source = "spoiled"
    changed.cells.insert(1, nbformat.v4.new_code_cell("own = 1"))
    again = grade.to_run(grade.HandedIn("anna", LESSON.stem, tmp_path, changed))
    sources = {cell.id: cell.source for cell in again.cells}
    assert sources["imports"].startswith("import math") and "own = 1" in sources.values()
    assert "answer = 38" in sources["exercise-steps"]
    assert all(not cell.outputs for cell in again.cells) and solved.cells[1].outputs


def test_files_without_a_folder_are_named_after_their_student(solved, folder, command):
    put(solved, folder / f"anna_{LESSON.name}")
    put(solved, folder / f"ben - {LESSON.stem} (1).ipynb")
    status, _, err, csv = command()
    assert (status, err) == (0, "") and set(csv["student"]) == {"anna", "ben"}


def test_bad_input_gets_a_sentence_each_and_the_rest_is_graded(solved, folder, command):
    put(solved, folder / "anna" / LESSON.name)
    put(solved, folder / "anna" / "again" / LESSON.name)
    put(solved, folder / "ben" / "homework.ipynb")
    put(solved, folder / LESSON.name)
    (folder / "carl").mkdir()
    (folder / "carl" / LESSON.name).write_text("<html>not found</html>", encoding="utf-8")
    (folder / "dora").mkdir()
    (folder / "dora" / LESSON.name).write_bytes(b"\xff\xfe\x00")
    (folder / "emil").mkdir()
    (folder / "emil" / LESSON.name).write_text('{"cells": 3, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8")
    put(solved, folder / "anna" / ".ipynb_checkpoints" / LESSON.name)
    status, _, err, csv = command()
    assert status == 1 and set(csv["student"]) == {"anna"}
    lines = err.splitlines()
    assert len(lines) == 6, err
    wanted = ["anna handed in 05_train_with_sfttrainer twice", "ben/homework.ipynb is no notebook of this course"]
    wanted += [f"{LESSON.name} does not say whose it is"]
    wanted += [f"{name}/{LESSON.name} is no notebook (" for name in ("carl", "dora", "emil")]
    for beginning in wanted:
        assert any(line.startswith(beginning) for line in lines), (beginning, err)


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_notebooks_is_said_in_one_sentence(folder, command, there):
    if there:
        folder.mkdir()
    status, out, err, csv = command()
    assert (status, out, csv) == (2, "", None)
    assert err.count("\n") == 1 and "holds no notebooks: pass the folder" in err


def test_a_verdict_that_is_no_verdict_counts_for_nothing(solved):
    odd = nbformat.from_dict(solved)
    stored = odd.cells[1].outputs[0].data[MIME]
    for broken in ("text", {"exercise": stored["exercise"], "right": "yes"}, {"exercise": ["a"]}, {"right": True}):
        odd.cells[1].outputs[0].data[MIME] = broken
        assert grade.results(LESSON.stem, odd)[stored["exercise"]] != "solved"


def test_a_spreadsheet_does_not_take_a_student_for_a_formula(tmp_path):
    row = ("=cmd|' /C calc'!A0", LESSON.stem, "optimizer_steps", "solved", "unverified")
    csv, html = grade.write(pd.DataFrame([row, ("<b>x", *row[1:])], columns=grade.COLUMNS), [], tmp_path)
    assert pd.read_csv(csv)["student"][0].startswith("'=cmd")
    assert "<b>x" not in html.read_text(encoding="utf-8")


def test_make_without_a_folder_says_what_to_call():
    call = ["make", "--silent", "--old-file=.venv/ready", "--old-file=setup", "grade"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("Call make grade FOLDER=handed_in")
