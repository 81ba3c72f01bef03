"""Record what well-known choices for an adapter change, for notebook 03: `python -m tools.adapters [NAME ...]`.

SmolLM2 gets an adapter of each kind, with several seeds, and is scored on `validation`. Each trial and seed is a file
of outputs/adapters/, which `--join` joins into data/runs/adapters.json; a call without names does so at its end.
A file that is there is not made again. Several processes share the work when each gets names or `--seeds` of its own.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model

from helpers.dataset import commands
from helpers.errors import quiet_transformers
from helpers.evaluation import evaluate
from helpers.model import fast_bf16, load
from tools import pieces
from tools.recipes import SETTINGS as OF_THE_GALLERY
from tools.second_round import train_on
from tools.slices import DEVICE, digits
from tools.tricks import LORA, ROWS, rows_of

RECORDING = "adapters"
FEW = 200  # rows, which the hundred updates of eight rows read four times
SEEDS = range(2)  # a seed decides which rows are drawn, their order, and an adapter's first weights
SETTINGS = OF_THE_GALLERY | dict(learning_rate=3e-3, eval_strategy="no")


@dataclass(frozen=True)
class Trial:
    about: str
    lora: dict = field(default_factory=dict)  # of LoraConfig, where it differs from LORA
    config: dict = field(default_factory=dict)  # of SFTConfig, where it differs from SETTINGS
    rows: int = ROWS


RANK_2 = dict(r=2, lora_alpha=4)
RSLORA = dict(r=64, use_rslora=True)
ATTENTION = dict(target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])
TWICE, FOUR_TIMES = dict(learning_rate=6e-3), dict(learning_rate=1.2e-2)
TRIALS = {
    "baseline": Trial("baseline: rank 8"),
    "rank_2": Trial("rank 2, lora_alpha 4", RANK_2),
    "rank_2_alpha": Trial("rank 2", dict(r=2)),
    "rank_64": Trial("rank 64", dict(r=64)),
    "rslora": Trial("rank 64, rsLoRA", RSLORA),
    "attention": Trial("rank 8, attention alone", ATTENTION),
    "dora": Trial("rank 8, DoRA", dict(use_dora=True)),
    "half_rate": Trial("rank 8, half the rate", config=dict(learning_rate=1.5e-3)),
    "twice_rate": Trial("rank 8, twice the rate", config=TWICE),
    "four_times_rate": Trial("rank 8, four times the rate", config=FOUR_TIMES),
    "rank_2_twice": Trial("rank 2, lora_alpha 4, twice the rate", RANK_2, TWICE),
    "rank_2_four_times": Trial("rank 2, lora_alpha 4, four times the rate", RANK_2, FOUR_TIMES),
    "attention_twice": Trial("attention alone, twice the rate", ATTENTION, TWICE),
    "attention_four_times": Trial("attention alone, four times the rate", ATTENTION, FOUR_TIMES),
    "baseline_few_rows": Trial(f"rank 8, {FEW} rows", rows=FEW),
    "rslora_few_rows": Trial(f"rank 64, rsLoRA, {FEW} rows", RSLORA, rows=FEW),
}


def run(trial: Trial, seed: int, name: str = "smollm2") -> dict:
    """Train and score one trial with one seed."""
    model, tokenizer = load(name)
    torch.manual_seed(seed)
    with quiet_transformers():
        model = get_peft_model(model.to(DEVICE), LoraConfig(**LORA | trial.lora))
    trainable, total = model.get_nb_trainable_parameters()
    settings = SETTINGS | trial.config | {"seed": seed}
    model, log, minutes = train_on(rows_of(seed, trial.rows), model, tokenizer, settings)
    scores = evaluate(model.merge_and_unload(), tokenizer, commands.load()["validation"]).rows
    return {
        "seed": seed,
        "trained_share": trainable / total,
        "right": digits(scores["exact"]),
        "intent": digits(scores["intent"]),
        "loss": [line["loss"] for line in log if "loss" in line],
        "seconds": 60 * minutes,
        "bf16": fast_bf16(),  # as sft_config chose: compare runs of one precision
    }


def record(name: str, seed: int) -> None:
    pieces.record(RECORDING, f"{name}_{seed}", lambda: {"trial": name, **run(TRIALS[name], seed)})


def join() -> Path:
    trials = {name: asdict(trial) for name, trial in TRIALS.items()}
    return pieces.join(RECORDING, {"config": SETTINGS, "lora": LORA, "trials": trials})


def main() -> None:
    pieces.main(__doc__, TRIALS, SEEDS, record, join)


if __name__ == "__main__":
    main()
