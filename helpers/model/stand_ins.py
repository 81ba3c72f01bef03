"""Stand-ins: small models with the architecture, markers and padding of well-known ones, to walk their path offline."""

import json

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from helpers.errors import CourseError
from helpers.model import chat, load
from helpers.model.loading import ARCHITECTURES

# What each brings: a base model has no chat template, and its BOS is its EOS.
FAMILIES = {
    "HuggingFaceTB/SmolLM2-135M": chat.Family(
        None, eos="<|endoftext|>", bos="<|endoftext|>", special=("<|im_start|>", "<|im_end|>")
    ),
    "facebook/opt-350m": chat.Family(None, eos="</s>", bos="</s>", pad="<pad>", adds_bos=True),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": chat.FAMILIES["DeepSeek-R1-Distill"],
}
# Sizes of a stand-in. What makes an architecture its own stays: OPT-350m's embeddings are half as wide as its layers.
SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "ffn_dim": 128,
    "word_embed_proj_dim": 32,
}


def stand_in(name: str, seed: int = 0) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of the architecture of `name`, a key of FAMILIES, but small and with random weights; and a tokenizer with
    its template, markers and padding, which splits words as nano's does. It learns nothing worth having.
    """
    if name not in FAMILIES:
        raise CourseError(f"There is no stand-in for {name!r}: choose one of {', '.join(FAMILIES)}.")
    tokenizer = chat.tokenizer_for(FAMILIES[name], load("nano")[1])
    known = json.loads(ARCHITECTURES.read_text(encoding="utf-8"))[name]
    config = AutoConfig.for_model(
        **known | {size: n for size, n in SMALL.items() if size in known},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config.vocab_size = len(tokenizer)
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32), tokenizer
