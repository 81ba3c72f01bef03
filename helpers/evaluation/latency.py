"""Latency: what requests cost that a model answers one at a time, as it does for one home."""

import copy
import time
from collections.abc import Callable

import pandas as pd
import torch
from transformers.generation.streamers import BaseStreamer

from helpers.evaluation.generation import LONGEST, greedy, read_beginning


class _Stopwatch(BaseStreamer):
    """Notes when `generate` passes on the prompt and each token of the answer, in seconds."""

    def __init__(self):
        self.at = []

    def put(self, value):
        self.at.append(time.perf_counter())

    def end(self):
        pass


@torch.inference_mode()
def time_requests(
    model,
    tokenizer,
    prompts: list[list[dict]],
    count: int,
    constraint: Callable | None = None,
    max_new_tokens: int = LONGEST,
    caching: bool = True,
) -> pd.DataFrame:
    """The times of the model's greedy answers to the first `count` prompts, one after another.

    With `caching`, the keys and values of the tokens that all prompts begin with are computed before, as a server's
    prefix cache has them. A row for each request: tokens cached, read and written; whether the answer "stopped by
    itself" within `max_new_tokens`; "ms to read", until its first token, and "ms in all". `constraint` is that of
    `generate`.
    """
    ids = [tokenizer.apply_chat_template(p, add_generation_prompt=True)["input_ids"] for p in prompts]
    start, cache = read_beginning(model, ids) if caching else (torch.empty(1, 0), None)
    rows = []
    for sent in [ids[0], *ids[:count]]:  # the first answer prepares things, so it is not counted
        stopwatch, prompt, past = _Stopwatch(), torch.tensor([sent], device=model.device), copy.deepcopy(cache)
        options = greedy(tokenizer, max_new_tokens, constraint) | dict(past_key_values=past, streamer=stopwatch)
        began = time.perf_counter()
        whole = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), **options)[0].tolist()
        cached = start.shape[1]
        row = {"tokens cached": cached, "tokens read": len(sent) - cached, "tokens written": len(whole) - len(sent)}
        row["stopped by itself"] = whole[-1] == tokenizer.eos_token_id
        row["ms to read"], row["ms in all"] = (1000 * (end - began) for end in (stopwatch.at[1], stopwatch.at[-1]))
        rows.append(row)
    return pd.DataFrame(rows[1:])
