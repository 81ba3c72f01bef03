"""Chat: how the messages of a dialogue become one text, family by family, and which of its tokens the loss counts.

Source of those of Qwen2.5, DeepSeek and Llama 3: TRL's copies of the hub's (trl/chat_templates), so none is fetched.
"""

import copy
from dataclasses import dataclass
from importlib.resources import files

from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerBase

from helpers.errors import CourseError

IGNORED = -100  # the label of a token that the loss does not count


def _published(name: str) -> str:
    return files("trl").joinpath("chat_templates", f"{name}.jinja").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Family:
    template: str | None  # a base model may come without
    eos: str
    bos: str | None = None
    special: tuple[str, ...] = ()  # further tokens that the template needs in the vocabulary
    pad: str | None = None  # where padding has a token of its own
    adds_bos: bool = False  # whether the family's tokenizer puts BOS before every plain text


# SmolLM2's template renders the same text, but has no {% generation %} around what the assistant says.
CHATML = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
    "{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "### Answer:{% generation %}{{ ' ' + message['content'] + eos_token }}{% endgeneration %}{{ '\n' }}"
    "{% elif message['role'] == 'user' %}{{ '### Question: ' + message['content'] + '\n' }}"
    "{% else %}{{ message['content'] + '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Answer:' }}{% endif %}"
)
FAMILIES = {
    "ChatML (SmolLM2)": Family(CHATML, eos="<|im_end|>", bos="<|im_start|>"),
    "Qwen2.5": Family(_published("qwen2_5"), eos="<|im_end|>", special=("<|im_start|>",)),
    "DeepSeek-R1-Distill": Family(
        _published("deepseek_r1_distill"),
        eos="<｜end▁of▁sentence｜>",
        bos="<｜begin▁of▁sentence｜>",
        special=("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
        adds_bos=True,
    ),
    "Llama 3": Family(
        _published("llama3"),
        eos="<|eot_id|>",
        bos="<|begin_of_text|>",
        special=("<|start_header_id|>", "<|end_header_id|>"),
        adds_bos=True,
    ),
    "plain text": Family(PLAIN, eos="<|endoftext|>"),
}


def tokenizer_for(family: str | Family, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A copy of `tokenizer` with the template of a family, or of that name in FAMILIES, and its special tokens.

    Words are still split as `tokenizer` splits them. Raises CourseError for an unknown family.
    """
    wanted = family if isinstance(family, Family) else FAMILIES.get(family)
    if wanted is None:
        raise CourseError(f"There is no family {family!r}: choose one of {', '.join(FAMILIES)}.")
    copied = copy.deepcopy(tokenizer)
    copied.chat_template = wanted.template
    known = copied.get_vocab()
    copied.add_tokens([t for t in (wanted.eos, wanted.bos, *wanted.special, wanted.pad) if t and t not in known], True)
    copied.eos_token, copied.bos_token = wanted.eos, wanted.bos
    own = copied.pad_token if copied.pad_token in copied.get_vocab() else wanted.eos
    copied.pad_token = wanted.pad or own
    if wanted.adds_bos:
        bos = (wanted.bos, copied.convert_tokens_to_ids(wanted.bos))
        copied.backend_tokenizer.post_processor = TemplateProcessing(single=f"{wanted.bos} $0", special_tokens=[bos])
    return copied
