"""One Chinese rendering for each term: where a text links to the glossary, it uses the glossary's own word."""

import re

import pytest

from helpers.paths import ROOT
from tools import translate

PAGES = [source for source in translate.sources() if source.suffix in (".ipynb", ".md")]
LINKED = re.compile(r"\[([^\]]+)\]\([^)]*glossary\.md#([^)]+)\)")


def words(text: str) -> str:
    """The text without what stands in brackets, such as the English term, and without marks of Markdown."""
    return re.sub(r"（.*?）|[*`]", "", text)


def renderings() -> dict[str, list[str]]:
    """For each heading of the glossary, named as links name it, its Chinese words and the English ones."""
    english, chinese = (
        re.findall(r"^### (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
        for path in ("notebooks/glossary.md", "notebooks/zh-TW/glossary.md")
    )
    in_english = dict(zip(chinese, english, strict=False)) if len(chinese) == len(english) else {}
    assert in_english
    return {
        re.sub(r"[^a-z0-9]+", "-", one.lower()).strip("-"): [*words(other).split("、"), *one.lower().split(", ")]
        for other, one in in_english.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_link_to_the_glossary_uses_the_word_of_the_glossary(page):
    known = renderings()
    for unit in translate.read(page).units:
        for text, term in LINKED.findall(str(unit.target)):
            fits = [word for word in known[term] if word in words(text).lower() or words(text) in word]
            assert fits, f"{text} for {term}, which the glossary calls {' or '.join(known[term])}"
