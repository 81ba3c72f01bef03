"""What instructors read from agrees with the notebooks: cells, minutes, machine time, and what a sheet breaks."""

import ast
import builtins
import json
import os
import re
import subprocess
import sys

import pytest

from lessons import LESSONS, ROOT, SOLUTIONS, code_cells, numbers, read, rounds_to, tree, values

TEACHING = ROOT / "teaching"
SHEETS = sorted((TEACHING / "run_sheets").glob("*.md"))
NOTEBOOKS = {path.name[:2]: read(path) for path in LESSONS}
FILES = {path.name[:2]: path.name for path in LESSONS}
SOLVED = {path.name[:2]: set().union(*map(values, code_cells(read(path)))) for path in SOLUTIONS}
IDS = {number: [cell.id for cell in notebook.cells] for number, notebook in NOTEBOOKS.items()}
COLUMNS = [
    "from",
    "minutes",
    "notebook",
    "cells",
    "live or shown",
    "say",
    "ask",
    "answer to expect",
    "skip if late",
]
SHARE = re.compile(r"(\d+(?:\.\d+)?)(?: percent|%| points)")
COUNTS = 12  # a whole number up to here counts things of the answer itself, unless it is a share
MODES = {"live", "live, in pairs", "shown", "talk"}
SPARE = "Spare lines"
# The cells that train or let processes train: while one of them runs, no other may on the same machine.
TRAINS = {
    "00": {"train"},
    "02": {"eos-runs", "leakage-runs", "loss-ranking"},
    "03": {"batch-size-runs", "sweep", "live-experiment", "range-test", "rate-trial"},
    "04": {"epochs-loss", "max-steps"},
    "05": {"train", "resume-proof", "compare-trainers"},
    "06": {"one-batch", "shuffled-answers", "not-a-number"},
    "07": {"overfit-on-purpose"},
    "08": {"first-round", "buy-one", "label-budget", "secrets", "preference-runs"},
    "09": {"by-trl", "by-script", "two"},
    "10": {"export"},
    "11": {"train"},
}
LONG = {"05": "train", "11": "train"}  # started, left alone, and read later
WORDS_A_MINUTE = 110  # read aloud, to people who read along
SLOWER = 2  # a laptop that does other work takes up to so many times the minutes that a notebook states


def sections(text: str) -> dict[str, list[list[str]]]:
    """The tables of a page: the rows below each heading that has any, without the head of the table."""
    found, heading = {}, ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    assert all(rows[0] == COLUMNS for rows in found.values())
    return {heading: rows[2:] for heading, rows in found.items()}


PLANS = sections((TEACHING / "plans.md").read_text(encoding="utf-8"))
TIMED = {heading: rows for heading, rows in PLANS.items() if heading != SPARE}
timed = pytest.mark.parametrize("rows", TIMED.values(), ids=TIMED)
sheet = pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)


def number(row: list[str]) -> str:
    """The notebook of a row, such as "05"; "-" for none."""
    return re.sub(r"\[(\w+)\].*", r"\1", row[2])


def cells(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[3])


def starts(rows: list[list[str]]) -> list[int]:
    """The minute at which each row begins, from the minutes of those before it."""
    minutes = [int(row[1]) for row in rows]
    return [sum(minutes[:n]) for n in range(len(rows))]


def is_live(row: list[str]) -> bool:
    return row[4].startswith("live")


def demonstrations(path) -> list[tuple[str, str]]:
    """The code of a sheet and what it prints."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)\n```\n\n```text\n(.*?)\n```", text, flags=re.DOTALL)


def test_four_plans():
    assert [re.search(r"(\d+) minutes", heading)[0] for heading in TIMED] == [
        "90 minutes",
        "210 minutes",
        "360 minutes",
        *6 * ["90 minutes"],
    ]


@pytest.mark.parametrize("rows", PLANS.values(), ids=PLANS)
def test_rows_name_cells_that_exist(rows):
    for row in rows:
        assert len(row) == len(COLUMNS) and all(row), row
        assert row[4] in MODES, row
        if number(row) == "-":
            assert row[2:5] == ["-", "-", "talk"]
            continue
        assert row[2] == f"[{number(row)}](../notebooks/{FILES[number(row)]})"
        assert cells(row) and not set(cells(row)) - set(IDS[number(row)]), row


@pytest.mark.parametrize("rows", PLANS.values(), ids=PLANS)
def test_numbers_to_expect_stand_in_a_cell_of_the_row(rows):
    """As the answer rounds them, in the code or the output of one of its cells, or in the solutions of an exercise."""
    for row in rows:
        if number(row) == "-":
            continue
        named = [cell for cell in code_cells(NOTEBOOKS[number(row)]) if cell.id in cells(row)]
        known = SOLVED[number(row)] if any(cell.id.startswith(("do-", "exercise")) for cell in named) else set()
        known = known.union(*map(values, named))
        told = {n for n in numbers(row[7]) if "." in n or float(n.replace(",", "")) > COUNTS}
        assert [n for n in sorted(told | set(SHARE.findall(row[7]))) if not rounds_to(n, known)] == [], row


@sheet
def test_slow_cells_do_more_than_define_functions(path):
    (line,) = re.findall(r"\*\*Slow cells.*", path.read_text(encoding="utf-8"))
    for cell in code_cells(NOTEBOOKS[path.stem]):
        if f"`{cell.id}`" in line:
            assert not all(isinstance(node, ast.FunctionDef) for node in tree(cell).body), cell.id


@timed
def test_minutes_add_up(rows, request):
    assert [row[0] for row in rows] == [f"{at // 60}:{at % 60:02d}" for at in starts(rows)]
    heading = request.node.callspec.id
    assert sum(int(row[1]) for row in rows) == int(re.search(r"(\d+) minutes", heading)[1])


@timed
def test_what_is_said_can_be_said_in_the_time(rows):
    """Saying, asking and answering take at most three quarters of a row; the rest is looking and doing."""
    for row in rows:
        words = sum(len(row[column].split()) for column in (5, 6, 7))
        assert words / WORDS_A_MINUTE <= 0.75 * int(row[1]), row


@timed
def test_live_training_fits(rows):
    """A notebook that trains live has at least twice its machine minutes in the plan."""
    for book, training in TRAINS.items():
        mine = [row for row in rows if number(row) == book]
        if any(is_live(row) and training & set(cells(row)) for row in mine):
            given = sum(int(row[1]) for row in mine)
            assert given >= SLOWER * NOTEBOOKS[book].metadata["course"]["minutes"], (book, given)


@timed
def test_nothing_disturbs_a_long_run(rows):
    """From the start of a long run to its reading there is time for it, and nothing else trains meanwhile."""
    begins = starts(rows)
    recorded = json.loads((ROOT / "data" / "runs" / "05_full.json").read_text(encoding="utf-8"))["minutes"]
    for book, training in LONG.items():
        for n, row in enumerate(rows):
            if number(row) != book or not is_live(row) or training not in cells(row):
                continue
            later = IDS[book][IDS[book].index(training) + 1 :]
            read_at = next(
                m for m in range(n + 1, len(rows)) if number(rows[m]) == book and set(cells(rows[m])) & set(later)
            )
            minutes = SLOWER * NOTEBOOKS[book].metadata["course"]["minutes"]
            assert begins[read_at] - begins[n] >= (max(minutes, recorded) if book == "05" else minutes)
            for other in rows[n + 1 : read_at]:
                assert not (is_live(other) and TRAINS.get(number(other), set()) & set(cells(other))), other


def test_a_sheet_for_each_notebook():
    assert [path.stem for path in SHEETS] == sorted(NOTEBOOKS)


@sheet
def test_sheets_name_cells_that_exist(path):
    text = path.read_text(encoding="utf-8")
    assert f"(../../notebooks/{FILES[path.stem]})" in text
    for part in ("Must show", "Slow cells"):
        named = re.findall(r"`([^`]+)`", re.search(rf"(?m)^\*\*{part}.*$", text)[0])
        assert named and not set(named) - set(IDS[path.stem]), (part, named)
    pairs = re.findall(r"`([^`]+)`", text[text.index("## In pairs") :])
    assert pairs and not set(pairs) - set(IDS[path.stem]), pairs


@sheet
def test_sheets_have_their_parts(path):
    text = path.read_text(encoding="utf-8")
    questions = text[text.index("## Three questions") : text.index("## Usual misconceptions")]
    assert len(re.findall(r"(?m)^\d\. .+\? — \*.+\*$", questions)) == 3
    assert len(text.split()) < 800, "more than fits on two sides of a page"
    assert demonstrations(path) and len(demonstrations(path)) == text.count("```python") == text.count("```text")


@sheet
def test_demonstrations_are_two_lines(path):
    for code, _ in demonstrations(path):
        ast.parse(code)
        preparation, _, lines = code.rpartition("\n\n")
        assert preparation and len(lines.splitlines()) <= 2, lines


def test_python_of_the_readme_parses():
    blocks = re.findall(r"```python\n(.*?)\n```", (TEACHING / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)


@pytest.mark.slow
def test_demonstrations_print_what_the_sheets_say():
    """All in one fresh process: importing the libraries takes far longer than the demonstrations."""
    shown = {
        f"sheet {path.stem}, demonstration {n}": demo
        for path in SHEETS
        for n, demo in enumerate(demonstrations(path), 1)
    }
    codes = {name: code for name, (code, _) in shown.items()}
    script = f"for name, code in {codes!r}.items():\n    print('####', name, flush=True)\n    exec(code, {{}})"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert finished.returncode == 0, finished.stdout[-300:] + finished.stderr[-2000:]
    parts = [part.partition("\n") for part in finished.stdout.split("#### ")[1:]]
    printed = {name: text.rstrip("\n") for name, _, text in parts}
    assert printed == {name: said for name, (_, said) in shown.items()}


@pytest.mark.parametrize("path", [TEACHING / "README.md", TEACHING / "plans.md", *SHEETS], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#")):
            assert (path.parent / target.partition("#")[0]).exists(), target


def names(source: str) -> tuple[set[str], set[str]]:
    """What a cell defines, and what it reads beside that."""
    defined, read_, own = set(), set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read_.add(name)
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                defined |= {(alias.asname or alias.name).split(".")[0] for alias in aliases}
            case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                own.add(name)
    return defined, read_ - own - defined


@timed
def test_live_cells_find_what_they_need(rows):
    """All cells above a notebook's first live one have run before class; after that, only those that the plan names."""
    for book in {number(row) for row in rows if is_live(row)}:
        live = [cell for row in rows if number(row) == book and is_live(row) for cell in cells(row)]
        code = {cell.id: names(cell.source) for cell in NOTEBOOKS[book].cells if cell.cell_type == "code"}
        known = {*dir(builtins), "display"}
        for cell in [*list(code)[: list(code).index(live[0])], *live]:
            defined, needed = code.get(cell, (set(), set()))
            makers = {name: [id_ for id_ in code if name in code[id_][0]] for name in needed - known}
            assert not makers, (FILES[book], cell, makers)
            known |= defined
