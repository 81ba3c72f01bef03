"""Latency: what is counted for a request is what the tokenizer and plain `generate` say."""

import pytest
import torch
from transformers import LogitsProcessor

from helpers.dataset import commands
from helpers.evaluation.generation import LONGEST
from helpers.evaluation.latency import time_requests
from helpers.model import load_tuned

SAID = ["turn on the light in the kitchen", "turn off the light in the kitchen", "close the blinds", "stop"]
PROMPTS = [commands.prompt(said) for said in SAID]


@pytest.fixture(scope="module")
def nano():
    return load_tuned("nano")


@pytest.fixture(scope="module")
def requests(nano):
    return time_requests(*nano, PROMPTS, 3)


def test_a_request_reads_what_is_its_own(nano, requests):
    tokenizer = nano[1]
    ids = [tokenizer.apply_chat_template(p, add_generation_prompt=True)["input_ids"] for p in PROMPTS]
    cached = requests["tokens cached"].unique().tolist()
    assert len(cached) == 1 and len({tuple(row[: cached[0]]) for row in ids}) == 1
    assert len({row[cached[0]] for row in ids}) > 1, "one token more is no longer shared"
    assert (requests["tokens cached"] + requests["tokens read"]).tolist() == [len(row) for row in ids[:3]]


def test_it_writes_what_plain_generate_writes(nano, requests):
    model, tokenizer = nano
    for prompt, written, stopped in zip(
        PROMPTS, requests["tokens written"], requests["stopped by itself"], strict=False
    ):
        ids = torch.tensor([tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"]])
        answer = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=LONGEST,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[0, ids.shape[1] :].tolist()
        assert (written, stopped) == (len(answer), answer[-1] == tokenizer.eos_token_id)


def test_the_first_token_comes_before_the_last(requests):
    assert (requests["ms to read"] > 0).all()
    assert (requests["ms to read"] < requests["ms in all"]).all()


def test_without_a_cache_all_is_read(nano, requests):
    whole = time_requests(*nano, PROMPTS, 3, caching=False)
    assert (whole["tokens cached"] == 0).all()
    assert whole["tokens written"].tolist() == requests["tokens written"].tolist()
    assert whole["tokens read"].tolist() == (requests["tokens cached"] + requests["tokens read"]).tolist()


def test_a_constraint_holds(nano):
    tokenizer = nano[1]

    class OnlyTheEnd(LogitsProcessor):
        def __call__(self, input_ids, scores):
            return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor([tokenizer.eos_token_id]), 0)

    ended = time_requests(*nano, PROMPTS, 2, constraint=OnlyTheEnd)
    assert ended["tokens written"].tolist() == [1, 1]
    assert ended["stopped by itself"].all()
