"""Chat templates: families render as their models expect, and the mask shows what the loss counts."""

import pytest
from trl.chat_template_utils import get_training_chat_template

from helpers.errors import CourseError
from helpers.model import chat, load

DIALOGUE = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "lights off"},
    {"role": "assistant", "content": "done"},
    {"role": "user", "content": "and on"},
    {"role": "assistant", "content": "done again"},
]
families = pytest.mark.parametrize("family", chat.FAMILIES)


@pytest.fixture(scope="module")
def tokenizer():
    return load("smollm2")[1]


@pytest.mark.parametrize("messages", [DIALOGUE, DIALOGUE[1:], DIALOGUE[:2], DIALOGUE[1:2]])
def test_chatml_renders_as_smollm2s_own(messages, tokenizer):
    for opened in (True, False):
        own, ours = (
            tokenizer.apply_chat_template(messages, chat_template=t, tokenize=False, add_generation_prompt=opened)
            for t in (None, chat.CHATML)
        )
        assert own == ours


@families
def test_special_tokens_are_one_token_each(family, tokenizer):
    dressed, wanted = chat.tokenizer_for(family, tokenizer), chat.FAMILIES[family]
    for token in filter(None, (wanted.eos, wanted.bos, *wanted.special)):
        assert len(dressed(token, add_special_tokens=False)["input_ids"]) == 1
    assert dressed.eos_token == wanted.eos and tokenizer.eos_token == "<|im_end|>"


@families
def test_every_answer_ends_inside_the_assistant_mask(family, tokenizer):
    dressed = chat.tokenizer_for(family, tokenizer)
    marked = "{% generation %}" in dressed.chat_template
    template = None if marked else get_training_chat_template(dressed)
    rendered = dressed.apply_chat_template(
        DIALOGUE, chat_template=template, return_dict=True, return_assistant_tokens_mask=True
    )
    counted = [i for i, mask in zip(rendered["input_ids"], rendered["assistant_masks"], strict=True) if mask]
    assert counted.count(dressed.eos_token_id) == 2
    assert "lights" not in dressed.decode(counted) and "again" in dressed.decode(counted)


@families
def test_bos_comes_once_from_text_and_twice_from_rendered_text(family, tokenizer):
    dressed = chat.tokenizer_for(family, tokenizer)
    if not chat.FAMILIES[family].adds_bos:
        assert dressed("hi")["input_ids"] == dressed("hi", add_special_tokens=False)["input_ids"]
        return
    assert dressed("hi")["input_ids"].count(dressed.bos_token_id) == 1
    rendered = dressed.apply_chat_template(DIALOGUE, tokenize=False)
    assert dressed(rendered)["input_ids"][:2] == [dressed.bos_token_id] * 2
    assert dressed.apply_chat_template(DIALOGUE)["input_ids"].count(dressed.bos_token_id) == 1


def test_an_unknown_family_is_named(tokenizer):
    with pytest.raises(CourseError, match="no family 'Llama 9': choose one of ChatML"):
        chat.tokenizer_for("Llama 9", tokenizer)
