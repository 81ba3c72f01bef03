"""The slides as a class sees them: a page in a real browser without a network, from the first slide to the last."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

import lessons
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
    expect(page.locator("section.present h1")).to_be_visible()
    total = page.evaluate("Reveal.getTotalSlides()")
    for _ in range(3 * total):  # fragments take a key each
        if page.evaluate("Reveal.getSlidePastCount() + 1") == total:
            break
        page.keyboard.press("Space")
        if page.evaluate("Reveal.getCurrentSlide().scrollHeight > Reveal.getCurrentSlide().clientHeight + 1"):
            scrolling.append(page.evaluate("JSON.stringify(Reveal.getIndices())"))
    expect(page.locator("section.present").get_by_role("heading", name="Summary")).to_be_visible()
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
