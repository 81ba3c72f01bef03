"""The box that compares models: each answer to a typed command, and whether it is a call."""

import pandas as pd

from helpers.evaluation.generation import answerer
from helpers.model import load
from helpers.ui import compare


def parts(box):
    (text, button), result = box.children[0].children, box.children[1]
    return text, button, result


def test_compare_box_shows_each_answer_and_whether_it_is_a_call():
    right = '{"name":"HassNevermind","arguments":{}}'
    answers = {"before": lambda command: "Sure, " + command, "after": lambda command: right}
    text, button, result = parts(compare.compare_box(answers))
    text.value = "forget <b>it</b>"
    button.click()
    assert "forget &lt;b&gt;it&lt;/b&gt;" in result.value and "<b>it</b>" not in result.value
    before, after = result.value.split("<tr>")[1:]
    assert "before" in before and "not JSON" in before
    assert "after" in after and "valid call" in after and "HassNevermind" in after
    assert not button.disabled


def test_compare_box_asks_a_real_model():
    text, button, result = parts(compare.compare_box({"nano": answerer(*load("nano"))}))
    text.value = "lights out in the den"
    button.click()
    assert "lights out in the den" in result.value and "nano" in result.value


def test_compare_box_marks_the_tokens_a_model_is_unsure_of():
    model, tokenizer = load("nano")  # untrained, so unsure of everything
    text, button, result = parts(compare.compare_box({"nano": answerer(model, tokenizer, explain=True)}))
    text.value = "lights out in the den"
    button.click()
    assert "<sub>" in result.value and "%</td>" in result.value
    sure = pd.DataFrame({"token": ['{"', "<", "⏹"], "probability": [0.99, 0.5, 0.95]})
    row = compare.answers_table("x", {"model": ('{"<', sure)})
    assert "<b>&lt;</b></u><sub>50%</sub>⏹" in row and "<td style='text-align:left; padding-right:1em'>47%</td>" in row


def test_compare_box_asks_for_a_command_and_says_what_failed():
    def fail(command):
        raise RuntimeError("out of memory")

    text, button, result = parts(compare.compare_box({"model": fail}))
    button.click()
    assert result.value == "Type something first."
    text.value = "lights"
    button.click()
    assert result.value == "No answer: out of memory"
    assert not button.disabled
