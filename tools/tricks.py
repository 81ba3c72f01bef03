"""Record what well-known tricks of fine-tuning change, for notebook 03: `python -m tools.tricks [NAME ...]`.

Nano is trained with and without each trick, with several seeds, and scored on `validation`. Each trial and seed is a
file of outputs/tricks/, which `--join` joins into data/runs/tricks.json; a call without names does so at its end.
A file that is there is not made again. Several processes share the work when each gets names or `--seeds` of its own.
"""

import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import EarlyStoppingCallback

from helpers.dataset import commands
from helpers.errors import quiet_transformers
from helpers.evaluation import evaluate
from helpers.model import load
from helpers.training import nano_run
from tools import pieces
from tools.recipes import Run
from tools.runs import training_rows
from tools.slices import digits

RECORDING = "tricks"
SEEDS = range(5)  # a seed decides which rows are drawn, their order, and an adapter's first weights
ROWS = 800
SETTINGS = dict(max_steps=250, per_device_train_batch_size=16, per_device_eval_batch_size=32, logging_steps=50)
RATES = ("1e-3", "2e-3", "4e-3", "8e-3", "1.6e-2", "3.2e-2")  # of an adapter
LORA = dict(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
PATIENCE = 2  # evaluations without a lower loss, after which a run is stopped early
EARLY = dict(
    eval_strategy="steps",
    eval_steps=25,
    save_strategy="steps",
    save_steps=25,
    save_total_limit=1,
    load_best_model_at_end=True,
    metric_for_best_model="eval_loss",
)


@dataclass(frozen=True)
class Trial:
    about: str
    config: dict = field(default_factory=dict)  # of SFTConfig, where it differs from SETTINGS
    lora: dict = field(default_factory=dict)  # of LoraConfig; empty trains all weights


def _adapter(rate: str) -> Trial:
    return Trial(f"adapter at the rate {rate}", dict(learning_rate=float(rate)), LORA)


TRIALS = {
    "baseline": Trial("all weights"),
    "neftune": Trial("noise on the embeddings (NEFTune)", dict(neftune_noise_alpha=5)),
    "dft": Trial("each token's loss weighted by its probability (DFT)", dict(loss_type="dft")),
    "prompt_in_loss": Trial("the loss counts the prompt as well", dict(completion_only_loss=False)),
    "early_stopping": Trial("stopped when the validation loss rises, best weights kept", EARLY),
    **{f"lora_{rate}": _adapter(rate) for rate in RATES},
}


def rows_of(seed: int, count: int = ROWS) -> Dataset:
    """The training rows of a seed, drawn as those of the recorded runs are."""
    return training_rows(Run("", count, config={"seed": seed}), commands.load())


def settings_of(trial: Trial, seed: int) -> dict:
    """The arguments of SFTConfig that nano_trainer gets beside its usual ones."""
    return SETTINGS | trial.config | {"seed": seed}


def run(trial: Trial, seed: int) -> dict:
    """Train and score one trial with one seed.

    `eval_loss` is the trial's own loss: that of DFT, and one that counts the prompt, compare with no other.
    """
    validation = commands.load()["validation"]
    model, tokenizer = load("nano")
    if trial.lora:
        torch.manual_seed(seed)
        with quiet_transformers():
            model = get_peft_model(model, LoraConfig(**trial.lora))
    early = "load_best_model_at_end" in trial.config
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        trainer = nano_run.nano_trainer(
            rows_of(seed),
            eval_rows=validation,
            model=model,
            tokenizer=tokenizer,
            callbacks=[EarlyStoppingCallback(PATIENCE)] if early else [],
            output_dir=scratch,
            **settings_of(trial, seed),
        )
        trainer.train()
    seconds = time.monotonic() - began
    eval_loss = trainer.evaluate()["eval_loss"]
    trained = trainer.model.merge_and_unload() if trial.lora else trainer.model
    scores = evaluate(trained, tokenizer, validation).rows
    return {
        "seed": seed,
        "right": digits(scores["exact"]),
        "intent": digits(scores["intent"]),
        "eval_loss": eval_loss,
        "updates": trainer.state.global_step,  # fewer than max_steps where a run was stopped early
        "seconds": seconds,
    }


def record(name: str, seed: int) -> None:
    pieces.record(RECORDING, f"{name}_{seed}", lambda: {"trial": name, **run(TRIALS[name], seed)})


def join() -> Path:
    trials = {name: asdict(trial) for name, trial in TRIALS.items()}
    return pieces.join(RECORDING, {"config": SETTINGS, "trials": trials})


def main() -> None:
    pieces.main(__doc__, TRIALS, SEEDS, record, join)


if __name__ == "__main__":
    main()
