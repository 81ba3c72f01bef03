"""Every notebook runs from top to bottom, headless and without network, on the nano model.

`make check` runs this; `make test` runs the same notebooks with the same parameters in a browser instead.
"""

import pytest

import lessons


@pytest.mark.parametrize("path", lessons.LESSONS, ids=lessons.name)
def test_runs_on_nano(path, tmp_path, monkeypatch):
    lessons.assert_parameters_exist(path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    executed = lessons.run_on_nano(path, tmp_path)
    assert not lessons.trouble(executed)
    assert lessons.printed(executed, "key-figures")


def test_the_first_notebook_runs_on_chinese_commands(tmp_path):
    executed = lessons.run_on_nano(lessons.LESSONS[0], tmp_path, language="zh-TW")
    assert not lessons.trouble(executed)
    assert not lessons.printed(executed, "example").isascii()
