"""A cache folder is complete or absent: after a race, a kill, a failure and on a full disk."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from helpers import cache
from helpers.errors import CourseError


def python(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def entries(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


BUILD_SLOWLY = """
    import pathlib, sys, time
    from helpers import cache
    def build(folder):
        (folder / "a").write_text("half")
        print("building", flush=True)
        time.sleep(float(sys.argv[2]))
        (folder / "a").write_text("whole")
    cache.publish(pathlib.Path(sys.argv[1]), build)
"""


def test_the_variable_moves_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path / "there"))
    assert cache.folder() == tmp_path / "there"
    monkeypatch.delenv("SFT_COURSE_CACHE")
    assert cache.folder().name == "sft-course"


def test_builds_once_and_keeps_files_in_subfolders(tmp_path):
    def build(folder):
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("content")

    target = tmp_path / "new" / "target"
    assert cache.publish(target, build) == target
    assert (target / "sub" / "file").read_text() == "content"
    assert cache.publish(target, lambda folder: pytest.fail("built twice")) == target
    assert entries(target.parent) == ["target"]


def test_a_failed_build_leaves_nothing_and_keeps_its_error(tmp_path):
    def build(folder):
        (folder / "half").write_text("x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache.publish(tmp_path / "target", build)
    assert entries(tmp_path) == []


def test_two_processes_build_once(tmp_path):
    both = [python(BUILD_SLOWLY, tmp_path / "target", 1) for _ in range(2)]
    stdout = [process.communicate()[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(stdout) == ["", "building"]
    assert (tmp_path / "target" / "a").read_text() == "whole"


def test_a_killed_build_is_cleared_away_and_done_again(tmp_path):
    process = python(BUILD_SLOWLY, tmp_path / "target", 60)
    process.stdout.readline()  # it has begun
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [name.startswith(".target.tmp-") for name in entries(tmp_path)] == [True]
    began = time.monotonic()
    cache.publish(tmp_path / "target", lambda folder: (folder / "a").write_text("whole"))
    assert time.monotonic() - began < 30, "waited for the lock of a dead process"
    assert entries(tmp_path) == ["target"]


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CourseError, match=r"Could not write .*target.*MB free.*SFT_COURSE_CACHE"):
        cache.publish(tmp_path / "file" / "target", lambda folder: None)


def test_too_little_room_is_said_before_the_work(tmp_path):
    cache.require_free(tmp_path / "not" / "there", 1, "a byte")
    with pytest.raises(CourseError, match=r"no room for the moon .*1,000,000,000,000 MB.*SFT_COURSE_CACHE"):
        cache.require_free(tmp_path / "not" / "there", 10**18, "the moon")


WRITERS = {
    "python": 'open(folder / "file", "wb").write(bytes(2**20))',
    "torch": 'import torch; torch.save(torch.zeros(2**18), folder / "file")',
    "safetensors": (
        'import torch, safetensors.torch\n    safetensors.torch.save_file({"w": torch.zeros(2**18)}, folder / "file")'
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_write_that_fails_halfway_leaves_nothing(writer, tmp_path):
    # A limit on the size of a file makes the kernel refuse the write halfway, as a full disk does.
    resource = pytest.importorskip("resource", reason="limits are Unix's")
    del resource
    process = python(
        f"""
import pathlib, resource, sys
from helpers import cache
from helpers.errors import CourseError
def build(folder):
    {WRITERS[writer]}
resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))
try:
    cache.publish(pathlib.Path(sys.argv[1]), build)
except CourseError as error:
    print(error)
""",
        tmp_path / "target",
    )
    stdout = process.communicate()[0]
    assert stdout.startswith("Could not write") and "MB free" in stdout and stdout.count("\n") == 1
    assert entries(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root can mount a small disk; the test above limits the size of files instead")
    try:
        with pytest.raises(CourseError, match=r"No space left on device; \d MB free"):
            cache.publish(disk / "target", lambda folder: (folder / "file").write_bytes(os.urandom(2**20)))
        assert entries(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def shared():
    """A cache that everybody may enter and that the first user has filled."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cache.publish(Path(folder) / "complete", lambda aside: (aside / "file").write_text("content", "utf-8"))
        yield Path(folder)


@pytest.fixture
def another_user(shared):
    """From here on this process is somebody who may read `shared` and not write it."""
    if not hasattr(os, "geteuid"):
        pytest.skip("users and modes are Unix's")
    if os.geteuid() == 0:
        os.seteuid(65534)  # nobody
        yield
        os.seteuid(0)
    else:
        shared.chmod(0o555)
        yield
        shared.chmod(0o755)


def test_a_complete_cache_that_is_read_only_serves_another_user(shared, another_user):
    target = cache.publish(shared / "complete", lambda aside: pytest.fail("built again"))
    assert (target / "file").read_text("utf-8") == "content"


def test_an_unwritable_cache_of_another_user_is_said_in_one_sentence(shared, another_user):
    with pytest.raises(CourseError, match=r"Could not write .*missing \(Permission denied.*set SFT_COURSE_CACHE"):
        cache.publish(shared / "missing", lambda aside: None)


def test_a_cache_that_may_not_even_be_entered_is_said_in_one_sentence(shared, another_user):
    if os.geteuid() != 65534:
        pytest.skip("a folder of one's own can be entered")
    private = shared / "private"
    os.seteuid(0)
    private.mkdir(mode=0o700)
    os.seteuid(65534)
    with pytest.raises(CourseError, match=r"You may not read .*target \(Permission denied\).*set SFT_COURSE_CACHE"):
        cache.publish(private / "target", lambda aside: None)
