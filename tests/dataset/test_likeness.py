"""Likeness: what MinHash proposes for many texts is what comparing all with all finds."""

import random

import pytest

from helpers.dataset import likeness

WORDS = (
    "lamp",
    "door",
    "window",
    "garden",
    "kitchen",
    "heating",
    "morning",
    "evening",
    "open",
    "bright",
    "warm",
    "loud",
)


@pytest.fixture
def texts():
    """Three hundred texts, the last hundred of which repeat the first with a letter changed, or are equal to them."""
    drawn = random.Random(0)
    first = [" ".join(drawn.choices(WORDS, k=20)) for _ in range(200)]
    near = [text[:30] + "x" + text[31:] for text in first[:60]]
    return first + near + first[60:100]


def test_many_texts_are_compared_as_few_are(texts, monkeypatch):
    everything = {(i, j) for i, j, _ in likeness.pairs(texts, texts) if j < i}
    monkeypatch.setattr(likeness, "MOST_PAIRS", 0)
    assert {(i, j) for i, j, _ in likeness.pairs(texts, texts)} == everything and len(everything) == 100


def test_many_texts_are_compared_with_others(texts, monkeypatch):
    everything = {(i, j) for i, j, _ in likeness.pairs(texts[200:], texts[:200])}
    monkeypatch.setattr(likeness, "MOST_PAIRS", 0)
    assert {(i, j) for i, j, _ in likeness.pairs(texts[200:], texts[:200])} == everything and len(everything) == 100


def test_short_and_empty_texts_are_no_trouble(monkeypatch):
    monkeypatch.setattr(likeness, "MOST_PAIRS", 0)
    short = ["", "a", "ab", "a", ""]
    assert {(i, j) for i, j, _ in likeness.pairs(short, short)} == {(3, 1), (4, 0)}
