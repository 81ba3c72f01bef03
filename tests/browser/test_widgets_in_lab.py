"""Widgets as a reader meets them: JupyterLab in a real browser, every cell run, then typing and clicking."""

import io
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from PIL import Image
from playwright.sync_api import expect, sync_playwright

import lessons

pytestmark = pytest.mark.slow
INSTALL = "No Chromium found: install it (Debian, Ubuntu: apt-get install chromium), or set CHROMIUM to its path."
SETTINGS = {
    # All cells in the page at once; by default JupyterLab draws those in view.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def lesson(number: str) -> list[Path]:
    """The lesson of that number, in a list; empty while nobody has written it."""
    return [path for path in lessons.LESSONS if path.name.startswith(f"{number}_")]


def find_chromium() -> str:
    """The browser to drive; the test fails without one, since a skipped test would look like a passed one."""
    chosen = os.environ.get("CHROMIUM")
    candidates = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    found = next((path for path in map(shutil.which, candidates) if path), None)
    return found or pytest.fail(INSTALL, pytrace=False)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        # Containers of CI lack what Chromium's sandbox needs; it opens nothing but this machine's JupyterLab.
        launched = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a folder of its own: the folder, and a function from a file name to its address."""
    folder, settings = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("settings")
    for plugin, values in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    own = {
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces"),
        "JUPYTER_TOKEN": token,
        "HF_HUB_OFFLINE": "1",
    }
    with (settings / "log").open("w+") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
            + [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"],
            env=os.environ | own,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_up(f"http://127.0.0.1:{port}/api?token={token}", server, settings / "log")
            yield folder, lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}&reset"
        finally:
            server.terminate()
            server.wait(30)


def wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    return pytest.fail(f"JupyterLab did not start: {log.read_text()[-1000:]}")


@pytest.fixture
def opened(browser, lab):
    """A function that opens a lesson with its nano parameters, runs all its cells, and gives the page."""
    folder, address = lab
    page = browser.new_page(viewport={"width": 1200, "height": 1400})

    def open_and_run(path: Path):
        short = parameterize_notebook(load_notebook_node(str(path)), lessons.nano_parameters(lessons.read(path)))
        for cell in lessons.code_cells(short):
            cell.outputs, cell.execution_count = [], None  # so that what is found was drawn just now
        nbformat.write(short, folder / path.name)
        page.goto(address(path.name))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        in_lab(page, "widget.sessionContext.session?.kernel?.status === 'idle'")
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        n_code = len([cell for cell in lessons.code_cells(short) if cell.source.strip()])
        in_lab(
            page,
            "widget.content.model.toJSON().cells.filter(c => c.execution_count).length === "
            f"{n_code} && widget.sessionContext.session.kernel.status === 'idle'",
            seconds=300,
            stop="widget.content.model.toJSON().cells.some(c => (c.outputs || []).some(o => o.ename))",
        )
        return page

    yield open_and_run
    page.close()


def in_lab(page, condition: str, seconds: int = 60, stop: str = "false") -> None:
    """Wait until `condition` (or `stop`) holds in JupyterLab, where `widget` is the notebook that is open."""
    script = (
        "() => { const widget = window.jupyterapp?.shell.currentWidget; "
        f"return Boolean(widget?.sessionContext && (({condition}) || ({stop}))); }}"
    )
    page.wait_for_function(script, timeout=seconds * 1000)


def assert_clean(page) -> None:
    """No error and no stderr in any cell's output, neither in the file's model nor as a widget drew it."""
    model = page.evaluate("window.jupyterapp.shell.currentWidget.content.model.toJSON()")
    assert lessons.trouble(nbformat.from_dict(model)) == []
    red = page.locator("[data-mime-type$='jupyter.stderr'], [data-mime-type$='jupyter.error']")
    assert red.all_inner_texts() == []
    assert page.get_by_text("Error displaying widget").count() == 0


def compared(page, command: str):
    """Types the command, presses Compare, and gives a function from a model's name to its row of the answers."""
    box = page.get_by_placeholder("Type a command").first
    box.scroll_into_view_if_needed()
    box.fill(command)
    box.press("Tab")  # leaving the box is what hands its text to the kernel
    page.get_by_role("button", name="Compare").first.click()
    result = page.locator(".widget-html").filter(has_text=command).first
    expect(result).to_be_visible(timeout=60_000)
    header = lambda model: page.get_by_role("rowheader", name=model, exact=True)
    return lambda model: result.get_by_role("row").filter(has=header(model))


@pytest.mark.parametrize("path", lesson("05"), ids=lessons.name)
def test_compare_box_shows_the_calls_before_and_after(path, opened):
    page = opened(path)
    assert_clean(page)
    command = "it's too dark in <b>the office</b>"  # shown as typed, or the page would swallow the tags
    row_of = compared(page, command)
    for model in ("before", "after"):
        row = row_of(model)
        expect(row).to_have_count(1)
        expect(row.get_by_role("cell").first).not_to_be_empty()
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("01"), ids=lessons.name)
def test_advisor_answers_a_changed_choice(path, opened):
    page = opened(path)
    assert_clean(page)
    choice = page.get_by_label("What users say").first
    choice.scroll_into_view_if_needed()
    table = page.locator(".widget-html table").filter(has_text="measure first").first
    for option, method in (("a few fixed phrases", "rules"), ("free speech", "SFT of all weights")):
        choice.select_option(option)
        expect(table.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text(method, timeout=20_000)
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("07"), ids=lessons.name)
def test_compare_box_shows_probabilities(path, opened):
    page = opened(path)
    assert_clean(page)
    row = compared(page, "who invented the bicycle")("fine-tuned")
    expect(row.get_by_role("cell").nth(1)).to_contain_text("%")
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("02"), ids=lessons.name)
def test_playground_recolours_the_tokens(path, opened):
    page = opened(path)
    assert_clean(page)
    result = page.locator(".widget-html").filter(has_text="in the loss:").first
    page.get_by_label("loss", exact=True).first.select_option("padding = EOS, hidden by id")
    expect(result).to_contain_text("would not learn to stop", timeout=20_000)
    page.get_by_label("template", exact=True).first.select_option("Llama 3")
    expect(result).to_contain_text("<|eot_id|>", timeout=20_000)
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("04"), ids=lessons.name)
def test_packing_explorer_redraws(path, opened):
    page = opened(path)
    assert_clean(page)
    result = page.locator(".widget-html").filter(has_text="tokens lost").first
    lost = lambda: result.get_by_role("row").filter(has_text="tokens lost").get_by_role("cell")
    page.get_by_label("strategy", exact=True).first.select_option("wrapped")
    expect(lost()).to_have_text("0", timeout=20_000)
    page.get_by_label("strategy", exact=True).first.select_option("bfd")
    expect(lost()).not_to_have_text("0", timeout=20_000)
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("03"), ids=lessons.name)
def test_experiment_trains_stops_and_keeps_its_runs(path, opened):
    page = opened(path)
    assert_clean(page)
    run, stop = (page.get_by_role("button", name=name, exact=True).first for name in ("Run", "Stop"))
    run.scroll_into_view_if_needed()
    run.click()
    ended = re.compile(r"run 1: (done|ended by the limit of 8 s,) after \d+ updates")  # which, the machine decides
    expect(page.get_by_text(ended)).to_be_visible(timeout=60_000)
    run.click()
    expect(page.get_by_text("run 2: update")).to_be_visible(timeout=30_000)
    stop.click()
    expect(page.get_by_text("run 2: stopped after")).to_be_visible(timeout=10_000)
    expect(page.locator(".widget-html table").filter(has_text="updates done").get_by_role("row")).to_have_count(3)
    result = page.locator(".widget-html").filter(has_text="warm-up updates").first
    page.get_by_label("scheduler", exact=True).first.select_option("linear")
    expect(result).to_be_visible()
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("06"), ids=lessons.name)
def test_game_and_explorer_answer(path, opened):
    page = opened(path)
    assert_clean(page)
    page.get_by_label("runs", exact=True).first.select_option(["healthy_0", "overfit"])
    expect(page.get_by_text("overfit: overfitting")).to_be_visible(timeout=20_000)
    choice = page.get_by_label("It is", exact=True).first
    choice.scroll_into_view_if_needed()
    choice.select_option("overfitting")
    page.get_by_role("button", name="Answer", exact=True).first.click()
    expect(page.get_by_text("of 1 right")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("the rules say:")).to_be_visible()
    page.get_by_role("button", name="Next run", exact=True).first.click()
    expect(choice).to_have_value("choose", timeout=20_000)
    assert_clean(page)


@pytest.mark.parametrize("path", lesson("08"), ids=lessons.name)
def test_planner_says_what_fits_and_the_run_has_a_page(path, opened, lab, browser):
    page = opened(path)
    assert_clean(page)
    result = page.locator(".widget-html").filter(has_text="accelerate launch").first
    choice = lambda label: page.get_by_label(label, exact=True).first
    choice("model").scroll_into_view_if_needed()
    choice("model").select_option("Qwen/Qwen2.5-7B")
    expect(result).to_contain_text("no", timeout=20_000)
    choice("train").select_option("QLoRA")
    expect(result).to_contain_text("--load_in_4bit", timeout=20_000)
    expect(result.get_by_role("row").filter(has_text="fits").get_by_role("cell")).to_have_text("yes")
    assert_clean(page)
    # What the notebook's first job reported, on trackio's own page.
    show = "import trackio; print(trackio.show(open_browser=False, block_thread=False)[1]); input()"
    kept = os.environ | {"TRACKIO_DIR": str(lab[0] / "outputs" / "08" / "job" / "tracking"), "HF_HUB_OFFLINE": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen([sys.executable, "-u", "-c", show], env=kept, **pipes)
    try:
        address = next(line.strip() for line in server.stdout if line.startswith("http"))
        tracked = browser.new_page()
        tracked.goto(address)
        for text in ("by-trl", "mean_token_accuracy"):
            expect(tracked.get_by_text(text).first).to_be_visible(timeout=60_000)
        curve = tracked.locator("canvas, svg.main-svg, .vega-embed").first
        expect(curve).to_be_visible(timeout=60_000)
        colors = Image.open(io.BytesIO(curve.screenshot())).convert("RGB").getcolors(1 << 20)
        assert len(colors) > 10  # something is drawn
        tracked.close()
    finally:
        server.communicate("\n", timeout=30)


def test_a_missing_browser_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "there-is-no-such-browser")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        find_chromium()
