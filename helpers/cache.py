"""Derived files that are either complete or absent: built aside under a lock, then renamed into place."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from helpers.errors import CourseError
from helpers.language import _

# How safetensors and torch word a failed write: they raise types of their own instead of OSError.
FAILED_WRITE = ("os error 27", "os error 28", "No space left", "File too large", "inline_container")
OTHER_DISK = "free some space, or set SFT_COURSE_CACHE to a folder on another disk"
OWN_FOLDER = "set SFT_COURSE_CACHE to a folder of your own"


def folder() -> Path:
    """The folder of everything this course derives: SFT_COURSE_CACHE, or one in the user's cache folder."""
    chosen = os.environ.get("SFT_COURSE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("sft-course")


def require_free(target: Path, n_bytes: int, what: str, remedy: str = OTHER_DISK) -> None:
    """Raise CourseError if the disk of `target`, which need not exist yet, has under `n_bytes` free."""
    if _free(target) < n_bytes:
        raise CourseError(
            f"There is no room for {what} in {target}, which takes {n_bytes / 1e6:,.0f} MB where "
            f"{_free(target) / 1e6:,.0f} MB are free: {remedy}."
        )


def publish(target: Path, build: Callable[[Path], None]) -> Path:
    """Return the folder `target`; the first caller's `build` fills an empty folder that then becomes it.

    Processes that ask for the same target meanwhile wait. A build that fails or is killed leaves no target,
    and the next call removes its remains. Every user of the machine may read the result, so one complete cache,
    read-only or not, serves them all. A failed write raises CourseError; other errors pass through.
    """
    if _exists(target):  # a target is complete by construction, so this needs no lock
        return target
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{target.name}.lock"):
            if not target.exists():  # another process may have built it while this one waited
                _build_aside(target, build)
    return target


def download(wheel: str, target: Path) -> Path:
    """The file of a wheel such as "name==1.0", brought by pip into the empty folder `target`, without what it needs."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(target), wheel]
    done = subprocess.run(pip, capture_output=True, text=True, errors="replace")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [_("no message")])[-1]
        remedy = "connect to the internet for this first run, or set PIP_FIND_LINKS to a folder with its wheel"
        raise CourseError(f"pip could not download {wheel} ({reason}): {remedy}.")
    return next(target.glob("*.whl"))


@contextlib.contextmanager
def writing(target: Path, remedy: str = ""):
    """Turn a failed write inside the block into a CourseError: where, why, what is free, and what to do (`remedy`)."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and not any(text in str(error) for text in FAILED_WRITE):
            raise
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        free = f"{_free(target) / 1e6:,.0f} MB free there"
        usual = OWN_FOLDER if isinstance(error, PermissionError) else OTHER_DISK
        raise CourseError(f"Could not write {target} ({reason}; {free}): {remedy or usual}.") from error


def _exists(target: Path) -> bool:
    try:
        return target.exists()
    except PermissionError as error:
        raise CourseError(f"You may not read {target} ({error.strerror}): {OWN_FOLDER}.") from error


def _build_aside(target: Path, build: Callable[[Path], None]) -> None:
    prefix = f".{target.name}.tmp-"  # a sibling, because a rename is atomic only within one disk
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    aside = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        build(aside)
        for path in [aside, *aside.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))  # mkdtemp lets in its owner alone
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())  # or a power cut could leave an empty file under its final name
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _free(path: Path) -> int:
    """Bytes free on the disk of `path`, or of its nearest parent that exists."""
    path = path.absolute()
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free
