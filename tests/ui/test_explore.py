"""Explorers, driven in the kernel: a changed choice redraws picture and numbers at once."""

import html
import io
import logging

import pytest
from datasets import Dataset
from PIL import Image
from trl import SFTConfig, SFTTrainer

from helpers.errors import print_warnings
from helpers.model import load, load_config
from helpers.ui import explore
from tests.ui.widgets import by_label


def test_schedule_explorer_counts_as_the_trainer_does():
    box = explore.schedules(600)
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    choices["batch"].value, choices["accumulation"].value = 8, 4
    before = picture.value
    assert "<td>19</td>" in result.value.replace("19.0", "19")
    choices["epochs"].value = 2
    assert "<td>38</td>" in result.value.replace("38.0", "38") and picture.value != before
    for kind in explore.SCHEDULES:
        choices["scheduler"].value = kind
        assert Image.open(io.BytesIO(picture.value)).width > 500


@pytest.mark.parametrize("end", ["min", "max"])
def test_sliders_of_the_schedule_at_their_ends(end):
    box = explore.schedules(2392)
    for choice in by_label(box).values():
        if hasattr(choice, "min"):
            choice.value = getattr(choice, end)
    assert "updates" in box.children[2].value


def test_memory_explorer_says_what_fits():
    box = explore.memory_use({"small": load_config("nano"), "7B": load_config("Qwen/Qwen2.5-7B")})
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    before, small = picture.value, result.value
    choices["model"].value = "7B"
    assert result.value != small and picture.value != before
    whole = result.value
    choices["train"].value = "LoRA, rank 8"
    assert result.value != whole
    for slider in (choices["batch"], choices["tokens"]):
        slider.value = slider.max
    choices["activation checkpointing"].value = True
    largest = result.value
    for slider in (choices["batch"], choices["tokens"]):
        slider.value = slider.min
    assert "activations (GB)" in largest and result.value != largest


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
    box = explore.label_masks(masked, MODES, load("nano")[1], messages)
    return *box.children[0].children, box.children[2]


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
    for attribute, value in (("handlers", []), ("propagate", True)):
        monkeypatch.setattr(logging.getLogger("trl"), attribute, value)
    print_warnings("trl")
    model = load("nano")[0]

    def prepared(messages, mode, tokenizer):
        config = SFTConfig(output_dir=tmp_path, bf16=False, use_cpu=True, activation_checkpointing=False)
        rows = Dataset.from_list([{"prompt": messages[:-1], "completion": messages[-1:]}])
        row = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer).train_dataset[0]
        return row["input_ids"], row["labels"]

    messages = [{"role": "user", "content": "lights off"}, {"role": "assistant", "content": "done"}]
    box = explore.label_masks(prepared, MODES, load("nano")[1], messages)
    (family, _, text), result = box.children[0].children, box.children[2]
    assert "warns" not in result.value
    family.value = "DeepSeek-R1-Distill"  # whose generation prompt opens with <think>, and whose answers do not
    assert "not a prefix" in result.value
    text.value = "user: lights on\nassistant: done"
    assert "not a prefix" in result.value


def test_packing_explorer_follows_each_control():
    lengths = [40, 50, 60, 300, 700] * 8
    box = explore.packed_rows(lengths)
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


def test_the_planner_says_whether_it_fits_and_how_to_start_it():
    box = explore.gpus({"small": load_config("nano"), "Qwen/Qwen2.5-7B": load_config("Qwen/Qwen2.5-7B")})
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    before = picture.value
    choices["model"].value = "Qwen/Qwen2.5-7B"
    assert "<td>no</td>" in result.value and picture.value != before
    choices["train"].value = "QLoRA"
    assert "<td>yes</td>" in result.value and "--load_in_4bit" in result.value
    choices["several by"].value = "DeepSpeed ZeRO-3"
    assert "is not planned here" in result.value and picture.layout.display == "none"
    choices["several by"].value = "FSDP"
    choices["train"].value = "all weights"
    choices["how many"].value = 8
    assert "<td>yes</td>" in result.value and "accelerate/fsdp.yaml --num_processes 8" in result.value
    choices["GPU"].value = "T4"
    assert "--fp16 true" in result.value


@pytest.mark.parametrize("end", ["min", "max"])
def test_sliders_of_the_planner_at_their_ends(end):
    box = explore.gpus({"Qwen/Qwen2.5-7B": load_config("Qwen/Qwen2.5-7B")})
    for choice in by_label(box).values():
        if hasattr(choice, "min"):
            base = getattr(choice, "base", None)
            choice.value = base ** getattr(choice, end) if base else getattr(choice, end)
    assert "hours" in box.children[2].value
