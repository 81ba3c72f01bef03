"""Notebooks of the Chinese edition run on nano, and what helpers print there is Chinese."""

import re

import pytest

import lessons

# The code of all is that of the English notebooks (tests/tools/test_translate.py): `make check` runs one.
ALL = [
    pytest.param(path, id=path.stem, marks=() if path.name.startswith("00_") else pytest.mark.slow)
    for path in lessons.CHINESE
]


def test_there_is_one_for_each_lesson():
    assert [path.name for path in lessons.CHINESE] == [path.name for path in lessons.LESSONS]


@pytest.mark.parametrize("path", ALL)
def test_it_runs_and_speaks_chinese(path, tmp_path, monkeypatch):
    folder = tmp_path / "zh-TW"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    executed = lessons.run_on_nano(path, folder)
    assert not lessons.trouble(executed)
    revealing = [cell.id for cell in lessons.code_cells(executed) if ".reveal(" in cell.source]
    printed = [text for text in (lessons.printed(executed, name) for name in revealing) if text]
    assert printed and all(re.search("[\u4e00-\u9fff]", text) for text in printed)  # 10 reveals less without an adapter
