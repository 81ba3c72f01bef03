"""Every lesson as a reader meets it: JupyterLab in a real browser, every cell run on nano, then typing and clicking."""

import io
import os
import re
import subprocess
import sys

import pytest
from PIL import Image
from playwright.sync_api import expect

import lessons
from helpers.ui import quiz
from tests.browser import lab

pytestmark = pytest.mark.slow
SOON = 20_000  # ms, for the kernel to answer while another lesson runs beside this one


def label(page, text):
    """The first control that is labelled exactly so."""
    return page.get_by_label(text, exact=True).first


def button(page, text):
    """The first button that is labelled exactly so."""
    return page.get_by_role("button", name=text, exact=True).first


def html_with(page, text):
    """The first HTML widget that holds the text."""
    return page.locator(".widget-html").filter(has_text=text).first


def compared(page, command: str, press: str = "Compare"):
    """Types the command, presses the button, and gives a function from a model's name to its row of the answers."""
    box = page.get_by_placeholder("Type a command").first
    box.scroll_into_view_if_needed()
    box.fill(command)
    box.press("Tab")  # leaving the box is what hands its text to the kernel
    button(page, press).click()
    # Other widgets may quote the command too: a prediction of notebook 07 asks about the same bicycle.
    result = page.locator(".widget-html").filter(has_text=command).filter(has=page.get_by_role("table")).first
    expect(result).to_be_visible(timeout=60_000)
    header = lambda model: page.get_by_role("rowheader", name=model, exact=True)
    return lambda model: result.get_by_role("row").filter(has=header(model))


def quiz_says_right_or_wrong(page, folder):
    questions = quiz.questions("01")
    wrong, right = (next(o for o in questions[0]["options"] if o["right"] is value) for value in (False, True))
    for option, verdict, count in ((wrong, "Not this one.", 0), (right, "Right.", 1)):
        label(page, option["text"]).check()
        expect(html_with(page, option["why"])).to_contain_text(verdict, timeout=SOON)
        expect(html_with(page, "right so far")).to_have_text(f"{count} of {len(questions)} right so far", timeout=SOON)


def playground_recolours_the_tokens(page, folder):
    result = html_with(page, "in the loss:")
    label(page, "loss").select_option("padding = EOS, hidden by id")
    expect(result).to_contain_text("would not learn to stop", timeout=SOON)
    label(page, "template").select_option("Llama 3")
    expect(result).to_contain_text("<|eot_id|>", timeout=SOON)


def experiment_trains_stops_and_keeps_its_runs(page, folder):
    button(page, "Run").scroll_into_view_if_needed()
    button(page, "Run").click()
    ended = re.compile(r"run 1: (done|ended by the limit of 8 s,) after \d+ updates")  # which, the machine decides
    expect(page.get_by_text(ended)).to_be_visible(timeout=60_000)
    button(page, "Run").click()
    expect(page.get_by_text("run 2: update")).to_be_visible(timeout=30_000)
    button(page, "Stop").click()
    expect(page.get_by_text("run 2: stopped after")).to_be_visible(timeout=SOON)
    expect(page.locator(".widget-html table").filter(has_text="updates done").get_by_role("row")).to_have_count(3)
    label(page, "scheduler").select_option("linear")
    expect(html_with(page, "warm-up updates")).to_be_visible()


def packing_explorer_redraws(page, folder):
    result = html_with(page, "tokens lost")
    lost = lambda: result.get_by_role("row").filter(has_text="tokens lost").get_by_role("cell")
    label(page, "strategy").select_option("wrapped")
    expect(lost()).to_have_text("0", timeout=SOON)
    label(page, "strategy").select_option("bfd")
    expect(lost()).not_to_have_text("0", timeout=SOON)


def home_acts_on_the_calls_before_and_after(page, folder):
    typed = "it's too dark in <b>the office</b>"  # shown as typed, or the page would swallow the tags
    row_of = compared(page, typed, press="Tell the home")
    for model in ("before training", "after training"):
        expect(row_of(model)).to_have_count(1)
        for cell in row_of(model).get_by_role("cell").all():
            expect(cell).not_to_be_empty()
    home = page.locator(".widget-html").filter(has_text=typed).get_by_role("img").first
    assert home.evaluate("image => image.naturalWidth") > 500
    button(page, "Start again").click()
    expect(html_with(page, "You are in the living room")).to_be_visible(timeout=SOON)


def game_and_explorer_answer(page, folder):
    label(page, "runs").select_option(["healthy_0", "overfit"])
    expect(page.get_by_text("overfit: overfitting")).to_be_visible(timeout=SOON)
    choice = label(page, "It is")
    choice.scroll_into_view_if_needed()
    choice.select_option("overfitting")
    button(page, "Answer").click()
    expect(page.get_by_text("of 1 right")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("the rules say:")).to_be_visible()
    button(page, "Next run").click()
    expect(choice).to_have_value("choose", timeout=SOON)


def compare_box_shows_probabilities(page, folder):
    row = compared(page, "who invented the bicycle")("fine-tuned")
    expect(row.get_by_role("cell").nth(1)).to_contain_text("%")


def a_round_of_labels_is_trained_and_scored(page, folder):
    button(page, "Train").scroll_into_view_if_needed()
    button(page, "Train").click()
    expect(page.get_by_text("Write a guess between 0 and 100 first")).to_be_visible(timeout=SOON)
    guess = label(page, "guess of the mean (%)")
    guess.fill("30")
    guess.press("Tab")
    button(page, "Train").click()
    expect(page.get_by_text("and you guessed 30%")).to_be_visible(timeout=60_000)
    expect(page.locator(".widget-html table").filter(has_text="your guess (%)").get_by_role("row")).to_have_count(2)


def planner_says_what_fits(page, folder):
    result = html_with(page, "accelerate launch")
    label(page, "model").scroll_into_view_if_needed()
    label(page, "model").select_option("Qwen/Qwen2.5-7B")
    fits = result.get_by_role("row").filter(has_text="fits").get_by_role("cell")
    expect(fits).to_have_text("no", timeout=SOON)
    label(page, "train").select_option("QLoRA")
    expect(result).to_contain_text("--load_in_4bit", timeout=SOON)
    expect(fits).to_have_text("yes")


def tracked_run_has_a_page(page, folder):
    """What the notebook's job reported, on trackio's own page."""
    show = "import trackio; print(trackio.show(open_browser=False, block_thread=False)[1]); input()"
    environment = os.environ | {"TRACKIO_DIR": str(folder / "outputs/10/job/tracking"), "HF_HUB_OFFLINE": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen([sys.executable, "-u", "-c", show], env=environment, **pipes)
    try:
        address = next(line.strip() for line in server.stdout if line.startswith("http"))
        tracked = page.context.browser.new_page()
        tracked.goto(address)
        for text in ("trial-one", "mean_token_accuracy"):
            expect(tracked.get_by_text(text).first).to_be_visible(timeout=60_000)
        curve = tracked.locator("canvas, svg.main-svg, .vega-embed").first
        expect(curve).to_be_visible(timeout=60_000)
        colors = Image.open(io.BytesIO(curve.screenshot())).convert("RGB").getcolors(1 << 20)
        assert len(colors) > 10  # something is drawn
        tracked.close()
    finally:
        server.communicate("\n", timeout=30)


def report_is_a_page_of_its_own(page, folder):
    """The report opens without a server, fetches nothing and shows its pictures."""
    opened, requests = page.context.browser.new_page(), []
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto((folder / "outputs/11/report.html").as_uri())
    expect(opened.get_by_role("heading", name="Fine-tuning on commands.csv")).to_be_visible()
    expect(opened.get_by_role("heading", name="Limits")).to_be_visible()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    pictures = opened.get_by_role("img").all()
    assert len(pictures) == 2 and all(picture.evaluate("image => image.naturalWidth") > 100 for picture in pictures)
    opened.close()


# What a reader does in a lesson once it has run; a lesson without an entry is run and looked at.
WIDGETS = {
    "01": quiz_says_right_or_wrong,
    "02": playground_recolours_the_tokens,
    "03": experiment_trains_stops_and_keeps_its_runs,
    "04": packing_explorer_redraws,
    "05": home_acts_on_the_calls_before_and_after,
    "06": game_and_explorer_answer,
    "07": compare_box_shows_probabilities,
    "08": a_round_of_labels_is_trained_and_scored,
    "09": planner_says_what_fits,
    "10": tracked_run_has_a_page,
    "11": report_is_a_page_of_its_own,
}


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_a_lesson_runs_on_nano_and_its_widgets_answer(path, opened, jupyter):
    lessons.assert_parameters_exist(path)
    page = opened(path)
    lab.assert_clean(page)
    assert lessons.printed(lab.notebook(page), "key-figures")
    if use_widgets := WIDGETS.get(path.name[:2]):
        use_widgets(page, jupyter.folder)
        lab.assert_clean(page)
