"""The course's notebooks as the tests see them: which there are, their cells and the figures they print."""

import ast
import re
from pathlib import Path

import nbformat
import papermill

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
CHINESE = sorted((ROOT / "notebooks" / "zh-TW").glob("[0-9]*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("[0-9]*.ipynb"))
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?![\w]|[.,]\d)")
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|^#.*$|^\|.*$|95% \**interval", re.DOTALL | re.MULTILINE)


def name(path: Path) -> str:
    """A short id for pytest: "05_train" or "solutions/05_train"."""
    return str(path.relative_to(ROOT / "notebooks").with_suffix(""))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def tree(cell) -> ast.Module:
    """The syntax tree of a code cell, without its lines for the shell or for IPython."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines()]
    return ast.parse("\n".join(lines))


def nano_parameters(notebook) -> dict:
    """The parameters of a run of seconds on the nano model, as the notebook's metadata gives them."""
    return dict(notebook.metadata["course"]["nano"])


def assert_parameters_exist(path: Path) -> None:
    """papermill only warns of a nano parameter that the notebook does not have, and would run the long version."""
    assert set(nano_parameters(read(path))) <= set(papermill.inspect_notebook(str(path)))


def printed(notebook, cell_id: str) -> str:
    """What the cell printed, without the space around it."""
    outputs = [output for cell in notebook.cells if cell.id == cell_id for output in cell.outputs]
    return "".join(output.get("text", "") for output in outputs).strip()


def shown(cell) -> str:
    """All text of a code cell's outputs."""
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text", ""))
        texts += [text for kind, text in output.get("data", {}).items() if kind in ("text/plain", "text/html")]
    return " " + re.sub(r"<[^>]*>", " ", " ".join(map(str, texts)))


def numbers(text: str) -> list[str]:
    """The numbers of a text, as it writes them; those of its code, links, titles and tables are left out."""
    return NUMBER.findall(NOT_PROSE.sub(" ", text))


def values(cell) -> set[float]:
    """All numbers in a code cell and its outputs."""
    return {float(number.replace(",", "")) for number in NUMBER.findall(cell.source + shown(cell))}


def rounds_to(number: str, known: set[float]) -> bool:
    """Whether one of the known values is this number, to the digits that it has."""
    digits, wanted = len(number.partition(".")[2]), float(number.replace(",", ""))
    return any(abs(round(value, digits) - wanted) < 10.0**-digits / 2 for value in known)


def trouble(notebook) -> list[str]:
    """What a reader would trip over in the outputs: errors and anything on stderr."""
    lines = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                lines.append(f"{cell.id}: {output.ename}: {output.evalue}")
            elif output.output_type == "stream" and output.name == "stderr":
                lines.append(f"{cell.id}: stderr: {output.text[:300]}")
    return lines


def run_on_nano(path: Path, folder: Path, **changed) -> nbformat.NotebookNode:
    """The notebook as papermill leaves it in a folder of its own, with nano parameters and those changed.

    There is no checkpoint of another run to resume from, and nothing is left in the repository.
    """
    parameters = nano_parameters(read(path)) | changed
    place = str(folder / path.name)
    return papermill.execute_notebook(
        str(path), place, parameters, cwd=folder, progress_bar=False, kernel_name="python3"
    )


# Minutes for one thing of its kind, for a reader who knows Python and has never trained a model.
WORDS_A_MINUTE = 130  # of technical prose in a second language
MINUTES = {"code": 0.5, "predict": 1, "exercise": 4, "widget": 3, "question": 1, "🐢": 4, "🐕": 8, "🦁": 20}


def work_minutes(notebook, questions: int) -> int:
    """How long a notebook takes to work through, to the next ten: by its words, cells, things to do and quiz."""
    prose = " ".join(cell.source for cell in markdown_cells(notebook))
    code = [cell for cell in code_cells(notebook) if "hide-input" not in cell.metadata.get("tags", [])]
    predictions = sum(cell.source.count(".reveal(") for cell in code_cells(notebook))
    exercises = sum("exercise" in cell.metadata.get("tags", []) for cell in code) - 3  # the last three have levels
    widgets = sum(
        any(
            room in cell.source
            for room in ("explore.", "live.", "compare.", "run_logs.", "label_budget.", "home.acting")
        )
        for cell in code
    )
    minutes = len(prose.split()) / WORDS_A_MINUTE + MINUTES["code"] * len(code)
    minutes += MINUTES["predict"] * predictions + MINUTES["exercise"] * max(exercises, 0) + MINUTES["widget"] * widgets
    minutes += MINUTES["question"] * questions + sum(MINUTES[level] for level in "🐢🐕🦁")
    return 10 * round((minutes + notebook.metadata["course"]["minutes"]) / 10)
