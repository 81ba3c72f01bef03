"""The slides as a class sees them: a page in a real browser without a network, from the first slide to the last."""

import io
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

import lessons
from tests.browser import lab
from tools import slides

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder with a page of each lesson."""
    folder = tmp_path_factory.mktemp("slides")
    for path in lessons.LESSONS:
        slides.write(path, folder, slides.reveal())
    return folder


@pytest.fixture
def show(browser, pages):
    """A function that opens a lesson's page as a machine without a network does, and gives it."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page, fetched, errors = context.new_page(), [], []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))

    def open_page(path):
        page.goto((pages / f"{path.stem}.html").as_uri())
        page.wait_for_function("Reveal.isReady()")
        return page

    yield open_page
    outside = [url for url in fetched if not url.startswith(("file:", "data:"))]
    assert not outside and not errors, (outside, errors)
    context.close()


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_every_slide_is_reached_and_few_have_to_scroll(path, show):
    page, scrolling = show(path), []
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    total = page.evaluate("Reveal.getTotalSlides()")
    for _ in range(3 * total):  # fragments take a key each
        if page.evaluate("Reveal.getSlidePastCount() + 1") == total:
            break
        page.keyboard.press("Space")
        if page.evaluate("Reveal.getCurrentSlide().scrollHeight > Reveal.getCurrentSlide().clientHeight + 1"):
            scrolling.append(page.evaluate("Reveal.getIndices().h + '.' + Reveal.getIndices().v"))
    expect(page.get_by_role("heading", name="Summary", exact=True)).to_be_visible()
    assert len(set(scrolling)) <= 0.1 * total, scrolling


def test_figures_are_drawn_and_n_shows_the_notes(show):
    page = show(next(path for path in lessons.LESSONS if path.name.startswith("06")))
    figure = page.locator("section", has=page.locator("img")).last
    h, v = figure.evaluate("slide => [Reveal.getIndices(slide).h, Reveal.getIndices(slide).v]")
    page.evaluate(f"Reveal.slide({h}, {v})")
    picture = figure.locator("img").first
    expect(picture).to_be_visible()
    colors = Image.open(io.BytesIO(picture.screenshot())).convert("RGB").getcolors(1 << 20)
    assert len(colors) > 10
    page.evaluate("Reveal.slide(0, 0)")
    notes = page.locator(".speaker-notes")
    expect(notes).not_to_be_visible()
    page.keyboard.press("n")
    expect(notes).to_be_visible()
    expect(notes).to_contain_text("machine time")


@pytest.fixture(scope="module")
def jupyter_with_decks(tmp_path_factory):
    """Like the fixture jupyter, of a JupyterLab with what teaching/requirements.txt adds."""
    added, folder, settings = (tmp_path_factory.mktemp(name) for name in ("added", "lab", "settings"))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--target", str(added)]
    subprocess.run([*pip, "--requirement", str(lessons.ROOT / "teaching" / "requirements.txt")], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(added / "share" / "jupyter"))
        with lab.served(folder, settings) as address:
            yield SimpleNamespace(folder=folder, address=address)


def test_jupyterlab_shows_cell_after_cell_and_a_widget_answers_meanwhile(browser, jupyter_with_decks):
    heading = nbformat.v4.new_markdown_cell("## A heading", id="why")
    explorer = nbformat.v4.new_code_cell("from helpers.ui import explore\nexplore.schedules(1200)", id="explorer")
    for cell, kind in ((heading, "slide"), (explorer, "subslide")):
        cell.metadata["slideshow"] = {"slide_type": kind}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=[heading, explorer], metadata=kernel)
    nbformat.write(notebook, jupyter_with_decks.folder / "deck.ipynb")
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto(jupyter_with_decks.address("deck.ipynb"))
    lab.run_all_cells(page, 1)
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    page.evaluate("void window.jupyterapp.commands.execute('deck:start')")
    heading, result = page.get_by_role("heading", name="A heading"), page.locator(".widget-html").first
    expect(heading).to_be_visible()
    expect(result).not_to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(result).to_be_visible()
    expect(heading).not_to_be_visible()
    before = result.inner_text()
    page.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    expect(result).not_to_have_text(before, use_inner_text=True)
    page.close()
