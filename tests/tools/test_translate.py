"""The Chinese edition is the same course: nothing missing, nothing lost, and building it again changes nothing."""

import ast
import re
from collections import Counter

import nbformat
import pytest

from tools import translate

ALL = pytest.mark.parametrize("source", translate.sources(), ids=lambda path: path.stem)
NOTEBOOKS = [path for path in translate.pages() if path.suffix == ".ipynb"]
NOTEBOOK = pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
MAINLAND = re.compile(
    "數據|代碼|默認|信息|質量|軟件|硬件|網絡|內存|變量|字符|文檔|調用|支持|接口|屏幕|打印|加載|優化|激活|用戶|服務器|視頻|線程|進程|緩存|噪聲"
)


def pairs(source) -> list[tuple[str, str]]:
    return [(unit.source, str(unit.target)) for unit in translate.read(source).units if unit.istranslated()]


def codes(text: str) -> set[str]:
    return set(re.findall(r"`[^`]+`", text))


def addresses(text: str) -> Counter:
    return Counter(re.findall(r"\]\(([^)\s]+)\)", text))


def numbers(text: str) -> Counter:
    """The digits of a text, without code and addresses, and without millions, which Chinese counts in 萬 and 億."""
    plain = re.sub(r"`[^`]+`|\]\([^)]*\)|[\d.,]+ (million|萬|億)", "", text)
    return Counter(number.rstrip(".,") for number in re.findall(r"\d[\d,]*\.?\d*", plain))


@ALL
def test_every_text_has_its_translation_and_none_is_old(source):
    assert not translate.left(source)
    wanted = {(message.context, message.text) for message in translate.messages(source)}
    assert {
        (unit.getcontext(), unit.source) for unit in translate.read(source).units if unit.istranslatable()
    } == wanted


@ALL
def test_code_links_numbers_and_marks_are_those_of_the_english_text(source):
    for english, chinese in pairs(source):
        assert codes(chinese) == codes(english), chinese
        assert addresses(chinese) == addresses(english), chinese
        assert numbers(chinese) == numbers(english), (english, chinese)
        assert chinese.count("**") == english.count("**"), chinese
        assert Counter(re.findall(r"\{\w*\}", chinese)) == Counter(re.findall(r"\{\w*\}", english)), chinese


@ALL
def test_characters_are_those_of_taiwan(source):
    for english, chinese in pairs(source):
        for character in set(chinese) - set(english):
            character.encode("cp950")
        assert not MAINLAND.search(chinese), chinese


@pytest.mark.parametrize("source", translate.pages(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_built_is_what_lies_there(source):
    assert translate.target(source).read_text(encoding="utf-8") == translate.build(source)


def test_the_strings_that_helpers_look_up_are_compiled():
    assert translate.STRINGS.read_text(encoding="utf-8") == translate.strings()


@NOTEBOOK
def test_code_ids_and_metadata_are_the_same(source):
    english = nbformat.read(source, as_version=4)
    chinese = nbformat.read(translate.target(source), as_version=4)
    assert chinese.metadata == english.metadata
    for ours, theirs in zip(english.cells, chinese.cells, strict=True):
        assert (ours.id, ours.cell_type, ours.metadata) == (theirs.id, theirs.cell_type, theirs.metadata)
        if ours.cell_type == "code":
            assert ast.dump(ast.parse(ours.source)) == ast.dump(ast.parse(theirs.source)), ours.id
            assert ours.outputs == theirs.outputs, ours.id


def test_bold_type_works_beside_chinese_characters():
    from mistletoe import markdown

    for source in translate.pages():
        for _, chinese in pairs(source):
            assert "**" not in re.sub(r"<code>.*?</code>", "", markdown(chinese), flags=re.DOTALL), chinese
