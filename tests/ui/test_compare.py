"""Widgets, driven in the kernel: setting a value or clicking fires their callbacks at once."""

import html
import io
import logging

import pandas as pd
import pytest
from datasets import Dataset
from PIL import Image
from trl import SFTConfig, SFTTrainer

from helpers import models, plots, quiz, widgets
from helpers.errors import print_warnings


@pytest.fixture(scope="module")
def picture(nano_trainer):
    """The live picture after a real run of nano."""
    trainer = nano_trainer(24, max_steps=6, logging_steps=1, per_device_train_batch_size=4)
    live = widgets.LivePicture()
    live.instead_of_printing(trainer)
    trainer.train()
    return live


def test_live_picture_follows_the_run_to_its_end(picture):
    assert picture.bar.value == picture.bar.max == 6
    assert picture.status.value == "step 6 of 6 · done"
    assert Image.open(io.BytesIO(picture.image.value)).width > 600


def test_live_picture_replaces_what_the_trainer_prints(picture, capsys):
    assert "loss" not in capsys.readouterr().out


def parts(box):
    (text, button), result = box.children[0].children, box.children[1]
    return text, button, result


def test_compare_box_shows_each_answer_and_whether_it_is_a_call():
    right = '{"name":"HassNevermind","arguments":{}}'
    answers = {"before": lambda command: "Sure, " + command, "after": lambda command: right}
    text, button, result = parts(widgets.compare_box(answers))
    text.value = "forget <b>it</b>"
    button.click()
    assert "forget &lt;b&gt;it&lt;/b&gt;" in result.value and "<b>it</b>" not in result.value
    before, after = result.value.split("<tr>")[1:]
    assert "before" in before and "not JSON" in before
    assert "after" in after and "valid call" in after and "HassNevermind" in after
    assert not button.disabled


def test_compare_box_asks_a_real_model():
    text, button, result = parts(widgets.compare_box({"nano": widgets.answerer(*models.load("nano"))}))
    text.value = "lights out in the den"
    button.click()
    assert "lights out in the den" in result.value and "nano" in result.value


def test_compare_box_marks_the_tokens_a_model_is_unsure_of():
    model, tokenizer = models.load("nano")  # untrained, so unsure of everything
    text, button, result = parts(widgets.compare_box({"nano": widgets.answerer(model, tokenizer, explain=True)}))
    text.value = "lights out in the den"
    button.click()
    assert "<sub>" in result.value and "%</td>" in result.value
    sure = pd.DataFrame({"token": ['{"', "<", "⏹"], "probability": [0.99, 0.5, 0.95]})
    row = widgets.answers_table("x", {"model": ('{"<', sure)})
    assert "<b>&lt;</b></u><sub>50%</sub>⏹" in row and "<td style='text-align:left; padding-right:1em'>47%</td>" in row


def test_advisor_recommends_anew_when_an_answer_changes():
    grid, result = widgets.advisor().children
    by_label = {choice.description: choice for choice in grid.children}
    best = lambda: result.value.split("<td>")[2].split("<")[0]  # after the points
    by_label["What users say"].value = "a few fixed phrases"
    assert best() == "rules"
    by_label["What users say"].value = "free speech"
    by_label["Domain"].value = "facts that change"
    assert best() == "RAG"


def test_compare_box_asks_for_a_command_and_says_what_failed():
    def fail(command):
        raise RuntimeError("out of memory")

    text, button, result = parts(widgets.compare_box({"model": fail}))
    button.click()
    assert result.value == "Type a command first."
    text.value = "lights"
    button.click()
    assert result.value == "No answer: out of memory"
    assert not button.disabled


@pytest.mark.parametrize("path", sorted(quiz.FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_quiz_has_one_right_option_and_explains_each(path):
    for item in quiz.questions(path.stem):
        assert sum(option["right"] for option in item["options"]) == 1, item["question"]
        assert len(item["options"]) >= 3 and all(option["why"] for option in item["options"])


@pytest.mark.parametrize("path", sorted(quiz.FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_quiz_says_what_is_right_and_counts(path):
    asked = quiz.questions(path.stem)
    *boxes, score = quiz.show(path.stem).children
    assert score.value == f"0 of {len(asked)} right so far"
    for item, box in zip(asked, boxes, strict=True):
        _, radio, feedback = box.children
        right = [option["right"] for option in item["options"]].index(True)
        radio.index = (right + 1) % len(item["options"])
        assert feedback.value.startswith("<b>Not this one.</b>")
        radio.index = right
        assert feedback.value.startswith("<b>Right.</b>")
    assert score.value == f"{len(asked)} of {len(asked)} right so far"


def test_colours_of_the_course_differ_in_grey():
    grey = sorted(Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0)) for color in plots.COLORS.values())
    pairs = [("train", "validation"), ("before", "after")]
    shade = {k: Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)) for k, c in plots.COLORS.items()}
    assert len(set(grey)) == len(plots.COLORS)
    assert all(abs(shade[a] - shade[b]) > 15 for a, b in pairs), shade


MODES = ("completion only", "all", "EOS hidden")


def masked(messages, mode, tokenizer):
    """A small real one: prompt and answer as the template renders them."""
    ids = tokenizer.apply_chat_template(messages)["input_ids"]
    start = len(tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True)["input_ids"])
    labels = ids if mode == "all" else [-100] * start + ids[start:]
    return ids, [-100 if mode == "EOS hidden" and i == tokenizer.eos_token_id else i for i in labels]


@pytest.fixture
def playground():
    messages = [{"role": "user", "content": "lights <b>off</b>"}, {"role": "assistant", "content": "done: now"}]
    box = widgets.mask_playground(masked, MODES, models.load("nano")[1], messages)
    return *box.children[0].children, *box.children[1:]


def test_playground_shows_tokens_and_counts(playground):
    family, mode, text, result = playground
    assert "in the loss: yes" in result.value and "&lt;" in result.value and "<b>off" not in result.value
    few = result.value.count("color:white")
    mode.value = "all"
    assert result.value.count("color:white") > few
    mode.value = "EOS hidden"
    assert "would not learn to stop" in result.value
    for name in family.options:
        family.value = name
        assert "tokens," in result.value and "Not yet" not in result.value
    assert "<|im_start|>" not in html.unescape(result.value)  # the last family is plain text


@pytest.mark.parametrize(
    "written, says",
    [
        ("", "no messages"),
        ("lights off", "unknown role"),
        ("user: lights off", "do not alternate"),
        ("user: lights off\nassistant:", "is empty"),
        ("bot: hi\nassistant: ho", "unknown role &#x27;bot&#x27;"),
    ],
)
def test_playground_says_what_is_wrong_with_a_dialogue(written, says, playground):
    _, _, text, result = playground
    before, good = result.value, text.value
    text.value = written
    assert says in result.value
    text.value = good
    assert result.value == before


def test_playground_repeats_a_warning_that_trl_gives_once(tmp_path, monkeypatch):
    for kept, value in (("handlers", []), ("propagate", True)):
        monkeypatch.setattr(logging.getLogger("trl"), kept, value)
    print_warnings("trl")
    model = models.load("nano")[0]

    def prepared(messages, mode, tokenizer):
        config = SFTConfig(output_dir=tmp_path, bf16=False, use_cpu=True, activation_checkpointing=False)
        rows = Dataset.from_list([{"prompt": messages[:-1], "completion": messages[-1:]}])
        row = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer).train_dataset[0]
        return row["input_ids"], row["labels"]

    messages = [{"role": "user", "content": "lights off"}, {"role": "assistant", "content": "done"}]
    box = widgets.mask_playground(prepared, MODES, models.load("nano")[1], messages)
    family, text, result = box.children[0].children[0], *box.children[1:]
    assert "warns" not in result.value
    family.value = "DeepSeek-R1-Distill"  # whose generation prompt opens with <think>, and whose answers do not
    assert "not a prefix" in result.value
    text.value = "user: lights on\nassistant: done"
    assert "not a prefix" in result.value


def test_packing_explorer_follows_each_control():
    lengths = [40, 50, 60, 300, 700] * 8
    box = widgets.packing_explorer(lengths)
    (strategy, longest, batch), picture, result = box.children[0].children, *box.children[1:]
    seen = {(result.value, bytes(picture.value))}
    for control, value in (
        (strategy, "wrapped"),
        (strategy, "bfd_split"),
        (longest, longest.min),
        (longest, longest.max),
        (batch, batch.min),
        (batch, batch.max),
    ):
        control.value = value
        now = (result.value, bytes(picture.value))
        assert now not in seen
        seen.add(now)
        assert Image.open(io.BytesIO(picture.value)).width > 600
