"""Checks of the exercises: each looks at the reader's answer and prints what is right, or what to look at next."""

from math import ceil

from helpers import scoring
from helpers.errors import CourseError

UNTRIED = "Not tried yet: replace None with your answer and run the cell again."


def optimizer_steps(answer, examples: int, batch: int, accumulation: int, epochs: int) -> None:
    """Checks the number of optimiser steps of a run without packing."""
    batches = ceil(examples / batch)
    right = ceil(batches / accumulation) * epochs
    if answer is None:
        print(UNTRIED)
    elif answer == right:
        print(f"Right: {batches} batches an epoch, {right // epochs} updates an epoch, {right} in all.")
    elif answer == batches * epochs:
        print("Not yet: that counts batches; an update waits for gradient_accumulation_steps of them.")
    elif answer == examples * epochs // (batch * accumulation):
        print("Not yet: the last update of an epoch takes what is left, so each epoch rounds up, not the sum down.")
    else:
        print("Not yet: how many batches make an epoch, and how many of them make an update?")


def monitoring(config) -> None:
    """Checks an SFTConfig: 60 steps, logged every 5, evaluated four times, best checkpoint kept and loaded."""
    if config is None:
        print(UNTRIED)
        return
    wanted = [
        (config.max_steps == 60, "the run should take 60 steps: max_steps"),
        (config.logging_steps == 5, "the loss should be logged every 5 steps: logging_steps"),
        (config.eval_strategy == "steps", "evaluation is off until eval_strategy says when"),
        (config.eval_steps == 15, "four evaluations in 60 steps: eval_steps"),
        (config.load_best_model_at_end, "the best weights should be the ones you end with: load_best_model_at_end"),
        (config.save_steps % 15 == 0, "the best model can only be loaded if its step was saved: save_steps"),
        (config.save_total_limit == 1, "one checkpoint beside the last is enough on disk: save_total_limit"),
    ]
    missing = [hint for met, hint in wanted if not met]
    print(f"Not yet: {missing[0]}." if missing else "Right: this run is watched, and keeps its best weights.")


def fine_tuned_nano(trainer, records, intent: float = 60, steps: int = 150) -> None:
    """Checks a trained SFTTrainer: at least `intent` percent right intents on `records` after at most `steps`."""
    if trainer is None:
        print(UNTRIED)
        return
    if trainer.state.global_step == 0:
        raise CourseError("This trainer has not trained yet: call trainer.train() first.")
    if trainer.state.global_step > steps:
        print(f"Not yet: {trainer.state.global_step} steps; {steps} have to do.")
        return
    reached = scoring.evaluate(trainer.model, trainer.processing_class, records).percent("intent")
    if reached < intent:
        print(f"Not yet: {reached:.0f}% right intents. A model of 1M parameters bears a far higher learning rate.")
    else:
        print(f"Right: {reached:.0f}% right intents in {trainer.state.global_step} steps.")
