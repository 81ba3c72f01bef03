"""A JupyterLab of the tests' own, and what can be asked of a notebook that is open in it."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

import lessons

SETTINGS = {
    # All cells in the page at once; by default JupyterLab draws those in view.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@contextlib.contextmanager
def served(folder: Path, settings: Path) -> Iterator[Callable[[str], str]]:
    """Inside the block, a JupyterLab serves `folder`; gives a function from a file's name to its address."""
    for plugin, values in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
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
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    # Should the port be taken by now, it must fail: on another port nobody would look for it.
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    with (settings / "log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/api?token={token}", server, settings / "log")
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}&reset"
    finally:
        server.terminate()
        server.wait(30)


def wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    """Return once the server answers; fails the test if it ends, or has not answered after a minute."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy knows nothing of this machine
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            return direct.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.25)
    return pytest.fail(f"JupyterLab did not start: {log.read_text(encoding='utf-8')[-1000:]}")


def wait(page, condition: str, seconds: int = 60, stop: str = "false") -> None:
    """Wait until `condition` (or `stop`) holds in JupyterLab, where `widget` is the notebook that is open."""
    script = (
        "() => { const widget = window.jupyterapp?.shell.currentWidget; "
        f"return Boolean(widget?.sessionContext && (({condition}) || ({stop}))); }}"
    )
    page.wait_for_function(script, timeout=seconds * 1000)


def run_all_cells(page, n_code: int) -> None:
    """Run every cell of the open notebook; returns when all `n_code` have run and the kernel is idle, or one failed."""
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    wait(page, "widget.sessionContext.session?.kernel?.status === 'idle'")
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait(
        page,
        "widget.content.model.toJSON().cells.filter(c => c.execution_count).length === "
        f"{n_code} && widget.sessionContext.session.kernel.status === 'idle'",
        seconds=400,
        stop="widget.content.model.toJSON().cells.some(c => (c.outputs || []).some(o => o.ename))",
    )


def notebook(page) -> nbformat.NotebookNode:
    """The open notebook with the outputs it has now."""
    return nbformat.from_dict(page.evaluate("window.jupyterapp.shell.currentWidget.content.model.toJSON()"))


def assert_clean(page) -> None:
    """No error and no stderr in any cell's output, neither in the file's model nor as a widget drew it."""
    trouble = lessons.trouble(notebook(page))
    assert not trouble, trouble
    red = page.locator("[data-mime-type$='jupyter.stderr'], [data-mime-type$='jupyter.error']")
    assert not red.all_inner_texts(), red.all_inner_texts()
    assert not page.get_by_text("Error displaying widget").count(), "a widget is not displayed"
