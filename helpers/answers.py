"""What a reader has predicted and solved, kept in a small file beside the notebooks: it outlives a closed notebook."""

import contextlib
import json
import os
from pathlib import Path

FILE = ".sft-answers.json"  # in the folder that the notebook runs in; delete it to begin anew
SWITCH = "SFT_COURSE_KEEP"  # environment variable; 0 keeps nothing and remembers nothing, as in tests


def kept(kind: str) -> dict:
    """What was kept of one kind, "predictions" or "solved": {question or exercise: answer}. Empty if nothing was."""
    return _read().get(kind, {})


def keep(kind: str, name: str, answer: str | float | bool) -> None:
    """Keep one answer. Where the folder may not be written, nothing is kept and nothing is said."""
    if os.environ.get(SWITCH) == "0":
        return
    everything = _read()
    everything.setdefault(kind, {})[name] = answer
    with contextlib.suppress(OSError):
        aside = Path(f"{FILE}.new")
        aside.write_text(json.dumps(everything, indent=1, ensure_ascii=False), encoding="utf-8")
        aside.replace(FILE)  # so that an interrupted write loses nothing


def _read() -> dict:
    if os.environ.get(SWITCH) == "0":
        return {}
    with contextlib.suppress(OSError, ValueError):  # none there yet, or somebody has spoiled it
        everything = json.loads(Path(FILE).read_text(encoding="utf-8"))
        if isinstance(everything, dict):
            return everything
    return {}
