"""Nothing phones home: a reader's run of these notebooks asks for no other machine and leaves no telemetry's id.

The environment is a reader's: a home of its own, none of the variables that silence a library, and a proxy, which must
not be asked for this machine's own addresses. Notebook 10 exports with ONNX Runtime, runs a GGUF, serves and tracks.
"""

import json
import os
import subprocess
import sys

import pytest

import lessons
from helpers import cache
from tests import connections

RUN = (
    "import json, papermill, sys\n"
    "path, to, folder, parameters = sys.argv[1:]\n"
    "quiet = dict(progress_bar=False, kernel_name='python3')\n"
    "papermill.execute_notebook(path, to, json.loads(parameters), cwd=folder, **quiet)"
)
PROXY = "http://192.0.2.1:3128"  # an address that is nobody's (RFC 5737)
SILENCERS = ("CI", "GITHUB_ACTIONS", "DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY", "NO_PROXY", "HF_HUB")


@pytest.fixture
def reader(tmp_path):
    """The environment of a reader whose Python processes are guarded; its home is `tmp_path`."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith(SILENCERS)}
    homes = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "SFT_COURSE_CACHE": str(cache.folder())}
    return ours | homes | {"http_proxy": PROXY, "https_proxy": PROXY} | connections.guarded(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00", "05", "10"])
def test_a_notebook_asks_for_no_other_machine(name, tmp_path, reader):
    path = next(path for path in lessons.LESSONS if path.name.startswith(name))
    parameters = lessons.nano_parameters(lessons.read(path))
    command = [sys.executable, "-c", RUN, str(path), str(tmp_path / path.name), str(tmp_path), json.dumps(parameters)]
    options = dict(env=reader, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if connections.can_isolate():
        done, without_route = connections.isolated(command, tmp_path / "counts", **options)
    else:
        done, without_route = subprocess.run(command, **options), 0
    assert connections.asked_for(tmp_path) == []
    assert without_route == 0, "code that is not Python asked for another machine"
    assert done.returncode == 0, done.stderr[-2000:]
    assert lessons.printed(lessons.read(tmp_path / path.name), "key-figures")
    assert not list(tmp_path.rglob("deviceid"))


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import urllib.request as u; u.urlopen('http://192.0.2.9')",
    ],
    ids=["a name", "an address"],
)
def test_the_guard_sees_who_asks_in_a_process_of_a_process(code, tmp_path, reader):
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], timeout=5)"
    subprocess.run([sys.executable, "-c", parent], env=reader, capture_output=True)
    assert connections.asked_for(tmp_path)


def test_a_connection_to_this_machine_is_nobody_s_business(tmp_path, reader):
    code = (
        "import socket; there = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(('localhost', there.getsockname()[1])); print('connected')"
    )
    done = subprocess.run([sys.executable, "-c", code], env=reader, capture_output=True, text=True)
    assert done.stdout == "connected\n" and connections.asked_for(tmp_path) == []


@pytest.mark.skipif(not connections.can_isolate(), reason="this machine allows no network namespaces")
def test_a_namespace_counts_what_no_guard_sees(tmp_path):
    unguarded = [sys.executable, "-I", "-c"]
    asks = "import socket; socket.socket().connect_ex(('192.0.2.9', 80)); socket.socket().connect_ex(('127.0.0.1', 9))"
    assert connections.isolated([*unguarded, asks], tmp_path / "one")[1] == 1
    assert connections.isolated([*unguarded, "pass"], tmp_path / "none")[1] == 0
