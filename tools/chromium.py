"""The browser that the browser tests drive: finds one, or brings one onto this machine."""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

from helpers.errors import CourseError
from tools import debian

NAMES = ("chromium", "chromium-browser", "google-chrome")
NONE = (
    "There is no Chromium here and none could be installed: install one (Debian, Ubuntu: apt-get install chromium), "
    "or set CHROMIUM to the path of one."
)


def find() -> str | None:
    """The path of the browser that CHROMIUM names, else of an installed one, else of Playwright's own download."""
    if chosen := os.environ.get("CHROMIUM"):
        if not shutil.which(chosen):
            raise CourseError(f"CHROMIUM is {chosen!r}, which is no program: set it to a browser's path, or unset it.")
        return chosen
    with sync_playwright() as playwright:
        candidates = [*NAMES, playwright.chromium.executable_path]
    return next(filter(None, map(shutil.which, candidates)), None)


def bring() -> str:
    """The path of a browser, installed just now if there was none; raises CourseError where that cannot be."""
    path = find()
    if not path and debian.install("chromium"):
        path = find()
    if not path:
        print("Downloading Playwright's Chromium ...", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True)
        path = find()
    if not path:
        raise CourseError(NONE)
    return path


if __name__ == "__main__":
    try:
        print("Browser:", bring())
    except CourseError as error:
        sys.exit(str(error))
