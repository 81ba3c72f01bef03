"""The notebooks of the Chinese edition run on nano, and what helpers print there is Chinese."""

import re

import pytest

import lessons

FEW = ("00_", "05_")  # for make check; the code of all of them is that of the English notebooks
LONG = ("03_", "04_", "06_", "09_")  # over a minute each on nano, which the browser runs them on in English
CHOSEN = [
    pytest.param(path, id=path.stem, marks=() if path.name.startswith(FEW) else pytest.mark.slow)
    for path in lessons.CHINESE
    if not path.name.startswith(LONG)
]


def test_there_is_one_for_each_lesson():
    assert [path.name for path in lessons.CHINESE] == [path.name for path in lessons.LESSONS]


@pytest.mark.parametrize("path", CHOSEN)
def test_it_runs_and_speaks_chinese(path, tmp_path, monkeypatch):
    folder = tmp_path / "zh-TW"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    executed = lessons.run_on_nano(path, folder)
    assert not lessons.trouble(executed)
    revealing = [cell.id for cell in lessons.code_cells(executed) if ".reveal(" in cell.source]
    printed = [text for text in (lessons.printed(executed, name) for name in revealing) if text]
    assert printed and all(re.search("[\u4e00-\u9fff]", text) for text in printed)  # 10 reveals less without an adapter
