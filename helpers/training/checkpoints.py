"""Checkpoints: where a run that was stopped goes on, and whether it is still the same run."""

import contextlib
import json
import re
import shutil
from pathlib import Path

from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from helpers import cache
from helpers.errors import CourseError
from helpers.language import _
from helpers.training import memory

STARTED = "started.json"  # beside the folder of the checkpoints: what the run was made of
REMEDY = "free some space, or set output_dir to another folder"
GO_ON = "set resume = True and run the notebook again"
NAME = re.compile(rf"{PREFIX_CHECKPOINT_DIR}-(\d+)")
FILE = ("file", "sha256")  # of what a run is made of, those that speak of its data


def last_whole(folder: Path | str) -> Path | None:
    """The newest checkpoint in the folder that was written to its end, or None.

    A full disk or a kill leaves half a checkpoint, which nothing can go on from. The trainer writes its own state last.
    """
    found = [path for path in Path(folder).glob("*") if NAME.fullmatch(path.name) and _whole(path)]
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    """The update after which the checkpoint was saved; 0 if there is none."""
    return int(NAME.fullmatch(checkpoint.name)[1]) if checkpoint else 0


def begin(output: Path, runs_in: Path | str, resume: bool, made_of: dict) -> Path | None:
    """The checkpoint that the run goes on from; None begins anew, and removes the checkpoints of an earlier run.

    output: takes started.json. runs_in: the folder of the checkpoints. made_of: what must be the same to go on, such as
    the data's hash and the model, {name: value}. Raises CourseError if `resume` is asked for and one of them differs,
    or if the folder cannot be written to; what was saved stays.
    """
    marker = output / STARTED
    if resume:
        _require_same(_read(marker), made_of, output)
    else:
        shutil.rmtree(runs_in, ignore_errors=True)
    with cache.writing(marker, REMEDY):
        output.mkdir(parents=True, exist_ok=True)
        aside = marker.with_suffix(".new")
        aside.write_text(json.dumps(made_of, ensure_ascii=False), encoding="utf-8")
        aside.replace(marker)  # a full disk spoils the new file alone
    return last_whole(runs_in)


@contextlib.contextmanager
def accidents_explained(trainer: Trainer):
    """Turn a stop by the reader, a full disk and a lack of memory inside the block into a CourseError: how to go on."""
    folder = Path(trainer.args.output_dir)
    try:
        with cache.writing(folder, f"free some space, {GO_ON}"), memory.shortage_explained():
            yield
    except KeyboardInterrupt:
        saved = step_of(last_whole(folder))
        kept = f"all up to step {saved} is saved: {GO_ON}" if saved else "nothing was saved yet: run the notebook again"
        raise CourseError(f"You stopped at step {trainer.state.global_step}, and {kept}.") from None


def _whole(checkpoint: Path) -> bool:
    try:
        state = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and "global_step" in state


def _read(marker: Path) -> dict:
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # there was no run, or it never began
        return {}


def _require_same(before: dict, now: dict, output: Path) -> None:
    anew = f"set resume = False to begin anew, or output_dir to another folder to keep what is in {output}"
    if before and any(before.get(name) != now.get(name) for name in FILE):
        changed = _("has changed") if before.get("file") == now.get("file") else _("is another file")
        raise CourseError(f"{now.get('file')} {changed} since the run in {output} began: {anew}.")
    for name, value in now.items():
        if before.get(name, value) != value:
            raise CourseError(
                f"{name} is {value!r}, and was {before[name]!r} when the run began: put it back, or {anew}."
            )
