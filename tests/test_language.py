"""Which language helpers speak, and how a text with values in it is recognised."""

import json
import subprocess
import sys

import pytest

from helpers import language, setup
from helpers.checks.protocol import UNTRIED, not_yet
from helpers.errors import CourseError
from helpers.paths import ROOT
from helpers.ui import predict, quiz, still

CHINESE = r"[\u4e00-\u9fff]"


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "zh-TW")


@pytest.fixture
def catalogue(monkeypatch):
    known = {
        "steps": "步",
        "unit\x04steps": "步數",
        "reading\x04{0}% open": "開 {0}%",
        "reading\x04red": "紅",
        "for lengths {0}, {1}.": "長度 {0}：{1}。",
        "token {0} should see token {1}": "{0} 應該看得到 {1}",
        "eight fit into memory": "放得下八個",
        "You stopped at step {0}.": "你停在第 {0} 步。",
        "{0} of the first {1} {2}": "{1} 個 {2} 之中的 {0} 個",
        "the {{name}} of {0}": "{0} 的 {{name}}",
        "{0}: {1}": "{0}；{1}",
    }
    monkeypatch.setattr(language, "_catalogue", lambda name: known)
    language._patterns.cache_clear()
    yield
    language._patterns.cache_clear()


def test_values_are_put_where_the_translation_wants_them(catalogue):
    assert language._("You stopped at step 20.") == "你停在第 20 步。"
    assert language._("3 of the first 10 steps") == "10 個 步 之中的 3 個"
    assert language._("the {name} of mine") == "mine 的 {name}"


def test_a_value_is_translated_by_its_own_pattern(catalogue):
    assert language._("for lengths [3], token 1 should see token 0.") == "長度 [3]：1 應該看得到 0。"


def test_lines_and_a_full_stop_are_taken_apart(catalogue):
    assert language._("You stopped at step 2.\nsteps") == "你停在第 2 步。\n步"
    assert language._("eight fit into memory.") == "放得下八個。"


def test_a_unit_may_have_another_translation(catalogue):
    assert language._("steps", "unit") == "步數" and language._("steps") == "步"
    assert language._("eight fit into memory", "unit") == "eight fit into memory"


def test_a_context_has_patterns_of_its_own_however_short(catalogue):
    assert language._("40% open", "reading") == "開 40%" and language._("red% open", "reading") == "開 紅%"
    assert language._("40% open") == "40% open"


def test_what_no_catalogue_knows_stays_english(catalogue):
    assert language._("You stopped.") == "You stopped."
    assert language._("") == ""
    assert language._("a: b") == "a: b"  # a text that is little more than its values recognises nothing


def test_the_folder_decides_and_setup_overrules_it(monkeypatch, tmp_path):
    monkeypatch.delenv(language.VARIABLE, raising=False)
    monkeypatch.setattr(language, "_chosen", [])
    folder = tmp_path / "zh-TW" / "solutions"
    folder.mkdir(parents=True)
    assert language.language() == "en"
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/zh-TW/05_train_with_sfttrainer.ipynb")
    assert language.language() == "zh-TW"
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.chdir(folder)
    assert language.language() == "zh-TW"
    setup(language="en")
    assert language.language() == "en"


def test_a_language_that_there_is_not_is_named():
    with pytest.raises(CourseError, match="no course in 'fr': choose one of en, zh-TW"):
        setup(language="fr")


def test_a_prediction_is_answered_in_english_whatever_it_shows(catalogue, capsys):
    shown = predict.choose("You stopped at step 20.", ["steps", "epochs"])
    assert "你停在第 20 步。" in shown.children[0].value
    shown.control.index = 0
    assert shown.control.label == "步" and shown.answer == "steps"
    assert "● 步" in still.still(shown)
    shown.reveal("epochs")
    assert "步" in capsys.readouterr().out


def test_quiz_check_and_error_speak_chinese(chinese, capsys):
    asked = quiz.show("00")
    title, radio, feedback = asked.children[0].children
    radio.index = 0
    for text in (title.value, radio.options[0], feedback.value, language._(UNTRIED), not_yet("x").message):
        assert any("\u4e00" <= character <= "\u9fff" for character in text), text
    assert "請" in str(CourseError("learning_rate is -1: make it a number above 0 and run the cell again."))


def test_a_terminal_that_knows_big5_alone_shows_an_error(tmp_path):
    program = (
        "from helpers.errors import CourseError\n"
        "print(CourseError('batch_size is -1: make it a number above 0 and run the cell again.'))"
    )
    environment = {"PYTHONIOENCODING": "cp950", language.VARIABLE: "zh-TW", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, cwd=tmp_path)
    assert not done.returncode and "batch_size" in done.stdout.decode("cp950")


def test_all_that_helpers_look_up_can_be_put_together():
    for english, translation in json.loads((ROOT / "locale/zh_TW/strings.json").read_text(encoding="utf-8")).items():
        if language.VALUE.search(english):
            values = [str(n) for n in range(len(language.VALUE.findall(english)))]
            assert translation.format(*values), english
