"""Latency: what requests cost that a model answers one at a time, as it does for one home."""

import copy
import os
import time
from collections.abc import Callable

import pandas as pd
import torch
from transformers.generation.streamers import BaseStreamer

from helpers.evaluation.generation import LONGEST


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
    model, tokenizer, prompts: list[list[dict]], count: int, constraint: Callable | None = None, caching: bool = True
) -> pd.DataFrame:
    """The times of the model's greedy answers to the first `count` prompts, one after another.

    With `caching`, the keys and values of the tokens that all prompts begin with are computed before, as a server's
    prefix cache has them. A row for each request: tokens cached, read and written; whether the answer "stopped by
    itself" within LONGEST tokens; "ms to read", until its first token, and "ms in all". `constraint` is that of
    `generate`.
    """
    ids = [tokenizer.apply_chat_template(p, add_generation_prompt=True)["input_ids"] for p in prompts]
    cached = len(os.path.commonprefix([*ids, ids[0][:-1]])) if caching else 0  # at least one token is left to read
    beginning = torch.tensor([ids[0][:cached]], device=model.device)
    cache = model(input_ids=beginning, use_cache=True).past_key_values if cached else None
    rows = []
    for sent in [ids[0], *ids[:count]]:  # the first answer prepares things, so it is not counted
        stopwatch, prompt, past = _Stopwatch(), torch.tensor([sent], device=model.device), copy.deepcopy(cache)
        began = time.perf_counter()
        whole = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            past_key_values=past,
            streamer=stopwatch,
            do_sample=False,
            max_new_tokens=LONGEST,
            logits_processor=[constraint()] if constraint else None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[0].tolist()
        row = {"tokens cached": cached, "tokens read": len(sent) - cached, "tokens written": len(whole) - len(sent)}
        row["stopped by itself"] = whole[-1] == tokenizer.eos_token_id
        row["ms to read"], row["ms in all"] = (1000 * (end - began) for end in (stopwatch.at[1], stopwatch.at[-1]))
        rows.append(row)
    return pd.DataFrame(rows[1:])
