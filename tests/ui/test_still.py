"""Stills say what a widget says, for pages where no kernel keeps it alive."""

import base64
import html
import io
import re

import ipywidgets as w
import nbformat
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient
from PIL import Image

from helpers.training import run_log
from helpers.ui import figures, predict, quiz, run_logs, still
from lessons import ROOT
from tools import course

PICTURE = re.compile(r'src="data:image/webp;base64,([^"]+)"')


def words(text: str) -> str:
    """What a reader can read of some HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_prediction_shows_its_question_and_options():
    prediction = predict.choose("Is 1 < 2?", ["yes", "no, <never>"])
    assert words(still.still(prediction)) == f"Predict. Is 1 < 2? ○ yes ○ no, <never> {still.NOTE}"
    prediction.control.value = "yes"
    assert "● yes ○ no" in words(still.still(prediction))


def test_a_quiz_shows_every_question_with_all_its_options():
    shown = words(still.still(quiz.show("05")))
    for question in quiz.questions("05"):
        assert question["question"] in shown
        assert all(f"○ {option['text']}" in shown for option in question["options"])


def test_an_explorer_shows_choices_picture_and_result():
    shown = still.still(run_logs.compare_runs({"overfit": run_log.recorded("overfit")}))
    assert "runs: overfit mean of lines: 1 logarithmic loss: ☐" in words(shown)
    assert "overfit: overfitting" in words(shown)
    (picture,) = PICTURE.findall(shown)
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.width == still.WIDTH and len(image.convert("RGB").getcolors(1 << 20)) > 10  # something is drawn


def test_what_a_widget_hides_and_an_empty_picture_are_left_out():
    hidden = w.HTML("secret", layout=w.Layout(display="none"))
    shown = still.still(w.VBox([hidden, w.Image(format="png"), w.HTML("seen")]))
    assert words(shown) == f"seen {still.NOTE}" and "<img" not in shown


def test_a_small_picture_stays_its_size():
    fig = Figure(figsize=(2, 1), dpi=100)
    fig.subplots().plot([1, 2])
    (picture,) = PICTURE.findall(still.still(w.Image(value=figures.png(fig))))
    assert Image.open(io.BytesIO(base64.b64decode(picture))).width < still.WIDTH


CONTROLS = {
    "rate: 0.004": w.FloatLogSlider(value=4e-3, min=-5, max=0, description="rate"),
    "scheduler: <linear>": w.Dropdown(options=["<linear>"], description="scheduler"),
    "Type here": w.Text(placeholder="Type here"),
    "[Run]": w.Button(description="Run"),
    "done: ☑": w.Checkbox(value=True, description="done"),
}


@pytest.mark.parametrize("expected", CONTROLS)
def test_a_control_shows_its_name_and_value(expected):
    assert words(still.still(CONTROLS[expected])) == f"{expected} {still.NOTE}"


def run(source: str) -> list:
    """The outputs of a notebook's cell in a fresh kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    options = dict(kernel_name="python3", store_widget_state=False, extra_arguments=course.QUIET)
    NotebookClient(notebook, timeout=120, **options).execute(cwd=str(ROOT))
    return notebook.cells[0].outputs


def test_in_a_notebook_every_widget_comes_with_its_still():
    (output,) = run("import ipywidgets as w\nfrom helpers.ui import predict\nw.VBox([predict.choose('Which?', ['a'])])")
    assert set(output.data) == {still.VIEW, "text/html", "text/plain"}
    assert words(output.data["text/html"]) == f"Predict. Which? ○ a {still.NOTE}"
    assert set(still.without_views(output.data)) == {"text/html", "text/plain"}


@pytest.mark.slow
def test_the_still_of_a_run_is_of_its_end():
    (output,) = run(
        "from helpers import setup\nfrom helpers.dataset import commands\nfrom helpers.training import nano_run\n"
        "from helpers.ui import live\nsetup()\n"
        "rows = commands.load()['train'].select(range(16))\n"
        "trainer = nano_run.nano_trainer(rows, max_steps=2, logging_steps=1)\n"
        "picture = live.LivePicture()\npicture.instead_of_printing(trainer)\n_ = trainer.train()"
    )
    assert "step 2 of 2 · done" in words(output.data["text/html"]) and PICTURE.search(output.data["text/html"])


def test_the_tests_of_stored_outputs_pass_over_what_a_still_shows():
    config = (ROOT / "tests" / "notebooks" / "nbval.cfg").read_text("utf-8")
    (found,) = re.findall(r"(?m)^regex: (.*)$\n^replace: (.*)$", config)
    shown = [still.still(w.VBox([w.HTML(f"<div>{text}</div>")])) for text in ("one", "two")]
    assert len({re.sub(*found, text) for text in shown}) == 1 and shown[0] != shown[1]
