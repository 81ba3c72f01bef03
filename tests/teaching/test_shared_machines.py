"""One environment and one cache, both read-only, serve every user of a machine: each has a copy of notebooks/ alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from helpers.dataset import build
from lessons import LESSONS, ROOT, assert_parameters_exist, nano_parameters, read, trouble

pytestmark = pytest.mark.slow
NOBODY = 65534
LESSON = next(path for path in LESSONS if path.name.startswith("05"))
# A Python inside somebody's home, as pyenv installs it, is closed to others. In a namespace of its own this command
# puts an open folder in the place of that home, with only the Python in it: $1 the home, $2 the Python, $3 a folder.
OPEN_PYTHON = (
    'mount --bind "$2" "$3" && mount -t tmpfs -o mode=755 none "$1" && mkdir -p "$2" && mount --bind "$3" "$2" '
    '&& shift 3 && exec "$@"'
)


def private_parent(path: Path) -> Path | None:
    """The first folder on the way to `path` that other users may not enter."""
    return next((part for part in reversed(path.parents) if not part.stat().st_mode & 0o001), None)


def as_nobody(call: list[str], scratch: Path) -> list[str]:
    """The same command as run by the user nobody; skips the test where that cannot be."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if not shutil.which("setpriv"):
        pytest.skip("this system has no setpriv to become another user with")
    call = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *call]
    base = Path(sys.base_prefix)
    closed = private_parent(base / "bin")
    if closed is None:
        return call
    mounted = scratch / "python"
    mounted.mkdir()
    call = ["unshare", "-m", "sh", "-c", OPEN_PYTHON, "sh", str(closed), str(base), str(mounted), *call]
    if subprocess.run([*call[: call.index("setpriv")], "true"], capture_output=True).returncode:
        pytest.skip(f"other users may not enter {closed}, where Python is, and no namespace can open it")
    return call


@pytest.fixture
def scratch():
    """A folder that others may enter; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_another_user_trains_notebook_05_from_a_read_only_cache(scratch):
    if closed := private_parent(ROOT / "helpers"):
        pytest.skip(f"the course lies in {closed}, which other users may not enter")
    python = as_nobody([sys.executable], scratch)
    home, cache = scratch / "home", scratch / "cache"
    shutil.copytree(ROOT / "notebooks", home / "notebooks")  # all that a student has
    built = build.folder("en", 0)
    shutil.copytree(built, cache / built.name)
    for folder in (cache, cache / built.name):
        folder.chmod(0o555)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)

    # papermill's own command, with its process and its kernel both the other user's
    assert_parameters_exist(LESSON)
    parameters = [part for name, value in nano_parameters(read(LESSON)).items() for part in ("-p", name, str(value))]
    call = [*python, "-m", "papermill", LESSON.name, "done.ipynb", "-k", "python3", *parameters]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "JUPYTER", "IPYTHON"))}
    own |= {"HOME": str(home), "USER": "nobody", "SFT_COURSE_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    before = sorted(path.name for path in cache.rglob("*"))
    done = subprocess.run(call, cwd=home / "notebooks", env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    finished = nbformat.read(home / "notebooks" / "done.ipynb", as_version=4)
    assert not trouble(finished), trouble(finished)
    assert (home / "notebooks" / "done.ipynb").stat().st_uid == NOBODY
    assert (home / "notebooks" / "outputs" / "05" / "model" / "config.json").exists()
    assert sorted(path.name for path in cache.rglob("*")) == before
