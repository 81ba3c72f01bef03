"""Jobs: training outside the notebook, as commands in processes of their own that leave nothing behind."""

import contextlib
import difflib
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
import yaml
from trl.scripts.sft import make_parser

from helpers.errors import CourseError
from helpers.language import _
from helpers.paths import JOB
from helpers.progress import progress
from helpers.training import checkpoints, memory, run_log

LAUNCHER_KEYS = {"env", "accelerate_config", "config_file", "num_processes", "datasets"}  # keys of trl's own launcher


@dataclass(frozen=True)
class Job:
    stdout: str  # what the command printed, stderr included
    log: list[dict]  # of the trainer's last whole checkpoint in output_dir; empty if there is none
    seconds: float
    peak_rss: int  # bytes: resident memory of all its processes together, at most

    @property
    def processes(self) -> int:
        """How many processes trained together, as train.py says; 0 when it did not say."""
        match = re.search(r"^(\d+) process(es)?,", self.stdout, re.MULTILINE)
        return int(match[1]) if match else 0

    @property
    def train_runtime(self) -> float:
        """Seconds that the trainer trained for, as it says at its end; NaN when it did not say."""
        match = re.search(r"'train_runtime': '?([\d.]+)", self.stdout)
        return float(match[1]) if match else math.nan


def check(path: Path | str) -> dict:
    """What a configuration for `trl sft --config` says, once each key and type in it is known to TRL.

    Raises CourseError that names the line, for a file that is missing or no YAML, an unknown key and a wrong type.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text)
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path.name} does not read ({getattr(error, 'strerror', error)}): pass its path.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1
        raise CourseError(f"{path.name}, line {line}: this is no YAML ({error.problem}).") from None
    if not isinstance(tree, yaml.MappingNode):
        raise CourseError(f"{path.name} holds no settings: each line is a name, a colon and a value.")
    actions, settings = {action.dest: action for action in make_parser()._actions}, yaml.safe_load(text)
    for key, _node in tree.value:
        name, where = key.value, _("{}, line {}").format(path.name, key.start_mark.line + 1)
        if name not in actions and name not in LAUNCHER_KEYS:
            close = difflib.get_close_matches(name, actions, 1, 0.5)
            if close:
                raise CourseError(_("{}: trl sft has no {}; is it {}?").format(where, name, close[0]))
            raise CourseError(_("{}: trl sft has no {}.").format(where, name))
        value, action = settings[name], actions.get(name)
        if value is None or action is None or action.type is None or isinstance(value, list | dict):
            continue
        try:
            if action.choices is None or value not in action.choices:
                action.type(str(value))
        except (ArgumentTypeError, KeyError, TypeError, ValueError):
            kind = getattr(action.type, "__name__", "value")
            raise CourseError(f"{where}: {name} is {value!r}, which is no {kind}.") from None
    return settings


def fresh(folder: Path | str) -> Path:
    """The folder, emptied and filled with the course's configuration, script and files for Accelerate."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(JOB, folder))


def made_with(folder: Path | str) -> dict[str, str]:
    """What a run in the folder depends on: hashes (SHA-256) of data and configuration, seed, versions, hardware."""
    files = {"data": Path(folder) / "data" / "train.jsonl", "configuration": Path(folder) / "sft.yaml"}
    hashes = {name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for name, file in files.items()}
    seed = check(files["configuration"]).get("seed", make_parser().get_default("seed"))
    return hashes | {"seed": str(seed)} | {name: str(value) for name, value in run_log.versions().items()}


def tracked(folder: Path | str, project: str, name: str, metric: str) -> list[float]:
    """The values of a metric that trackio has kept of the run of that name, which was started in the folder."""
    which = ("--project", project, "--run", name, "--metric", metric, "--json")
    printed = run("trackio", "get", "metric", *which, folder=folder).stdout
    return [line["value"] for line in json.loads(printed)["values"]]


def run(*command: str, folder: Path | str, output_dir: str = "") -> Job:
    """Runs a command of this environment in `folder` to its end, with a bar that shows the seconds.

    Raises CourseError if it needs more processes or devices than there are, if memory ran out, and otherwise with the
    reason that it printed. An interrupted call ends all processes that the command has started.
    """
    _require_devices(command, Path(folder))
    started, peak_rss = time.monotonic(), 0
    # Forked workers of tokenizers would warn; what trackio keeps stays with the job.
    quiet = {"TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
    quiet["TRACKIO_DIR"] = str(Path(folder).resolve() / "tracking")
    bar = progress(desc=" ".join(command[:2]), bar_format="{desc}: {n} s")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output, bar:
        process = start(command, folder, quiet, output)
        try:
            while process.poll() is None:
                peak_rss = max(peak_rss, sum(_resident(p) for p in _family(process.pid)))
                time.sleep(0.1)
                bar.update(int(time.monotonic() - started) - bar.n)
        finally:
            end(process)
        output.seek(0)
        stdout = output.read()
    if process.returncode:
        raise CourseError(_explained(process.returncode, stdout))
    checkpoint = checkpoints.last_whole(Path(folder) / output_dir) if output_dir else None
    log = run_log.read(checkpoint / "trainer_state.json") if checkpoint else []
    return Job(stdout, log, time.monotonic() - started, peak_rss)


def start(command: tuple[str, ...], folder: Path | str, env: dict, output) -> subprocess.Popen:
    """Starts a command of this environment in the folder, with `env` added to its environment, printing into a file."""
    # Commands of this environment come before others of the same name, whether or not it is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which(command[0], path=path)
    if not program:
        raise CourseError(f"{command[0]} is not installed here: `make lab` installs what the course needs.")
    env = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"} | env  # Windows has another encoding for a file
    return subprocess.Popen([program, *command[1:]], cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT)


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.memory_info().rss
    return 0


def end(process: subprocess.Popen) -> None:
    """Ends the process and all it has started; a launcher that dies alone would leave its workers training."""
    family = _family(process.pid)
    for signal in ("terminate", "kill"):
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(member, signal)()
        family = psutil.wait_procs(family, timeout=5)[1]
    process.wait()


def _require_devices(command: tuple[str, ...], folder: Path) -> None:
    """Raises CourseError if `accelerate launch` would start more processes than this machine has devices for."""
    options = dict(zip(command, command[1:], strict=False))
    if "--config_file" not in options:
        return
    launch = yaml.safe_load((folder / options["--config_file"]).read_text(encoding="utf-8"))
    wanted = int(options.get("--num_processes", launch["num_processes"]))
    on_cpu = launch.get("use_cpu") or wanted == 1
    there, what = (os.cpu_count(), _("CPU cores")) if on_cpu else (torch.cuda.device_count(), "GPUs")
    if wanted > there:
        raise CourseError(
            f"{options['--config_file']} asks for {wanted} processes and this machine has {there} {what}: "
            f"set num_processes to what there is{'' if on_cpu else ', or take the job to a machine that has them'}."
        )


def _explained(code: int, text: str) -> str:
    if any(phrase in text for phrase in memory.SHORT) or code in (-9, 137):
        return (
            "The job ran out of memory: lower per_device_train_batch_size (and raise gradient_accumulation_steps by "
            "as much), lower max_length, turn activation_checkpointing on, or train an adapter (use_peft)."
        )
    return f"The job ended with code {code}: {reason(text)}"


def reason(text: str) -> str:
    """The line that says why: the first that names an error, which a launcher then repeats in its own words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error: \S", line, re.IGNORECASE)]
    return (errors or lines[-1:] or ["it printed nothing"])[0][:300]
