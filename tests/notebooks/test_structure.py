"""The anatomy that every notebook of the course shares, so that a reader always knows where things are."""

import ast
import json
import re

import pytest

import lessons
from helpers.checks.protocol import MIME, UNTRIED
from lessons import LESSONS, ROOT, SOLUTIONS, code_cells, markdown_cells, name, read, tree

CHINESE = ROOT / "notebooks" / "zh-TW"
TAUGHT = [*(ROOT / "teaching" / "zh-TW").rglob("*.md")]
IN_CHINESE = [*CHINESE.glob("*.ipynb"), *CHINESE.glob("*.md"), *CHINESE.glob("solutions/*.ipynb"), *TAUGHT]
ORDER = ["title", "needs", "parameters", "imports", "exercises", "quiz", "summary", "next"]
TAGS = {"parameters", "nbval-ignore-output", "exercise", "solution", "hide-input"}
LISTS = {"imports": 20, "parameters": 22}  # lines of cells that nobody has to follow
LEVELS = ("🐢", "🐕", "🦁")
# Absolute paths of whoever ran it: a usual home or scratch folder, or where this checkout lies.
MACHINE_PATH = re.compile(
    rf"(?<![\w.])/(?:home|root|Users|tmp|mnt|opt|var)/\w|[A-Z]:\\\\+Users|{re.escape(str(ROOT))}/"
)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:href|src)=[\"']([^\"']+)[\"']")

lesson = pytest.mark.parametrize("path", LESSONS, ids=name)
lesson_or_solution = pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=name)


def cell(notebook, cell_id):
    return next(c for c in notebook.cells if c.id == cell_id)


def prose(source: str) -> str:
    """Markdown without its code, in which a # is a comment and a bracket an index."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^(```|~~~).*?^\1", "", source))


@lesson
def test_required_cells_in_order(path):
    ids = [c.id for c in read(path).cells]
    assert [i for i in ids if i in ORDER] == ORDER
    assert ids[0] == "title" and ids[-1] == "next"
    assert "key-figures" in ids, "`make course` shows what the cell key-figures prints"


@lesson_or_solution
def test_cell_ids_say_what_the_cell_is(path):
    ids = [c.id for c in read(path).cells]
    assert len(ids) == len(set(ids))
    odd = [i for i in ids if not re.fullmatch(r"[a-z]\w*(-\w+)*", i) or re.fullmatch(r"[0-9a-f]{6,}(-.*)?", i)]
    assert not odd, f"not in kebab-case, or made by a machine: {odd}"


@lesson_or_solution
def test_one_h1(path):
    titles = [t for c in markdown_cells(read(path)) for t in re.findall(r"(?m)^# .+", prose(c.source))]
    assert len(titles) == 1, titles


@lesson
def test_title_gives_the_minutes_of_the_metadata(path):
    notebook = read(path)
    minutes = notebook.metadata["course"]["minutes"]
    assert re.search(rf"\b{minutes} min", cell(notebook, "title").source)


@lesson
def test_readme_gives_the_minutes_of_the_metadata(path):
    link = re.escape(path.relative_to(ROOT).as_posix())
    row = re.search(rf"(?m)^\|.*\({link}\)[^|]*\|([^|]*)\|([^|]*)\|", (ROOT / "README.md").read_text("utf-8"))
    assert row, "README's table of notebooks has no row that links to it, with its minutes in the next two columns"
    assert row[1].strip() == str(read(path).metadata["course"]["minutes"])
    assert row[2].strip() == str(minutes_to_work_through(path))


@lesson
def test_title_gives_the_minutes_to_work_through(path):
    assert f"About {minutes_to_work_through(path)} minutes" in cell(read(path), "title").source


def minutes_to_work_through(path) -> int:
    quiz = json.loads((ROOT / "data" / "quiz" / f"{path.name[:2]}.json").read_text("utf-8"))
    return lessons.work_minutes(read(path), len(quiz))


@lesson_or_solution
def test_code_cells_are_short(path):
    lines = {c.id: len(c.source.splitlines()) for c in code_cells(read(path))}
    long = {cell_id: n for cell_id, n in lines.items() if n > LISTS.get(cell_id, 15)}
    assert not long, f"over 15 lines: {long}"


@lesson
def test_parameters_are_typed_and_commented(path):
    parameters = cell(read(path), "parameters")
    assert "parameters" in parameters.metadata.get("tags", [])
    lines = parameters.source.splitlines()
    for node in tree(parameters).body:
        assert isinstance(node, ast.AnnAssign) and node.value, f"no type: {ast.unparse(node)}"
        beside, above = lines[node.end_lineno - 1], lines[max(node.lineno - 2, 0)].strip()
        assert "#" in beside or above.startswith("#"), f"no comment: {ast.unparse(node)}"


@lesson_or_solution
def test_imports_stand_in_one_cell(path):
    for c in code_cells(read(path)):
        imports = [n for n in ast.walk(tree(c)) if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not imports or c.id == "imports", f"{c.id} imports too: {ast.unparse(imports[0])}"


@lesson_or_solution
def test_was_run_from_top_to_bottom(path):
    counts = [c.execution_count for c in code_cells(read(path))]
    assert counts == list(range(1, len(counts) + 1)), "run `make outputs`"


@lesson_or_solution
def test_stored_outputs_hold_no_error_and_no_stderr(path):
    assert not lessons.trouble(read(path))


@lesson_or_solution
def test_tags_are_known(path):
    for c in read(path).cells:
        assert set(c.metadata.get("tags", [])) <= TAGS, c.id


@lesson_or_solution
def test_few_outputs_go_uncompared(path):
    ignored = [c.id for c in read(path).cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    assert len(ignored) <= 8, ignored


@lesson_or_solution
def test_stores_no_state_of_widgets(path):
    assert "widgets" not in read(path).metadata


@lesson_or_solution
def test_names_no_path_of_a_machine(path):
    notebook = read(path)
    for c in code_cells(notebook):
        for output in c.outputs:
            for mime in [m for m in output.get("data", {}) if m.startswith("image/")]:
                del output.data[mime]  # base64 can spell anything
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = re.sub(r"data:image/[^\"]+", "", output.data["text/html"])
    match = MACHINE_PATH.search(json.dumps(notebook))
    assert not match, match and json.dumps(notebook)[match.start() - 40 : match.end() + 40]


@lesson_or_solution
def test_is_small(path):
    assert path.stat().st_size < 500_000


@lesson
def test_setup_is_called_before_anything_else(path):
    code = [c for c in code_cells(read(path)) if c.id not in ("parameters", "imports")]
    assert code[0].source.startswith("setup(")


def test_the_nano_trainer_that_notebook_03_shows_is_the_one_that_others_import():
    path = next(path for path in LESSONS if path.name.startswith("03_"))
    (shown,) = tree(cell(read(path), "nano-trainer")).body
    source = (ROOT / "helpers" / "training" / "nano_run.py").read_text("utf-8")
    shared = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    shared.body, shared.returns = shared.body[1:], None  # without docstring and annotation
    assert ast.dump(shown) == ast.dump(shared)


@lesson
def test_exercises_at_three_levels_with_solutions(path):
    cells = read(path).cells
    start = next(i for i, c in enumerate(cells) if c.id == "exercises")
    text = "\n".join(c.source for c in cells[start:])
    assert [level for level in LEVELS if level not in text] == []
    exercises = {c.id for c in cells if "exercise" in c.metadata.get("tags", [])}
    if exercises:
        solution = path.parent / "solutions" / path.name
        assert solution.exists()
        solved = [c.id for c in read(solution).cells if "solution" in c.metadata.get("tags", [])]
        assert len(solved) >= len(exercises), f"exercises {sorted(exercises)}, solutions {solved}"


@pytest.mark.parametrize("path", SOLUTIONS, ids=name)
def test_solutions_pass_their_checks(path):
    for c in code_cells(read(path)):
        if "solution" in c.metadata.get("tags", []):
            verdicts = [output.data[MIME] for output in c.outputs if MIME in output.get("data", {})]
            assert [verdict["right"] for verdict in verdicts] == [True], (c.id, verdicts)


@lesson
def test_each_exercise_stores_that_it_has_not_been_tried(path):
    for c in code_cells(read(path)):
        if "exercise" in c.metadata.get("tags", []):
            (verdict,) = [output.data[MIME] for output in c.outputs if MIME in output.get("data", {})]
            assert not verdict["right"] and verdict["message"] == UNTRIED, c.id


@pytest.mark.parametrize(
    "path",
    [*LESSONS, *SOLUTIONS, *IN_CHINESE, *ROOT.glob("*.md"), *ROOT.glob("data/*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_resolve(path):
    for link in links(path):
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), link
        assert file.is_relative_to(ROOT), f"{link} leaves the repository"
        if anchor:
            assert anchor in anchors(file), f"{link}: no such heading or cell"


def links(path) -> list[str]:
    """The relative links of a notebook or Markdown file."""
    texts = [c.source for c in markdown_cells(read(path))] if path.suffix == ".ipynb" else [path.read_text("utf-8")]
    targets = [a or b for text in texts for a, b in LINK.findall(prose(text))]
    return [link for link in targets if not re.match(r"[a-z]+:", link)]


def anchors(path) -> set[str]:
    """What a link may name after #: JupyterLab's heading ids and cell ids, or GitHub's heading ids."""
    if path.suffix != ".ipynb":
        headings = re.findall(r"(?m)^#+ +(.+?) *$", prose(path.read_text("utf-8")))
        return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    notebook = read(path)
    headings = [h for c in markdown_cells(notebook) for h in re.findall(r"(?m)^#+ +(.+?) *$", c.source)]
    return {re.sub(r"[`*]", "", h).replace(" ", "-") for h in headings} | {f"cell-id={c.id}" for c in notebook.cells}
