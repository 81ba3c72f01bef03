"""Schedule: what a configuration makes of a number of examples, before anything is trained."""

import torch
from transformers import TrainingArguments, get_scheduler

from helpers.errors import require_positive


def plan(config: TrainingArguments, examples: int) -> dict[str, float]:
    """Counts of a run with `config` on one device: batches and updates of an epoch, updates and epochs in all,
    warm-up updates, evaluations, log lines and checkpoints left on disk. Source: Trainer.set_initial_training_values.
    """
    require_positive(examples=examples, logging_steps=config.logging_steps)
    batches = -(-examples // config.per_device_train_batch_size)
    updates_an_epoch = -(-batches // config.gradient_accumulation_steps)
    updates = config.max_steps if config.max_steps > 0 else -int(-config.num_train_epochs * updates_an_epoch // 1)
    epochs = updates / updates_an_epoch

    def times(strategy: str, every: float) -> int:
        """How often; what happens every few updates also happens after the last one."""
        return {"no": 0, "epoch": -int(-epochs // 1), "steps": -(-updates // _steps(every, updates))}[strategy]

    saved = times(config.save_strategy, config.save_steps)
    return {
        "batches an epoch": batches,
        "updates an epoch": updates_an_epoch,
        "updates": updates,
        "epochs": round(epochs, 2),
        "warm-up updates": config.get_warmup_steps(updates),
        "log lines": updates // _steps(config.logging_steps, updates),
        "evaluations": times(config.eval_strategy, config.eval_steps or config.logging_steps) + config.eval_on_start,
        "checkpoints": min(saved, config.save_total_limit or saved),
    }


def rates(config: TrainingArguments, updates: int) -> list[float]:
    """The learning rate of each update, from the scheduler that the trainer would use."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.learning_rate)
    warmup = config.get_warmup_steps(updates)
    scheduler = get_scheduler(config.lr_scheduler_type, optimizer, warmup, updates, config.lr_scheduler_kwargs)
    found = []
    for _ in range(updates):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def _steps(every: float, updates: int) -> int:
    """Below 1, logging_steps and its like are a share of all updates."""
    return int(every) if every >= 1 else -int(-updates * every // 1)
