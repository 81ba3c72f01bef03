"""Notebook 00 of the Chinese edition in JupyterLab: a prediction, a check and the quiz speak Chinese."""

import pytest
from playwright.sync_api import expect

import lessons
from helpers import language
from helpers.checks.protocol import UNTRIED
from helpers.ui import predict, quiz
from tests.browser import lab

pytestmark = pytest.mark.slow
SOON = 20_000  # ms, for the kernel to answer


def in_chinese(text: str) -> str:
    known = language._catalogue("zh-TW")
    assert text in known, text
    return known[text]


def test_prediction_check_and_quiz_speak_chinese(opened):
    page = opened(next(path for path in lessons.CHINESE if path.name.startswith("00_")), folder="zh-TW")
    lab.assert_clean(page)
    expect(page.get_by_text(in_chinese(predict.PREDICT)).first).to_be_visible()
    expect(page.get_by_text(in_chinese(UNTRIED)).first).to_be_visible()
    asked = quiz.questions("00")
    wrong = next(option for option in asked[0]["options"] if not option["right"])
    page.get_by_label(in_chinese(wrong["text"]), exact=True).first.check()
    expect(page.get_by_text(in_chinese(wrong["why"])).first).to_be_visible(timeout=SOON)
    expect(page.get_by_text(in_chinese(quiz.SO_FAR).format(0, len(asked)))).to_be_visible(timeout=SOON)
