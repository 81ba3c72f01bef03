"""`make lab` opens the notebooks of a language, and JupyterLab speaks it, whatever languages the system knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyterlab_server import settings_utils, translation_utils

from lessons import ROOT


@pytest.mark.parametrize(
    "language, opened, locale", [("en", "notebooks", "default"), ("zh-TW", "notebooks/zh-TW", "zh_TW")]
)
def test_jupyterlab_opens_in_the_language_that_is_asked_for(language, opened, locale, tmp_path):
    call = ["make", "--dry-run", "--old-file=setup", "lab", f"LANGUAGE={language}"]
    command = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"default_url=/lab/tree/{opened} " in command
    given = re.search(r"app_settings_dir=(\S+)", command)
    defaults = str(ROOT / given[1]) if given else str(tmp_path)
    settings, _ = settings_utils.get_settings(
        defaults,
        str(Path(sys.prefix) / "share/jupyter/lab/schemas"),
        str(tmp_path),  # of a user who has set nothing
        schema_name=translation_utils.L10N_SCHEMA_NAME,
        overrides=settings_utils._get_overrides(defaults)[0],
    )
    assert settings["schema"]["properties"]["locale"]["default"] == locale
    assert locale in translation_utils.get_language_packs()[0] or locale == "default"
