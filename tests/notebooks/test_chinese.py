"""The notebooks of the Chinese edition run on nano, and what helpers print there is Chinese."""

import re

import papermill as pm
import pytest

import lessons

FEW = ("00_", "05_")  # for make check; the code of all of them is that of the English notebooks
CHOSEN = [
    pytest.param(path, id=path.stem, marks=() if path.name.startswith(FEW) else pytest.mark.slow)
    for path in lessons.CHINESE
]


def test_there_is_one_for_each_lesson():
    assert [path.name for path in lessons.CHINESE] == [path.name for path in lessons.LESSONS]


@pytest.mark.parametrize("path", CHOSEN)
def test_it_runs_and_speaks_chinese(path, tmp_path, monkeypatch):
    folder = tmp_path / "zh-TW"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    executed = pm.execute_notebook(
        str(path),
        str(folder / path.name),
        lessons.nano_parameters(lessons.read(path)),
        cwd=folder,
        progress_bar=False,
        kernel_name="python3",
    )
    assert not lessons.trouble(executed)
    printed = [lessons.printed(executed, cell.id) for cell in lessons.code_cells(executed) if ".reveal(" in cell.source]
    assert printed and all(re.search("[\u4e00-\u9fff]", text) for text in printed)
