"""Would the course run on the newest TRL and transformers? `python -m tools.newest` says what broke.

They are installed into a temporary environment above this one, which stays as it is; there, the tests of
tests/notebooks/test_api.py look at each keyword that a notebook passes to these libraries.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from xml.etree import ElementTree

from helpers.errors import CourseError
from helpers.paths import ROOT

NEWEST = ("trl", "transformers")
TESTS = "tests/notebooks/test_api.py"
VERSIONS = f"import importlib.metadata as m; print(*(f'{{name}} {{m.version(name)}}' for name in {NEWEST}), sep=', ')"


def printed(python: Path, code: str) -> str:
    """What the code prints in that Python."""
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def environment(folder: Path) -> Path:
    """The Python of an environment in the folder: the packages of this one, but for newer ones of NEWEST above them."""
    venv.create(folder, with_pip=False, symlinks=sys.platform != "win32")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    paths = [path for path in sys.path if path.endswith("site-packages")]
    own = printed(python, "import sysconfig; print(sysconfig.get_path('purelib'))")
    (Path(own) / "below.pth").write_text("\n".join(paths), encoding="utf-8")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", *NEWEST], stdout=sys.stderr)
    if done.returncode:
        raise CourseError("The newest releases did not install: see pip's reason above, and try again.")
    return python


def broken(report: Path) -> list[str]:
    """One line for each failed test of a JUnit report: its name, and why."""
    lines = []
    for case in ElementTree.parse(report).iter("testcase"):
        for problem in [*case.findall("failure"), *case.findall("error")]:
            message = re.sub(r"\s+", " ", problem.get("message", "")).strip()
            lines.append(f"{case.get('name')}: {message[:500]}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", type=Path, help="a file to which the result is added, as Markdown")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        python, report = environment(Path(scratch) / "newest"), Path(scratch) / "report.xml"
        versions = printed(python, VERSIONS)
        done = subprocess.run([python, "-m", "pytest", "-q", f"--junitxml={report}", TESTS], cwd=ROOT)
        if not report.exists():
            raise CourseError(f"With {versions}, the tests did not start: see their reason above.")
        problems = broken(report)
    verdict = f"{len(problems)} tests broke" if problems else "nothing broke" if not done.returncode else "no test ran"
    text = "\n".join([f"With {versions}: {verdict}.", "", *(f"- {line}" for line in problems)])
    print(text)
    if arguments.summary:
        with arguments.summary.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    return done.returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
