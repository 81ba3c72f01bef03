"""A name that a recording tool does not know ends it with a sentence, before it loads a model."""

import sys

import pytest

from tools import adapters, runs, second_language, second_round, tricks


@pytest.mark.parametrize(
    "tool, name, says",
    [
        (runs, "nanno", "There is no run named nanno; choose from examples_50"),
        (tricks, "neftun", "There is no trial neftun; choose from baseline"),
        (adapters, "dorra", "There is no trial dorra; choose from baseline"),
        (second_round, "agian", "There is no trial agian; choose from again_0"),
        (second_language, "chinse", "There is no trial chinse; choose from chinese_before"),
    ],
)
def test_an_unknown_name_is_named(tool, name, says, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["", name])
    with pytest.raises(SystemExit, match=f"^{says}"):
        tool.main()
