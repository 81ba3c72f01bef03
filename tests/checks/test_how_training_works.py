"""The checks of notebook 00: each passes a right answer and says what is wrong with a likely wrong one."""

import pytest
import torch

from helpers.checks import how_training_works as check
from helpers.dataset import commands
from helpers.model import load

IDS = [5, 6, 7, 8]
P = [0.5, 0.25]


@pytest.mark.parametrize(
    "answer, right, says",
    [
        ([-100, -100, 7, 8], True, "2 tokens are read, 2 are in the loss"),
        (torch.tensor([-100, -100, 7, 8]), True, "in the loss"),
        ([-100, 7, 8], False, "4 labels; yours are 3"),
        ([-100, -100, -100, 8], False, "answer is hidden"),
        ([5, 6, 7, 8], False, "token of the prompt"),
        ([-100, -100, 8, 7], False, "another id"),
    ],
)
def test_labels(answer, right, says, capsys):
    check.labels(answer, IDS, prompt_tokens=2)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not yet: ") and says in printed


@pytest.mark.parametrize(
    "answer, right, says",
    [
        (1.0397, True, "1.04 nats"),
        (torch.tensor(1.0397), True, "nats"),
        (2.0794, False, "mean"),
        (-1.0397, False, "sign"),
        (1.5, False, "natural logarithm"),
        (0.4515, False, "natural logarithm"),
        (0.6, False, "-log"),
    ],
)
def test_loss(answer, right, says, capsys):
    check.loss(answer, P)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not yet: ") and says in printed


@pytest.mark.parametrize(
    "answer, right, says",
    [(225, True, "299 batches"), (897, False, "several"), (7176, False, "batch"), (3, False, "?")],
)
def test_updates(answer, right, says, capsys):
    check.updates(answer, examples=2392, batch=8, accumulation=4, epochs=3)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not yet: ") and says in printed


def render(tokenizer, messages, **options):
    return tokenizer.apply_chat_template(messages, **options)["input_ids"]


def masked(tokenizer, prompt, completion):
    read, whole = render(tokenizer, prompt, add_generation_prompt=True), render(tokenizer, prompt + completion)
    return whole, [-100] * len(read) + whole[len(read) :]


def masked_too_early(tokenizer, prompt, completion):
    read, whole = render(tokenizer, prompt), render(tokenizer, prompt + completion)
    return whole, [-100] * len(read) + whole[len(read) :]


@pytest.mark.parametrize(
    "answer, right, says",
    [
        (masked, True, "as TRL does it"),
        (masked_too_early, False, "generation prompt"),
        (lambda tokenizer, prompt, completion: (render(tokenizer, prompt), []), False, "whole dialogue"),
        (lambda tokenizer, prompt, completion: None, False, "two lists"),
    ],
)
def test_masked(answer, right, says, capsys):
    check.masked(answer, load("nano")[1], commands.load()["validation"].select(range(2)))
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not yet: ") and says in printed


def trains(model, batches):
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for batch in batches:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def never_clears(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    for batch in batches:
        model(**batch).loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    "answer, right, says",
    [
        (trains, True, "fell from"),
        (lambda model, batches: None, False, "as before"),
        (never_clears, False, "cleared"),
    ],
)
def test_own_loop(answer, right, says, capsys):
    ids = torch.tensor([load("nano")[1]("turn on the light")["input_ids"]])
    batch = {"input_ids": ids, "labels": ids}
    target = float(load("nano")[0](**batch).loss.detach()) - 0.5
    check.own_loop(answer, lambda: load("nano")[0], [batch] * 5, batch, target)
    printed = capsys.readouterr().out
    assert printed.startswith("Right: " if right else "Not yet: ") and says in printed
