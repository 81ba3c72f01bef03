"""Schedule: what a configuration makes of a number of examples, before anything is trained."""

from math import ceil

import torch
from transformers import TrainingArguments, get_scheduler

from helpers.errors import require_positive


def plan(config: TrainingArguments, examples: int) -> dict[str, float]:
    """Counts of a run with `config` on one device: batches and updates of an epoch, updates and epochs in all,
    warm-up updates, evaluations, log lines and checkpoints left on disk. Source: Trainer.set_initial_training_values.

    `save_strategy="best"` saves at some of the evaluations, so at most as many checkpoints as those are left.
    """
    require_positive(examples=examples)
    batches = ceil(examples / config.per_device_train_batch_size)
    updates_an_epoch = ceil(batches / config.gradient_accumulation_steps)
    updates = config.max_steps if config.max_steps > 0 else ceil(config.num_train_epochs * updates_an_epoch)
    epochs = updates / updates_an_epoch
    evaluations = _times(config.eval_strategy, updates, epochs, eval_steps=config.eval_steps or config.logging_steps)
    saves = evaluations
    if config.save_strategy != "best":
        saves = _times(config.save_strategy, updates, epochs, save_steps=config.save_steps)
    if config.logging_strategy == "steps":  # unlike evaluating and saving, it is not done once more at the end
        lines = updates // _steps(updates, logging_steps=config.logging_steps)
    else:
        lines = _times(config.logging_strategy, updates, epochs)
    return {
        "batches an epoch": batches,
        "updates an epoch": updates_an_epoch,
        "updates": updates,
        "epochs": round(epochs, 2),
        "warm-up updates": config.get_warmup_steps(updates),
        "log lines": lines,
        "evaluations": evaluations + config.eval_on_start,
        "checkpoints": min(saves, config.save_total_limit or saves),
    }


def rates(config: TrainingArguments, updates: int) -> list[float]:
    """The learning rate of each update, from the scheduler that the trainer would use."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.learning_rate)
    warmup = config.get_warmup_steps(updates)
    scheduler = get_scheduler(config.lr_scheduler_type, optimizer, warmup, updates, config.lr_scheduler_kwargs)
    rates = []
    for _ in range(updates):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def _times(strategy: str, updates: int, epochs: float, **every: float) -> int:
    """How often something happens; what happens every few updates also happens after the last one."""
    if strategy == "steps":
        return ceil(updates / _steps(updates, **every))
    return ceil(epochs) if strategy == "epoch" else 0


def _steps(updates: int, **every: float) -> int:
    """The one argument, such as logging_steps, as a number of updates: below 1 it is a share of all."""
    require_positive(**every)
    (steps,) = every.values()
    return int(steps) if steps >= 1 else ceil(updates * steps)
