"""JupyterLab as `make setup` leaves it greets nobody with a question, and neither page nor server asks for news."""

import nbformat
import pytest
from nbformat import v4

from tests import connections
from tests.browser import lab

pytestmark = pytest.mark.slow


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """An address in a JupyterLab whose server is guarded, and whose user has chosen no settings."""
    for name, value in connections.guarded(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lab, "SETTINGS", {})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    one = v4.new_notebook(cells=[v4.new_code_cell("1")], metadata={"kernelspec": kernel})
    nbformat.write(one, tmp_path / "one.ipynb")
    (tmp_path / "settings").mkdir()
    with lab.served(tmp_path, tmp_path / "settings") as address:
        yield address("one.ipynb")


def test_no_question_about_news_and_nobody_else_is_asked(browser, watched, tmp_path):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(watched)
    lab.run_all_cells(page, 1)
    page.wait_for_timeout(3_000)  # it would ask once the page is there
    assert not page.locator(".jp-toast, .Toastify__toast, .jp-Dialog").all_inner_texts()
    here = watched.split("/lab/")[0]
    own = (here, here.replace("http", "ws", 1), "data:", "blob:")
    assert asked and [url for url in asked if not url.startswith(own)] == []
    assert not [url for url in asked if "/lab/api/news" in url or "/lab/api/update" in url], "call make setup"
    assert connections.asked_for(tmp_path) == []
    page.close()
