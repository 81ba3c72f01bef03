"""`make ready`: whether this machine can hold the class, in about ten seconds; what is missing, and what to do.

It runs before there is an environment too, so it loads nothing at the top but Python itself.
"""

import os
import re
import shutil
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers.paths import ROOT

PYTHON = (3, 11)  # the oldest, as in pyproject.toml
# README.md: what the environment, the model and a run's checkpoints take together. 05's checkpoints alone take 3.8 GB.
DISK_BEFORE, DISK_AFTER = 8.0, 4.0  # GB
MEMORY = 7.0  # GB that 05 wants free, as in teaching/README.md
PORTS = range(8888, 8939)  # JupyterLab tries its own port and then the next fifty
BROWSERS = ("firefox", "google-chrome", "chromium", "chromium-browser", "microsoft-edge")
EXTENSION = "labextensions/@jupyter-widgets/jupyterlab-manager/package.json"  # draws widgets in JupyterLab
NOTEBOOK, RECORDED = ROOT / "notebooks" / "05_train_with_sfttrainer.ipynb", "05_full"
UPDATES, SECONDS = 3, 4.0  # of training to time: at most so many updates, and none begun after so many seconds
PATIENCE = 15  # minutes of 05 that a class waits for; the plans in teaching/ leave about twenty
SETUP = "run `make setup`"


@dataclass(frozen=True)
class Finding:
    """What was found; `remedy` says what to do about it, and is empty where all is well."""

    found: str
    remedy: str = ""


def python(version: tuple = sys.version_info) -> Finding:
    found = ".".join(map(str, version[:3])) + (", 32 bits" if sys.maxsize < 2**32 else "")
    if version[:2] < PYTHON or sys.maxsize < 2**32:
        return Finding(found, "install Python 3.11 or newer, 64 bits, and call make PYTHON=python3.12 setup")
    return Finding(found)


def packages(requirements: Path = ROOT / "requirements.txt") -> Finding:
    """Whether each pinned package is installed in that version; nothing is imported."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), flags=re.MULTILINE)
    wrong = [f"{name} {_version(name) or 'is missing'}" for name, pin in pins if not _is_version(name, pin)]
    if wrong:
        shown = ", ".join(wrong[:3]) + (" and others" if len(wrong) > 3 else "")
        return Finding(f"{len(wrong)} of {len(pins)} are not as pinned ({shown})", SETUP)
    return Finding(f"all {len(pins)} as pinned in {requirements.name}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _is_version(name: str, pin: str) -> bool:
    return _version(name).partition("+")[0] == pin  # torch 2.13.0+cpu is torch 2.13.0


def disk(free: float | None = None) -> Finding:
    """free: GB; measured where the course lies, if None."""
    free = shutil.disk_usage(ROOT).free / 1e9 if free is None else free
    needed = DISK_AFTER if _version("torch") else DISK_BEFORE
    if free < needed:
        return Finding(
            f"{free:.1f} GB free in {ROOT}", f"free {needed - free:.1f} GB, or move the course to another disk"
        )
    return Finding(f"{free:.0f} GB free, {needed:.0f} are needed")


def memory(free: float | None = None) -> Finding:
    """free: GB; measured, if None."""
    if free is None:
        try:
            import psutil
        except ImportError:
            return Finding("cannot be measured before the packages are there", SETUP)
        free = psutil.virtual_memory().available / 1e9
    if free < MEMORY:
        remedy = f'close programs and other kernels until {MEMORY:.0f} GB are free, or train model_name = "nano" in 05'
        return Finding(f"{free:.1f} GB free", remedy)
    return Finding(f"{free:.0f} GB free, 05 wants {MEMORY:.0f}")


def port(ports: range = PORTS) -> Finding:
    """The first port on the loopback that JupyterLab can take."""
    for number in ports:
        with socket.socket() as listener:
            if os.name != "nt":  # on Windows this option would let two programs share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", number))
            except OSError:
                continue
            return Finding(f"{number} is free")
    return Finding(
        f"{ports[0]} to {ports[-1]} are all taken or forbidden",
        'shut old JupyterLabs down, or call make lab LAB_ARGS="--port 9000"',
    )


def browser() -> Finding:
    """What Python would open a page with, or the first known browser on the search path."""
    try:
        return Finding(_named(webbrowser.get()))
    except webbrowser.Error:
        installed = next(filter(None, map(shutil.which, BROWSERS)), None)
    if installed:
        return Finding(installed)
    return Finding(
        "none found",
        'install one, or call make lab LAB_ARGS="--no-browser" and open the address that it prints elsewhere',
    )


def _named(controller: webbrowser.BaseBrowser) -> str:
    return getattr(controller, "name", "") or "the system's own"


def widgets(folders: list[Path] | None = None) -> Finding:
    """ipywidgets in the kernel, and in JupyterLab the extension that draws them."""
    folders = [Path(sys.prefix) / "share" / "jupyter"] if folders is None else folders
    if not _version("ipywidgets"):
        return Finding("ipywidgets is missing", SETUP)
    if not any((folder / EXTENSION).exists() for folder in folders):
        return Finding(
            f"JupyterLab has no extension for ipywidgets {_version('ipywidgets')}",
            "run .venv/bin/python -m pip install --force-reinstall jupyterlab_widgets",
        )
    return Finding(f"ipywidgets {_version('ipywidgets')} and JupyterLab's extension")


def model() -> Finding:
    from helpers.model import smollm2

    return _in_cache(smollm2.folder(), "run `.venv/bin/python -m helpers.model` while there is a network")


def dataset() -> Finding:
    from helpers.dataset import build

    return _in_cache(build.place(), "run `.venv/bin/python -m helpers.dataset`, which needs no network")


def _in_cache(folder: Path, remedy: str) -> Finding:
    return Finding(f"in {folder}") if folder.exists() else Finding(f"not in {folder.parent}", remedy)


def notebook_05(**changed):
    """SFTConfig as notebook 05 makes it by default, but for `changed`; and how many examples the notebook trains on."""
    import nbformat
    import torch
    from trl import SFTConfig

    from helpers.model import fast_bf16

    def make(**arguments):
        return SFTConfig(**arguments | changed)

    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    names = {"SFTConfig": make, "torch": torch, "fast_bf16": fast_bf16}
    exec(cells["parameters"], names)  # the course's own notebook
    exec(cells["config"], names)
    return names["config"], names["train_examples"]


def seconds_of_a_step(model_name: str = "smollm2") -> float:
    """Train as notebook 05 does for a few updates; the seconds of the last, since the first also allocates memory."""
    from helpers.dataset import commands
    from helpers.model import load
    from helpers.training import cpu_trainer, run_log

    class Brief(run_log.Clock):
        def on_step_end(self, args, state, control, **kwargs):
            super().on_step_end(args, state, control, **kwargs)
            control.should_training_stop = self.steps == UPDATES or self.seconds > SECONDS

    with tempfile.TemporaryDirectory() as folder:
        quiet = dict(disable_tqdm=True, logging_strategy="no", save_strategy="no", eval_strategy="no")
        config, _ = notebook_05(output_dir=folder, eval_on_start=False, **quiet)
        weights, tokenizer = load(model_name)
        rows = UPDATES * config.per_device_train_batch_size * config.gradient_accumulation_steps
        trainer = cpu_trainer.CPUSFTTrainer(
            model=weights,
            args=config,
            train_dataset=commands.load()["train"].select(range(rows)),
            processing_class=tokenizer,
        )
        run_log.stop_printing(trainer)
        clock = Brief()
        trainer.add_callback(clock)
        trainer.train()
    return clock.times[-1]


def minutes_of_05(step: float) -> tuple[int, float, float]:
    """From seconds of an update here: the updates of notebook 05, its minutes of training, those of its other cells.

    The other cells are what the notebook's stated minutes leave beside the training of its recorded run; they are taken
    to be as much slower or faster here as an update is.
    """
    import nbformat

    from helpers.training import run_log, schedule

    config, examples = notebook_05()
    updates = schedule.plan(config, examples)["updates"]
    run = run_log.recorded(RECORDED)
    recorded_step = 60 * run["minutes"] / run["log"][-1]["step"]
    stated = nbformat.read(NOTEBOOK, as_version=4).metadata["course"]["minutes"]
    others = (stated - run["minutes"]) * step / recorded_step
    return updates, updates * step / 60, others


def training() -> Finding:
    """How long notebook 05 takes here; trains SmolLM2 for some seconds."""
    from helpers import setup

    setup()
    step = seconds_of_a_step()
    updates, trained, others = minutes_of_05(step)
    total = trained + others
    found = (
        f"{step:.1f} s for an update; 05 takes about {total:.0f} minutes here, which is an estimate: "
        f"{updates} updates are {trained:.1f}, its other cells {others:.1f}"
    )
    if total > PATIENCE:
        return Finding(found, 'close what else computes, or show the recorded run, or train model_name = "nano"')
    return Finding(found)


QUICK = {
    "Python": python,
    "packages": packages,
    "disk": disk,
    "memory": memory,
    "port": port,
    "browser": browser,
    "widgets": widgets,
}
INSTALLED = {"model": model, "dataset": dataset}  # what only the installed packages can tell
NEEDED_TO_TRAIN = ("packages", "memory", "model", "dataset")


def findings() -> Iterator[tuple[str, Finding]]:
    """Each thing by its name, as soon as it is known."""
    known: dict[str, Finding] = {}

    def look(checks: dict[str, Callable[[], Finding]]):
        for name, check in checks.items():
            known[name] = check()
            yield name, known[name]

    yield from look(QUICK)
    if known["packages"].remedy:
        yield "the rest", Finding("model, dataset and training were not looked at", SETUP)
        return
    yield from look(INSTALLED)
    missing = [name for name in NEEDED_TO_TRAIN if known[name].remedy]
    if missing:
        yield "training", Finding("not timed", f"put right first: {', '.join(missing)}")
    else:
        yield "training", training()


def main() -> int:
    missing = 0
    for name, finding in findings():
        missing += bool(finding.remedy)
        mark = "MISSING" if finding.remedy else "ok"
        print(f"{mark:<8}{name:<9} {finding.found}{': ' * bool(finding.remedy)}{finding.remedy}", flush=True)
    if missing:
        print(f"{missing} missing: do what these lines say, then run `make ready` again.")
        return 1
    print("This machine can hold the class.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
