"""Checks of notebook 00, How training works."""

import math
from collections.abc import Callable, Sequence

import torch

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.model.chat import IGNORED


@check
def labels(answer: Sequence[int], ids: Sequence[int], prompt_tokens: int) -> Verdict:
    """The labels of one example: its token ids, with -100 in the place of each of the first `prompt_tokens`."""
    answer, ids = [int(x) for x in answer], [int(x) for x in ids]
    if len(answer) != len(ids):
        return not_yet(f"there are {len(ids)} tokens, so {len(ids)} labels; yours are {len(answer)}.")
    if IGNORED in answer[prompt_tokens:]:
        return not_yet("a token of the answer is hidden: the loss would not count it.")
    if answer[:prompt_tokens] != [IGNORED] * prompt_tokens:
        return not_yet("a token of the prompt still has its id as label: the loss would count it.")
    if answer != [IGNORED] * prompt_tokens + ids[prompt_tokens:]:
        return not_yet("a token of the answer has another id as label.")
    return right(f"{prompt_tokens} tokens are read, {len(ids) - prompt_tokens} are in the loss.")


@check
def loss(answer: float, probabilities: Sequence[float]) -> Verdict:
    """The mean of -log p (natural logarithm) over the probabilities of the answer's tokens."""
    losses = [-math.log(p) for p in probabilities]
    answer, mean = float(answer), sum(losses) / len(losses)
    if math.isclose(answer, mean, rel_tol=1e-3):
        return right(f"{mean:.2f} nats per token.")
    if math.isclose(answer, sum(losses), rel_tol=1e-3):
        return not_yet("that is the sum; the loss is the mean over the answer's tokens.")
    if math.isclose(answer, -mean, rel_tol=1e-3):
        return not_yet("the sign: log p is negative, and a loss is not.")
    if math.isclose(answer, mean / math.log(2), rel_tol=1e-3) or math.isclose(
        answer, mean / math.log(10), rel_tol=1e-3
    ):
        return not_yet("use the natural logarithm, math.log or torch.log.")
    return not_yet("take -log of each probability, and then the mean.")


@check
def updates(answer: int, examples: int, batch: int, accumulation: int, epochs: int) -> Verdict:
    """The updates of a run: batches of an epoch, joined by `accumulation`, times the epochs."""
    batches = math.ceil(examples / batch)
    expected = math.ceil(batches / accumulation) * epochs
    if answer == expected:
        return right(f"{batches} batches an epoch, {expected} updates in all.")
    if answer == batches * epochs:
        return not_yet("each update waits for several batches here.")
    if answer == examples * epochs:
        return not_yet("an update takes a batch of examples, not one.")
    return not_yet("how many batches are in an epoch, and how many of them make one update?")


@check
def masked(answer: Callable, tokenizer, rows: Sequence[dict]) -> Verdict:
    """A function from a tokenizer, a prompt and a completion (lists of messages) to (input_ids, labels)."""
    for row in rows:
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]
        whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"])["input_ids"]
        made = answer(tokenizer, row["prompt"], row["completion"])
        if not isinstance(made, tuple) or len(made) != 2:
            return not_yet("the function returns two lists: input_ids and labels.")
        ids, labelled = (list(part) for part in made)
        command = row["prompt"][-1]["content"]
        if ids != whole:
            return not_yet(f"for {command!r} the ids are not those of the whole dialogue.")
        if labelled != [IGNORED] * len(prompt) + whole[len(prompt) :]:
            return not_yet(f"for {command!r} the labels do not begin after the generation prompt.")
    return right(f"{len(rows)} examples tokenized and masked as TRL does it.")


@check
def own_loop(answer: Callable, fresh: Callable, batches: Sequence[dict], held_out: dict, target: float) -> Verdict:
    """A function of a model and batches that trains the model, until its loss on `held_out` is at most `target`."""
    model = fresh()
    answer(model, batches)
    model.eval()
    with torch.inference_mode():
        after, before = (float(m(**held_out).loss) for m in (model, fresh()))
    if after <= target:
        return right(f"the loss on examples that it never saw fell from {before:.2f} to {after:.2f} nats per token.")
    if math.isclose(after, before, rel_tol=1e-3):
        return not_yet("the model is as before: are gradients computed, and does the optimizer take its step?")
    return not_yet(
        f"the loss is {after:.2f}, which should be at most {target}: are the gradients cleared after a step?"
    )
