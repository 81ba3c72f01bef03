"""The checks of notebook 10, Ship: right answers pass, and each usual mistake gets its hint."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from helpers.checks import ship as check
from helpers.model import load


@pytest.fixture(scope="module")
def layer():
    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    return next(part for part in get_peft_model(load("nano")[0], config).modules() if hasattr(part, "lora_A"))


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT uses an old name
@pytest.mark.parametrize(
    "answer, says",
    [
        (lambda W, A, B, scale: None, "Not tried yet"),
        (lambda W, A, B, scale: W + scale * B @ A, "Right: one addition"),
        (lambda W, A, B, scale: scale * B @ A, "that is the update alone"),
        (lambda W, A, B, scale: W + B @ A, "the scale is missing"),
        (lambda W, A, B, scale: A @ B, "it should be a matrix of (128, 128)"),
        (lambda W, A, B, scale: W - scale * B @ A, "for any x"),
        (lambda W, A, B, scale: "W", "it should be a matrix"),
    ],
)
def test_merged(answer, says, layer, capsys):
    A, B = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()
    scale = layer.scaling["default"] = 4.0
    check.merged(answer(layer.get_base_layer().weight.detach(), A, B, scale), layer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "token, says",
    [
        (None, "Not tried yet"),
        ("<|im_end|>", "Right"),
        ("<|im_start|>", "that one begins a turn"),
        (2, "that is its number"),
        ("<|pad|>", "none that the template writes"),
        ("im_end", "that is no token"),
    ],
)
def test_end_token(token, says, capsys):
    check.end_token(token, load("nano")[1])
    assert says in capsys.readouterr().out


GOOD = "license: apache-2.0\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct\npipeline_tag: text-generation\n"


@pytest.mark.parametrize(
    "text, says",
    [
        (None, "Not tried yet"),
        (GOOD, "Right"),
        (GOOD + "language: en", "Right"),
        (GOOD.replace("license", "licence"), "license is missing"),
        (GOOD.replace("apache-2.0", "Apache-2.0"), "license is 'Apache-2.0'"),
        (GOOD.replace("-Instruct", ""), "base_model is 'HuggingFaceTB/SmolLM2-135M'"),
        ("license apache-2.0", "each line is a name"),
        ("license: a: b", "each line is a name"),
        (7, "each line is a name"),
    ],
)
def test_card_block(text, says, capsys):
    check.card_block(text)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "merged, adapters, says",
    [
        (None, None, "Not tried yet"),
        (54.2, 1.042, "Right: 54 GB against 1.0"),
        (54, None, "one model and a hundred adapters: not tried yet"),
        (542, 1.0, "a hundred merged models: not 542 GB"),
        (54.2, 0.5, "one model and a hundred adapters: not 0.5 GB"),
    ],
)
def test_hundred_homes(merged, adapters, says, capsys):
    check.hundred_homes({"a hundred merged models": merged, "one model and a hundred adapters": adapters})
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "number, says",
    [
        (None, "Not tried yet"),
        (24, "reaches 19"),
        (683, "Right: with 683 commands the interval reaches 3.0 points"),
        (2000, "Fewer would do"),
        (0, "give a whole number"),
        (609.5, "give a whole number"),
    ],
)
def test_enough_commands(number, says, capsys):
    check.enough_commands(number)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "dtype, says",
    [(torch.float32, "it has"), (torch.float16, "Right"), (torch.bfloat16, "The other format keeps more digits")],
)
def test_half_the_size(dtype, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check, "LOGIT", 0.01)  # nano's logits are smaller
    model, tokenizer = load("nano")
    model.save_pretrained(tmp_path / "whole")
    tokenizer.save_pretrained(tmp_path / "whole")
    load("nano", dtype)[0].save_pretrained(tmp_path / "mine")
    tokenizer.save_pretrained(tmp_path / "mine")
    whole = sum(file.stat().st_size for file in (tmp_path / "whole").iterdir()) / 1e6
    check.half_the_size(tmp_path / "mine", model.eval(), torch.tensor([[5, 6, 7, 8, 9, 10]]), whole)
    assert says in capsys.readouterr().out


def test_half_the_size_names_a_folder_without_a_model(tmp_path, capsys):
    check.half_the_size(tmp_path, None, None, 1.0)
    assert "Not yet: " in capsys.readouterr().out
