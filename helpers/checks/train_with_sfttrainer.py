"""Checks of notebook 05, Train with SFTTrainer."""

from math import ceil

from trl import SFTConfig, SFTTrainer

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.errors import CourseError
from helpers.evaluation.scores import evaluate


@check
def optimizer_steps(answer: int, examples: int, batch: int, accumulation: int, epochs: int) -> Verdict:
    """The number of optimiser steps of a run without packing."""
    batches = ceil(examples / batch)
    updates_an_epoch = ceil(batches / accumulation)
    if answer == updates_an_epoch * epochs:
        return right(f"{batches} batches an epoch, {updates_an_epoch} updates an epoch, {answer} in all.")
    if answer == batches * epochs:
        return not_yet("that counts batches; an update waits for gradient_accumulation_steps of them.")
    if answer == examples * epochs // (batch * accumulation):
        return not_yet("the last update of an epoch takes what is left, so each epoch rounds up, not the sum down.")
    return not_yet("how many batches make an epoch, and how many of them make an update?")


@check
def monitoring(config: SFTConfig) -> Verdict:
    """An SFTConfig: 60 steps, logged every 5, evaluated four times, best checkpoint kept and loaded."""
    wanted = [
        (config.max_steps == 60, "the run should take 60 steps: max_steps"),
        (config.logging_steps == 5, "the loss should be logged every 5 steps: logging_steps"),
        (config.eval_strategy == "steps", "evaluation is off until eval_strategy says when"),
        (config.eval_steps == 15, "four evaluations in 60 steps: eval_steps"),
        (config.load_best_model_at_end, "the best weights should be the ones you end with: load_best_model_at_end"),
        (config.save_steps % 15 == 0, "the best model can only be loaded if its step was saved: save_steps"),
        (config.save_total_limit == 1, "one checkpoint beside the last is enough on disk: save_total_limit"),
    ]
    for met, hint in wanted:
        if not met:
            return not_yet(f"{hint}.")
    return right("this run is watched, and keeps its best weights.")


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
