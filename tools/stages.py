"""`make check` and `make test`: stages that hide nothing of one another; the last line says which of them failed.

What pytest measures goes to outputs/times/, for `make times`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat

from helpers.paths import ROOT

TIMES = ROOT / "outputs" / "times"
NOTEBOOKS = ROOT / "notebooks"
BROWSER, PAPERMILL = "tests/browser", "tests/notebooks/test_papermill.py"
WORKERS = 2  # each trains a model, so memory allows no more on a laptop
THREADS = str(max(1, (os.cpu_count() or 1) // WORKERS))
SHARED = {"OMP_NUM_THREADS": THREADS, "MKL_NUM_THREADS": THREADS, "TOKENIZERS_PARALLELISM": "false"}


def pytest(*arguments: str, balance: str | None = None) -> list[str]:
    """A command that runs pytest: by itself, or with WORKERS side by side and xdist's way of balancing them."""
    workers = ["-n", str(WORKERS), "--dist", balance] if balance else []
    return [sys.executable, "-m", "pytest", *workers, *arguments]


def notebooks() -> list[str]:
    """Lessons and solutions, those that take longest first: begun last, one would run while the other core idles."""
    paths = [*sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), *sorted(NOTEBOOKS.glob("solutions/[0-9]*.ipynb"))]
    minutes = lambda path: nbformat.read(path, as_version=4).metadata.get("course", {"minutes": 0})["minutes"]
    return [str(path.relative_to(ROOT)) for path in sorted(paths, key=minutes, reverse=True)]


def stages(quick: bool) -> dict[str, list[list[str]]]:
    """{name: commands}, of `make check` if `quick`, else of `make test`. A stage ends at its first failing command."""
    ruff = [sys.executable, "-m", "ruff"]
    chosen = " and not slow" if quick else ""
    nbval = ["--nbval", "--nbval-cell-timeout", "1800", "--nbval-sanitize-with", "tests/notebooks/nbval.cfg"]
    others = [f"--ignore={BROWSER}", f"--ignore={PAPERMILL}"]
    common = {
        "lint": [[*ruff, "check", "."], [*ruff, "format", "--check", "."]],
        "unit": [pytest("-m", f"not alone{chosen}", *others, balance="worksteal")],
        "alone": [pytest("-m", f"alone{chosen}", *others)],
    }
    if quick:
        return common | {"papermill": [pytest(PAPERMILL, balance="worksteal")]}
    # The browser runs every lesson on nano, so papermill would only repeat it.
    return common | {
        # The cells of a notebook share a kernel. Two notebooks with a thread each take less than one after the other.
        "nbval": [pytest(*nbval, "--no-loadscope-reorder", *notebooks(), balance="loadscope")],
        "browser": [[sys.executable, "-m", "tools.chromium"], pytest(BROWSER, balance="worksteal")],
    }


def run(name: str, commands: list[list[str]]) -> bool:
    """Run a stage's commands until one fails; whether none did."""
    environment = os.environ | {"SFT_COURSE_KEEP": "0"} | ({} if name == "alone" else SHARED)
    environment |= {"TQDM_DISABLE": "1"} if name == "nbval" else {}  # finished bars are not stored
    for command in commands:
        report = [f"--junitxml={TIMES / name}.xml"] if "pytest" in command else []
        with subprocess.Popen([*command, *report], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL) as process:
            try:
                process.wait()
            except KeyboardInterrupt:
                process.wait()  # pytest got it too, and stops what it has started
                raise
        if process.returncode:
            return False
    return True


def run_all(chosen: dict[str, list[list[str]]]) -> list[str]:
    """Run each stage, whatever became of those before it; the names of those that failed."""
    # A script that starts this in its background has it ignore Ctrl-C, and so would all jobs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed, seconds = [], {}
    TIMES.mkdir(parents=True, exist_ok=True)
    for name, commands in chosen.items():
        print(f"\n######## {name}", flush=True)
        began = time.monotonic()
        if not run(name, commands):
            failed.append(name)
        seconds[name] = time.monotonic() - began
        (TIMES / "stages.json").write_text(json.dumps(seconds), encoding="utf-8")
    print()
    for name, taken in seconds.items():
        print(f"{name:<12} {taken / 60:5.1f} min  {'FAILED' if name in failed else 'passed'}")
    total = f"{sum(seconds.values()) / 60:.1f} minutes"
    print(f"FAILED after {total}: {', '.join(failed)}" if failed else f"All stages passed in {total}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["check", "test"])
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="such as lint, unit or nbval")
    arguments = parser.parse_args()
    chosen = stages(quick=arguments.target == "check")
    unknown = set(arguments.only or []) - set(chosen)
    if unknown:
        parser.error(f"make {arguments.target} has no stage {', '.join(unknown)}: choose from {', '.join(chosen)}")
    if arguments.only:
        chosen = {name: chosen[name] for name in arguments.only}
    shutil.rmtree(TIMES, ignore_errors=True)
    try:
        return int(bool(run_all(chosen)))
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
