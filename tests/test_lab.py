"""`make lab` opens the notebooks of a language, and JupyterLab speaks it, whatever languages the system knows."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from lessons import ROOT


def command(language: str) -> str:
    """What `make lab` would run."""
    call = ["make", "--dry-run", "--old-file=setup", "lab", f"LANGUAGE={language}"]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_english_leaves_jupyterlab_as_the_user_has_it():
    assert "default_url=/lab/tree/notebooks " in command("en") and "settings" not in command("en")


def test_chinese_notebooks_come_with_the_chinese_of_jupyterlab():
    assert "default_url=/lab/tree/notebooks/zh-TW " in command("zh-TW")
    folder = ROOT / re.search(r"app_settings_dir=(\S+)", command("zh-TW"))[1]
    ((plugin, defaults),) = json.loads((folder / "overrides.json").read_text(encoding="utf-8")).items()
    package, name = plugin.split(":")
    schema = Path(sys.prefix) / "share/jupyter/lab/schemas" / package / f"{name}.json"
    assert set(defaults) == {"locale"} <= set(json.loads(schema.read_text(encoding="utf-8"))["properties"])
    assert defaults["locale"] in {pack.name for pack in entry_points(group="jupyterlab.languagepack")}
