"""Answers: what a model says to prompts, and how sure it was of each token."""

import contextlib
import copy
import os
import re
from collections.abc import Callable, Iterator

import pandas as pd
import torch

from helpers.dataset import commands
from helpers.language import _
from helpers.model import fast_bf16
from helpers.progress import progress

# Tokens of an answer, after which `generate` gives up. SmolLM2 needs 34 for the longest held-out call, 49 in Chinese.
LONGEST = 40
IN_CACHE = 16_384  # tokens whose keys and values `generate` holds at once: 0.4 GB for SmolLM2


def generate(
    model, tokenizer, prompts: list[list[dict]], max_new_tokens: int = LONGEST, constraint: Callable | None = None
) -> list[str]:
    """The model's greedy answer to each prompt (a list of messages), without special tokens.

    What all prompts begin with, such as a system message with examples, is computed once. Prompts of like length
    share a batch, so little is padded; padding stands to the left of what differs, where generation needs it.
    An answer that does not end within `max_new_tokens` tokens comes back cut.
    Where bfloat16 is fast the weights are rounded to it meanwhile, which can turn a close call between two tokens.
    `constraint` makes a new LogitsProcessor for each batch, which may forbid tokens.
    More than one batch draws a progress bar.
    """
    if not prompts:
        return []
    texts = [tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True) for p in prompts]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    size = max(1, IN_CACHE // (len(ids[order[-1]]) + max_new_tokens))
    answers = [""] * len(ids)
    was_training = model.training
    model.eval()
    with (
        _in_bfloat16(model),
        torch.inference_mode(),
        progress(shown=len(ids) > size, total=len(ids), desc=_("Answering"), unit=_("command")) as bar,
    ):
        start, prefix = read_beginning(model, ids)
        shared = start.shape[1]
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            rest = tokenizer.pad({"input_ids": [ids[i][shared:] for i in rows]}, padding_side="left")
            rest = rest.convert_to_tensors("pt").to(model.device)
            repeated, cache = start.expand(len(rows), -1), copy.deepcopy(prefix)
            if cache is not None:
                cache.batch_repeat_interleave(len(rows))
            out = model.generate(
                input_ids=torch.cat([repeated, rest["input_ids"]], 1),
                attention_mask=torch.cat([torch.ones_like(repeated), rest["attention_mask"]], 1),
                past_key_values=cache,
                **greedy(tokenizer, max_new_tokens, constraint),
            )
            new = out[:, shared + rest["input_ids"].shape[1] :]
            for i, text in zip(rows, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
                answers[i] = text
            bar.update(len(rows))
    model.train(was_training)
    return answers


def read_beginning(model, ids: list[list[int]]):
    """The tokens that all of `ids` begin with (1 by n; each keeps one of its own), and their keys and values if any."""
    shared = len(os.path.commonprefix([*ids, ids[0][:-1]]))
    start = torch.tensor([ids[0][:shared]], dtype=torch.long, device=model.device)
    return start, model(input_ids=start, use_cache=True).past_key_values if shared else None


def greedy(tokenizer, max_new_tokens: int, constraint: Callable | None = None) -> dict:
    """The arguments of a model's `generate` for greedy answers; `constraint` makes a new LogitsProcessor."""
    ends = dict(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    forbid = [constraint()] if constraint else None
    return dict(do_sample=False, max_new_tokens=max_new_tokens, logits_processor=forbid, **ends)


def token_probabilities(model, tokenizer, prompts: list[list[dict]], answers: list[str]) -> list[pd.DataFrame]:
    """How probable each token of each answer was to the model, given the prompt and the tokens before it.

    A frame has a row for each token of the answer and one for the end token after it: token (its text), probability
    (0 to 1) and part, which says what of a call it belongs to: format, intent, slot, value, or end.
    """
    frames = []
    bar = progress(prompts, shown=len(prompts) >= 20, desc=_("Reading"))
    for messages, answer in zip(bar, answers, strict=True):
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompt_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        encoded = tokenizer(answer, add_special_tokens=False, return_offsets_mapping=True)
        ids = [*encoded["input_ids"], tokenizer.eos_token_id]
        with torch.inference_mode():
            sequence = torch.tensor([prompt_ids + ids], device=model.device)
            logits = model(input_ids=sequence, logits_to_keep=len(ids) + 1).logits[0, :-1].float()
        probability = logits.softmax(-1)[torch.arange(len(ids)), ids].tolist()
        parts, spans = _parts(answer), encoded["offset_mapping"]
        part = [next((p for p in parts[a:b] if p != "format"), "format") for a, b in spans]
        tokens = [answer[a:b] for a, b in spans]
        frames.append(pd.DataFrame({"token": [*tokens, "⏹"], "probability": probability, "part": [*part, "end"]}))
    return frames


def answerer(model, tokenizer, prompt: Callable = commands.prompt, explain: bool = False) -> Callable:
    """A function from a command to the model's answer; with `explain`, to the answer and its token probabilities."""

    def answer(command: str):
        messages = [prompt(command)]
        text = generate(model, tokenizer, messages)[0]
        return (text, token_probabilities(model, tokenizer, messages, [text])[0]) if explain else text

    return answer


def _parts(call: str) -> list[str]:
    """For each character of a call's text, what it belongs to."""
    parts = ["format"] * len(call)
    for i, match in enumerate(re.finditer(r'"(\w+)":(?:"([^"]*)"|(-?[\d.]+))?', call)):
        # The first two keys are the call's own: name, whose value is the intent, and arguments.
        for group, part in ((1, "slot" if i > 1 else "format"), (2, "value" if i else "intent"), (3, "value")):
            start, end = match.span(group)
            parts[start:end] = [part] * (end - start)
    return parts


@contextlib.contextmanager
def _in_bfloat16(model) -> Iterator[None]:
    """Round the float32 parameters to bfloat16 for a moment, where that is fast; the originals come back unchanged."""
    originals = {}
    if fast_bf16():
        originals = {p: p.data for p in model.parameters() if p.dtype == torch.float32}
    try:
        for parameter, data in originals.items():
            parameter.data = data.bfloat16()
        yield
    finally:
        for parameter, data in originals.items():
            parameter.data = data
