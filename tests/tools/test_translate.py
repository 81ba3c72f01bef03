"""The Chinese edition is the same course: nothing missing, nothing lost, and building it again changes nothing."""

import ast
import re

import nbformat
import pytest

from tools import texts, translate

SOURCE = pytest.mark.parametrize("source", translate.sources(), ids=lambda path: f"{path.parent.name}-{path.name}")
PAGE = pytest.mark.parametrize("source", translate.pages(), ids=lambda path: f"{path.parent.name}-{path.name}")
NOTEBOOKS = [path for path in translate.pages() if path.suffix == ".ipynb"]
NOTEBOOK = pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.name}")


@SOURCE
def test_every_text_has_a_translation_that_is_neither_old_nor_wrong(source):
    assert list(translate.faults(source)) == []


@SOURCE
def test_the_catalogue_has_the_texts_of_today_and_no_others(source):
    today = {(message.context, message.text) for message in translate.messages(source)}
    there = (unit for unit in translate.read(source).units if unit.istranslatable())
    assert {(unit.getcontext(), unit.source) for unit in there} == today, "call make translate"


@PAGE
def test_what_is_built_is_what_lies_there(source):
    assert translate.target(source).read_text(encoding="utf-8") == translate.build(source), "call make translate"


def test_what_helpers_look_up_is_what_lies_there():
    assert translate.STRINGS.read_text(encoding="utf-8") == translate.strings(), "call make translate"


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


@pytest.mark.parametrize(
    "english, chinese, problem",
    [
        ("Set `packing=True`.", "設定 `packing=true`。", "inline code"),
        ("You stopped at step {0}.", "你停下來了。", "place for a value"),
        ("See [05](05_train.ipynb).", "見 [05](06_train.ipynb)。", "links"),
        ("It takes 20 steps.", "需要 2 步。", "numbers"),
        ("A **batch.** Then more.", "一個**批次。**然後", "bold type"),
        ("The data set.", "数据集。", "Big5"),
        ("The default.", "默認值。", "默認"),
    ],
)
def test_what_a_translation_loses_is_said(english, chinese, problem):
    assert any(problem in sentence for sentence in translate.problems(english, chinese))


def test_a_good_translation_has_no_problem():
    english = "**Batch:** 135 million weights, see [`packing`](04_pack.ipynb#Why) at {0}."
    assert translate.problems(english, "**批次**：1.35 億個權重，見 [`packing`](04_pack.ipynb#Why) 的 {0}。") == []


HELPER = '''"""A module of helpers."""

SHORT_TEXTS = ("rows", "no")
OTHER = ("rows left",)


def judge(count):
    """What it does is no text for a reader."""
    hints = [(count == 8, "eight examples fit into memory")]
    style = f"<td style='color:{count}'>of the table</td>"
    place = dict(loc="outside lower center")
    return not_yet(f"{count} rows: {f'look at row {count} again' if count else hints}", style, place)


slider = log_slider("labels", 1, 0, 5)
'''


def test_texts_of_a_helper_are_found_wherever_they_stand(tmp_path):
    path = tmp_path / "helper.py"
    path.write_text(HELPER, encoding="utf-8")
    found = set(texts.spoken(path))
    assert found == {
        "rows",
        "no",
        "labels",
        "eight examples fit into memory",
        "{0} rows: {1}",
        "look at row {0} again",
    }


def test_a_unit_is_told_apart_from_other_texts_of_a_cell():
    code = 'asked = predict.estimate("How many updates does it take?", "updates")\nasked'
    cell = nbformat.v4.new_code_cell(code, id="predict-updates")
    met = {message.text: message.where for message in translate._of_cell(cell, {})}
    assert met == {"How many updates does it take?": "text in code", "updates": translate.UNIT}


def test_options_that_are_a_dictionary_s_keys_are_found(tmp_path):
    path = tmp_path / "lesson.ipynb"
    code = 'shop = {"natural commands": 1, "no command": 2}\npredict.choose("Which one helps?", list(shop))'
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id="buy")]), path)
    assert {message.text for message in translate.messages(path)} >= {"natural commands", "no command"}


def test_all_that_a_report_may_say_is_found(tmp_path):
    path = tmp_path / "lesson.ipynb"
    code = 'if good:\n    worth = "It helps."\nelse:\n    worth = "It may harm."\nlimits = [f"{n} rows alone."]\n'
    code += 'limits.append("One seed.")\nreport.write(page, "A title", {"Limits": [worth, *limits]})'
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id="report")]), path)
    told = {"A title", "Limits", "It helps.", "It may harm.", "{0} rows alone.", "One seed."}
    assert {message.text for message in translate.messages(path)} == told


def test_pages_for_instructors_lead_to_chinese_notebooks():
    plans = translate.target(translate.TEACHING / "plans.md")
    assert plans == translate.ROOT / "teaching" / "zh-TW" / "plans.md"
    page = plans.read_text(encoding="utf-8")
    assert "](../../notebooks/zh-TW/05_train_with_sfttrainer.ipynb)" in page
    assert "](../notebooks/" not in page
    assert "](README.md#" in page  # which is the Chinese one beside it
    assert "](run_sheets)" in plans.with_name("README.md").read_text(encoding="utf-8")


LONG, CHANGED = "This sentence of the notebook is rather long.", "This sentence of the notebook is really long."


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A small notebook of the course, with its catalogue."""
    monkeypatch.setattr(translate, "ROOT", tmp_path)
    monkeypatch.setattr(translate, "LOCALE", tmp_path / "locale")
    monkeypatch.setattr(translate, "NOTEBOOKS", tmp_path / "notebooks")
    source = tmp_path / "notebooks" / "00_small.ipynb"
    source.parent.mkdir()
    write(source, "Two words.", LONG)
    translate.merge(source)
    catalogue = translate.catalogue(source)
    text = catalogue.read_text(encoding="utf-8")
    text = re.sub(r'msgid "Two words."\nmsgstr ""', 'msgid "Two words."\nmsgstr "兩個詞。"', text)
    catalogue.write_text(
        re.sub(r'rather long."\nmsgstr ""', 'rather long."\nmsgstr "這句有點長。"', text), encoding="utf-8"
    )
    return source


def write(source, first: str, second: str | None = None) -> None:
    cells = [nbformat.v4.new_markdown_cell(first, id="first")]
    cells += [nbformat.v4.new_markdown_cell(second, id="second")] if second else []
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)


def test_an_english_text_that_changed_is_marked_and_stays_english(page):
    write(page, "Two words.", CHANGED)
    translate.merge(page)
    assert list(translate.faults(page)) == [f"the English has changed: {CHANGED!r}"]
    assert "rather long" in translate.catalogue(page).read_text(encoding="utf-8")  # the old text, beside it
    built = nbformat.reads(translate.build(page), as_version=4)
    assert [cell.source for cell in built.cells] == ["兩個詞。", CHANGED]


def test_the_translation_of_a_cell_that_is_gone_does_not_stay(page):
    write(page, "Two words.")
    translate.merge(page)
    assert list(translate.faults(page)) == []
    assert [unit.source for unit in translate.read(page).units if unit.istranslatable()] == ["Two words."]


def test_unchanged_english_needs_no_work(page):
    before = translate.catalogue(page).read_bytes()
    translate.merge(page)
    assert translate.catalogue(page).read_bytes() == before
