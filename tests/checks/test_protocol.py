"""What every check does alike: None is answered in one place, and the verdict is stored as data."""

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter
from nbclient import NotebookClient

from helpers.checks import protocol
from helpers.checks.protocol import check, not_yet, right


@check
def even(answer: int, below: int) -> protocol.Verdict:
    if answer >= below:
        return not_yet(f"{answer} is too large.")
    return right("even.") if answer % 2 == 0 else not_yet("odd.")


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried yet: replace None with your answer and run the cell again.\n"),
        ({"one": None, "two": None}, "Not tried yet: replace None with your answer and run the cell again.\n"),
        (2, "Right: even.\n"),
        (3, "Not yet: odd.\n"),
        (9, "Not yet: 9 is too large.\n"),
        (0, "Right: even.\n"),  # an answer, though it is false
    ],
)
def test_the_verdict_is_one_line(answer, says, capsys):
    assert even(answer, below=8) is None
    assert capsys.readouterr().out == says


def test_an_answer_of_lists_reaches_its_check(capsys):
    @check
    def rows(answer: dict) -> protocol.Verdict:
        return right(f"{len(answer['a'])} rows.")

    rows({"a": [{"text": "one"}], "b": None})
    assert capsys.readouterr().out == "Right: 1 rows.\n"


def test_the_verdict_is_data_for_those_who_collect_notebooks():
    shown = protocol._Shown("evaluate/sample_size", right("683 commands."))
    bundle, _ = DisplayFormatter().format(shown)
    assert bundle["text/plain"] == "Right: 683 commands."
    stored = {"exercise": "evaluate/sample_size", "right": True, "message": "Right: 683 commands."}
    assert bundle[protocol.MIME] == stored


def test_the_data_is_stored_in_the_output_of_the_cell():
    source = "from helpers.checks import evaluate as check\ncheck.sample_size(None, share=0.8, margin=0.03)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.data[protocol.MIME]["exercise"] == "evaluate/sample_size"
    assert output.data[protocol.MIME]["right"] is False
    assert output.data["text/plain"] == protocol.UNTRIED
