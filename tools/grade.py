"""`make grade FOLDER=...`: who solved what, from notebooks that were handed in, as a CSV file and an HTML page.

By default nothing is run: a check stores its verdict in the cell's output (helpers/checks/protocol.py), and this reads
it. Whoever edits a file can write a verdict into it, so each is marked unverified. With --run, the notebooks run again
in a fresh kernel. That is students' code with your rights: run it where it can break nothing.
"""

import argparse
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from tqdm import tqdm

from helpers.checks.progress import checks_of
from helpers.checks.protocol import MIME, UNTRIED
from helpers.errors import CourseError
from helpers.paths import ROOT
from helpers.preflight import report
from tools.course import QUIET

LESSONS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))}
SOLVED, TRIED, NOT_TRIED = "solved", "tried", "not tried"
UNVERIFIED, VERIFIED, FAILED = "unverified", "verified", "not solved when run again"
COLUMNS = ["student", "notebook", "exercise", "result", "verified"]
MINUTES = 30  # that one cell may take with --run
WARNING = (
    "--run runs the code of {n} notebooks with your rights: it can read, change and send what you can. "
    "Use an account or a container that holds nothing else."
)


@dataclass(frozen=True)
class HandedIn:
    student: str
    lesson: str  # a key of LESSONS
    path: Path
    notebook: nbformat.NotebookNode


def collect(folder: Path) -> tuple[list[HandedIn], list[str]]:
    """The notebooks in FOLDER/STUDENT/, at any depth, or named STUDENT_05_....ipynb in FOLDER; and, a sentence each,
    what cannot be graded. Raises CourseError if there is no notebook at all.
    """
    # Not the copies that Jupyter keeps, nor the companions that macOS puts into archives.
    hidden = lambda path: any(part.startswith(".") for part in path.relative_to(folder).parts)
    paths = sorted(path for path in folder.rglob("*.ipynb") if not hidden(path))
    if not paths:
        raise CourseError(
            f"{folder} holds no notebooks: pass the folder with one folder for each student, FOLDER=handed_in."
        )
    found: dict[tuple[str, str], HandedIn] = {}
    problems = []
    for path in paths:
        try:
            one = _read(path, folder)
        except CourseError as problem:
            problems.append(str(problem))
            continue
        first = found.setdefault((one.student.casefold(), one.lesson), one)
        if first is not one:
            problems.append(
                f"{one.student} handed in {one.lesson} twice: {_short(first.path, folder)} counts and "
                f"{_short(path, folder)} does not; delete the one that should not count."
            )
    return list(found.values()), problems


def _read(path: Path, folder: Path) -> HandedIn:
    name = _short(path, folder)
    lesson = next((stem for stem in LESSONS if stem in path.stem), None)
    if lesson is None:
        raise CourseError(f"{name} is no notebook of this course: keep the names, such as {next(iter(LESSONS))}.ipynb.")
    inside = path.relative_to(folder).parts
    student = inside[0] if len(inside) > 1 else path.stem.partition(lesson)[0].strip(" _-.")
    if not student:
        raise CourseError(f"{name} does not say whose it is: put it into a folder named like its student.")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # no JSON, no notebook, no text: nbformat raises errors of many types
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CourseError(f"{name} is no notebook ({reason[0][:80]}): ask {student} for it again.") from None
    return HandedIn(student, lesson, path, notebook)


def _short(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def results(lesson: str, notebook: nbformat.NotebookNode) -> dict[str, str]:
    """{exercise: result} for each exercise of the lesson, from the verdicts that the notebook's outputs hold."""
    found = dict.fromkeys(checks_of(LESSONS[lesson]), NOT_TRIED)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            stored = output.get("data", {}).get(MIME)
            exercise = stored.get("exercise") if isinstance(stored, dict) else None
            if isinstance(exercise, str) and exercise in found:
                if stored.get("right") is True:
                    found[exercise] = SOLVED
                elif stored.get("message") != UNTRIED and found[exercise] == NOT_TRIED:
                    found[exercise] = TRIED
    return found


def to_run(one: HandedIn) -> nbformat.NotebookNode:
    """What --run runs: the student's notebook without its outputs, and the course's own text in every cell whose id
    the course knows, parameters and exercises excepted.
    """
    lesson = nbformat.read(LESSONS[one.lesson], as_version=4)
    theirs = ("parameters", "exercise")
    own = {cell.id: cell.source for cell in lesson.cells if not set(theirs) & set(cell.metadata.get("tags", []))}
    notebook = nbformat.from_dict(one.notebook)
    for cell in notebook.cells:
        cell.source = own.get(cell.get("id"), cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def run_again(one: HandedIn, minutes: float = MINUTES) -> dict[str, str]:
    """{exercise: result} of the notebook in a fresh kernel and an empty folder; cells that fail do not stop it."""
    notebook = to_run(one)
    client = NotebookClient(
        notebook,
        timeout=int(60 * minutes),
        kernel_name="python3",
        allow_errors=True,
        store_widget_state=False,
        extra_arguments=QUIET,
    )
    with tempfile.TemporaryDirectory() as empty:
        try:
            client.execute(cwd=empty)
        except (CellTimeoutError, DeadKernelError) as error:
            print(f"{one.student}, {one.lesson}: {str(error).strip().splitlines()[0]}", file=sys.stderr)
    return results(one.lesson, notebook)


def table(handed_in: list[HandedIn], run: bool = False) -> pd.DataFrame:
    """A row for each student, notebook handed in and exercise; the columns are COLUMNS."""
    rows = []
    for one in tqdm(handed_in, unit="notebook", disable=not run):
        again = run_again(one) if run else {}
        for exercise, result in results(one.lesson, one.notebook).items():
            verified = UNVERIFIED
            if again and result == SOLVED:
                verified = VERIFIED if again[exercise] == SOLVED else FAILED
            elif again.get(exercise) == SOLVED:
                result, verified = SOLVED, VERIFIED  # stored without having been run
            rows.append((one.student, one.lesson, exercise.partition("/")[2], result, verified))
    return pd.DataFrame(rows, columns=COLUMNS)


def write(graded: pd.DataFrame, problems: list[str], into: Path) -> tuple[Path, Path]:
    """Write grades.csv and grades.html into the folder; their paths."""
    csv, html = into / "grades.csv", into / "grades.html"
    into.mkdir(parents=True, exist_ok=True)
    # A spreadsheet would take a student called "=1+1" for a formula.
    safe = graded.assign(student=graded["student"].str.replace(r"^(?=[=+\-@])", "'", regex=True))
    safe.to_csv(csv, index=False, encoding="utf-8-sig")  # the mark at the front tells Excel that it is UTF-8
    return csv, report.write(html, "Who solved what", _sections(graded, problems))


def _sections(graded: pd.DataFrame, problems: list[str]) -> dict:
    solved = graded["result"].eq(SOLVED)
    counted = graded.assign(solved=solved).groupby(["student", "notebook"])["solved"].agg(["sum", "count"])
    cells = counted["sum"].astype(str) + " of " + counted["count"].astype(str)
    marks = graded.loc[solved, "verified"].value_counts()
    told = ", ".join(f"{n} {mark}" for mark, n in marks.items()) or "none"
    unverified = (
        "Unverified: the file says so, and whoever edits the file can write it there. "
        "Verified: the code handed in passed the check in a fresh kernel."
    )
    sections = {
        "Solved exercises": [f"{int(solved.sum())} solved: {told}.", unverified, cells.unstack(fill_value="-")],
        "Each exercise": [graded.set_index(["student", "notebook"])],
    }
    if problems:
        sections["Not graded"] = problems
    return sections


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with a folder for each student")
    parser.add_argument("--into", type=Path, default=ROOT / "outputs" / "grades", help="where the two files go")
    parser.add_argument("--run", action="store_true", help="run the exercises again: students' code, with your rights")
    arguments = parser.parse_args()
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # nbformat reports there what becomes a sentence here
    try:
        handed_in, problems = collect(arguments.folder)
        if arguments.run:
            print(WARNING.format(n=len(handed_in)), file=sys.stderr)
        csv, html = write(table(handed_in, arguments.run), problems, arguments.into)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    for problem in problems:
        print(problem, file=sys.stderr)
    students = len({one.student.casefold() for one in handed_in})
    print(f"{len(handed_in)} notebooks of {students} students: {csv} and {html}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
