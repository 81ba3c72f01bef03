"""The browser, the JupyterLab and the open lesson of the browser tests; each worker has its own."""

import os
from types import SimpleNamespace

import nbformat
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import sync_playwright

import lessons
from helpers.errors import CourseError
from tests.browser import lab
from tools import chromium


@pytest.fixture(scope="module")
def browser():
    """A Chromium without windows; the tests fail without one, since a skipped test would look like a passed one."""
    try:
        path = chromium.find()
    except CourseError as error:
        pytest.fail(str(error), pytrace=False)
    if not path:
        pytest.fail("No Chromium found: .venv/bin/python -m tools.chromium brings one.", pytrace=False)
    sandbox = not (hasattr(os, "geteuid") and os.geteuid() == 0)  # as root, Chromium does not start with it
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, chromium_sandbox=sandbox)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A JupyterLab on a folder of its own: `folder`, and `address`, a function from a file's name."""
    folder, settings = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("settings")
    with lab.served(folder, settings) as address:
        yield SimpleNamespace(folder=folder, address=address)


@pytest.fixture
def opened(browser, jupyter):
    """A function that opens a lesson with its nano parameters, runs all its cells, and gives the page.

    It lies in a folder of that name, if one is named.
    """
    page = browser.new_page(viewport={"width": 1200, "height": 1400})

    def open_and_run(path, folder=""):
        place = f"{folder}/{path.name}" if folder else path.name
        (jupyter.folder / place).parent.mkdir(exist_ok=True)
        short = parameterize_notebook(load_notebook_node(str(path)), lessons.nano_parameters(lessons.read(path)))
        for cell in lessons.code_cells(short):
            cell.outputs, cell.execution_count = [], None  # so that what is read was drawn just now
        nbformat.write(short, jupyter.folder / place)
        page.goto(jupyter.address(place))
        lab.run_all_cells(page, len([cell for cell in lessons.code_cells(short) if cell.source.strip()]))
        return page

    yield open_and_run
    page.close()
