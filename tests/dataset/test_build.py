"""The build: the same seed gives the same bytes, and only what changes the sentences changes its folder."""

import pytest

from helpers import cache
from helpers.dataset import build
from helpers.dataset.homes import homes


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path, monkeypatch):
    cached = build.folder("en", 0)
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path))
    again = build.folder("en", 0)
    assert again.is_relative_to(cache.folder())
    for split in build.SPLITS:
        assert (again / f"{split}.jsonl").read_bytes() == (cached / f"{split}.jsonl").read_bytes()


def test_the_homes_of_one_language_do_not_build_another_again(monkeypatch):
    """The key has each language's own homes and usage, so a room in Chinese leaves the English folder alone."""
    before = {language: build.place(language) for language in ("en", "zh-TW")}
    changed = {**homes("zh-TW"), "system": "另一句"}
    monkeypatch.setattr(build, "homes", lambda language: changed if language == "zh-TW" else homes(language))
    build._key.cache_clear()
    try:
        assert build.place("en") == before["en"] and build.place("zh-TW") != before["zh-TW"]
    finally:
        build._key.cache_clear()


def test_a_docstring_or_a_comment_does_not_build_the_dataset_again(tmp_path):
    one, other, changed = tmp_path / "one.py", tmp_path / "other.py", tmp_path / "changed.py"
    one.write_text('"""One."""\nN = 1\ndef f():\n    """Doc."""\n    return N\n', "utf-8")
    other.write_text('"""Other."""\nN = 1  # a comment\n\n\ndef f():\n    return N\n', "utf-8")
    changed.write_text('"""One."""\nN = 2\ndef f():\n    """Doc."""\n    return N\n', "utf-8")
    assert build._code(one) == build._code(other) != build._code(changed)
