"""Checks of notebook 05, Train with SFTTrainer."""

from collections.abc import Mapping
from math import ceil, exp, floor

import torch
from transformers import TrainerState
from trl import SFTConfig, SFTTrainer

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.errors import CourseError
from helpers.evaluation.scores import evaluate
from helpers.model.chat import IGNORED


@check
def counted_share(answer: float, batch: Mapping[str, torch.Tensor]) -> Verdict:
    """How many percent of a batch's tokens are in the loss; padding is none of them."""
    in_loss, tokens = int((batch["labels"] != IGNORED).sum()), int(batch["attention_mask"].sum())
    answer, share = float(answer), 100 * in_loss / tokens
    if abs(answer - share) < 0.5:
        return right(f"{in_loss} of {tokens} tokens, {share:.0f}%.")
    if abs(answer - share / 100) < 0.005:
        return not_yet("that is the share itself; in percent it is a hundred times that.")
    if abs(answer - (100 - share)) < 0.5:
        return not_yet("that is the share of the tokens that the loss ignores.")
    if abs(answer - 100 * in_loss / batch["labels"].numel()) < 0.5:
        return not_yet("that counts places of padding as tokens: divide by the sum of the mask.")
    return not_yet("divide the number of labels that are not -100 by the number of tokens.")


@check
def mean_probability(answer: float, loss: float) -> Verdict:
    """The geometric mean of the probabilities whose mean -log p is `loss`."""
    answer, loss = float(answer), float(loss)
    if abs(answer - exp(-loss)) < 0.001:
        return right(f"exp(-{loss:.3f}) = {exp(-loss):.3f}.")
    if abs(answer - exp(loss)) < 0.001:
        return not_yet("a probability is at most 1: mind the sign of the loss.")
    if abs(answer - 100 * exp(-loss)) < 0.1:
        return not_yet("that is in percent; a probability lies between 0 and 1.")
    if abs(answer - exp(-loss)) < 0.01:
        return not_yet("near, but not near enough: give three digits or more.")
    return not_yet("which function undoes a logarithm?")


@check
def optimizer_steps(answer: int, examples: int, batch: int, accumulation: int, epochs: int) -> Verdict:
    """The number of optimiser steps of a run without packing."""
    batches = ceil(examples / batch)
    updates_an_epoch = ceil(batches / accumulation)
    if answer == updates_an_epoch * epochs:
        return right(f"{batches} batches an epoch, {updates_an_epoch} updates an epoch, {answer} in all.")
    if answer == batches * epochs:
        return not_yet("that counts batches; an update waits for gradient_accumulation_steps of them.")
    whole = batches * epochs / accumulation
    if answer in (floor(whole), ceil(whole), examples * epochs // (batch * accumulation)):
        return not_yet("that rounds once, at the end; the last update of each epoch takes the batches that are left.")
    if answer == batches // accumulation * epochs:
        return not_yet("the batches that are left at the end of an epoch make an update too.")
    return not_yet("how many batches make an epoch, and how many of them make an update?")


@check
def monitoring(config: SFTConfig) -> Verdict:
    """An SFTConfig: 60 steps, logged every 5, evaluated four times, best weights loaded, two checkpoints kept."""
    every = TrainerState()
    every.compute_steps(config, max_steps=60)  # below 1 a number is a share of the run
    wanted = [
        (config.max_steps == 60, "the run should take 60 steps: max_steps"),
        (every.logging_steps == 5, "the loss should be logged every 5 steps: logging_steps"),
        (config.eval_strategy == "steps", "evaluation is off until eval_strategy says when"),
        (every.eval_steps == 15, "four evaluations in 60 steps: eval_steps"),
        (config.load_best_model_at_end, "the best weights should be the ones you end with: load_best_model_at_end"),
        (config.save_strategy == "steps", "checkpoints come at a number of steps: save_strategy"),
        (every.save_steps == 15, "the best weights can only be loaded if each evaluation is saved: save_steps"),
        (
            config.save_total_limit != 1,
            "with save_total_limit=1 the last checkpoint is deleted after the run, unless it is the best",
        ),
        (config.save_total_limit == 2, "two checkpoints stay on the disk, the best and the last: save_total_limit"),
    ]
    for met, hint in wanted:
        if not met:
            return not_yet(f"{hint}.")
    return right("this run is watched, and keeps its best checkpoint and its last.")


@check
def fine_tuned_nano(trainer: SFTTrainer, records, intent: float = 60, steps: int = 150) -> Verdict:
    """A trained SFTTrainer: at least `intent` percent right intents on `records` after at most `steps`."""
    done = trainer.state.global_step
    if done == 0:
        raise CourseError("This trainer has not trained yet: call trainer.train() first.")
    if done > steps:
        return not_yet(f"{done} steps; {steps} have to do.")
    reached = evaluate(trainer.model, trainer.processing_class, records).percent("intent")
    if reached < intent:
        return not_yet(f"{reached:.0f}% right intents. A model of 1M parameters bears a far higher learning rate.")
    return right(f"{reached:.0f}% right intents in {done} steps.")
