"""Planning: what training on these rows will take, from their lengths and a configuration, before it begins."""

import inspect
import tempfile
from math import ceil
from statistics import median

import numpy as np
import pandas as pd
from datasets import Dataset
from transformers import PreTrainedConfig, PreTrainedTokenizerBase
from trl import SFTConfig

from helpers import LAPTOP
from helpers.dataset import validation
from helpers.dataset.turns import tools_as_text
from helpers.model import load
from helpers.preflight import tokens
from helpers.training import memory, packing, schedule
from helpers.training.cpu_trainer import CPUSFTTrainer
from helpers.training.run_log import Clock, stop_printing

RANK = 16  # of an adapter, unless the configuration says otherwise
WASTE = 0.25  # share of padding from which packing pays
FEWEST = 50  # updates that a packed run should still make
# What a configuration says about a machine and its files, which is another one here.
MACHINE = ("output_dir", "use_cpu", "load_best_model_at_end", "save_strategy", "deepspeed", "fsdp", "fsdp_config")
MIXING = {"opt", "bloom"}  # architectures whose packed documents read each other: notebook 04 shows it


def plan(
    rows: list[dict],
    model_config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    config: dict | None = None,
    seconds_per_step: float | None = None,
    lengths: pd.DataFrame | None = None,
) -> dict:
    """What a run on one device takes: counts of tokens and updates, memory in GB, minutes if a step was timed.

    rows: of a DataFile. config: names and values of SFTConfig, also use_peft and lora_r; TRL's defaults for the rest.
    seconds_per_step: of one update, as `measure` gives it. lengths: of the rows, where validation.lengths has counted
    them. Padding is that of random batches, the mean of a few orders; memory is the fullest moment of a step with the
    longest row (see training.memory).
    """
    settings = settings_of(config)
    lengths, learned = _kept(rows, tokenizer, settings.max_length, lengths)
    batch = settings.per_device_train_batch_size
    padding = _padding(lengths, batch)
    count = len(lengths)
    packed_rows = batch * settings.gradient_accumulation_steps  # of an update
    if settings.max_length and not settings.packing:  # as many examples, packed: notebook 04 shows why
        packed_rows = max(1, round(packed_rows * sum(lengths) / len(lengths) / settings.max_length))
    pack, why = _to_pack(lengths, padding, model_config.model_type, settings, packed_rows)
    if settings.packing and settings.max_length:
        count = int(packing.place(lengths, settings.packing_strategy, settings.max_length)["row"].max()) + 1
        padding = max(0.0, 1 - sum(lengths) / (count * settings.max_length))
    run = schedule.plan(settings, count)
    rank = (config or {}).get("lora_r", RANK) if (config or {}).get("use_peft") else 0
    need = memory.plan(
        model_config,
        batch,
        settings.max_length if settings.packing and settings.max_length else max(lengths),
        bf16=bool(settings.bf16),
        lora=rank,
        activation_checkpointing=bool(getattr(settings, "activation_checkpointing", False)),
    )
    minutes = run["updates"] * seconds_per_step / 60 if seconds_per_step else None
    return {
        "rows": len(lengths),
        "tokens": sum(lengths),
        "tokens in the loss": sum(learned),
        "longest": max(lengths),
        "updates an epoch": run["updates an epoch"],
        "updates": run["updates"],
        "epochs": run["epochs"],
        "padding (%)": round(100 * padding, 1),
        "pack": pack,
        "why": why,
        "packed rows of an update": packed_rows,
        "memory (GB)": round(memory.peak(need, settings.gradient_accumulation_steps) / 1e9, 2),
        "minutes": None if minutes is None else round(minutes, 1),
    }


def settings_of(config: dict | None, **more) -> SFTConfig:
    """SFTConfig of the names in `config` that are its own, for a machine without GPU unless `config` says otherwise."""
    known = inspect.signature(SFTConfig).parameters
    own = {key: value for key, value in (config or {}).items() if key in known and key not in MACHINE}
    return SFTConfig(**{**LAPTOP, **own, **more, "output_dir": more.get("output_dir", tempfile.gettempdir())})


def measure(rows: list[dict], name: str, config: dict | None = None, steps: int = 4) -> float:
    """Seconds of an update with this configuration on this machine: the median of a few, after one to warm up.

    Loads the model `name` and trains it on some of the rows; nothing of it is kept.
    """
    model, tokenizer = load(name)
    tokenizer.chat_template = tokens.with_template(tokenizer).chat_template
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(
            config,
            output_dir=folder,
            max_steps=steps + 1,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            eval_on_start=False,
        )
        wanted = (steps + 1) * settings.per_device_train_batch_size * settings.gradient_accumulation_steps
        places = np.random.default_rng(0).permutation(len(rows))[:wanted]
        chosen = [tools_as_text(rows[place]) for place in places]
        clock = Clock()
        trainer = CPUSFTTrainer(
            model=model,
            args=settings,
            train_dataset=Dataset.from_list(chosen),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        stop_printing(trainer)
        trainer.train()
    return median(clock.times[1:] or clock.times)


def _kept(rows: list[dict], tokenizer, max_length: int | None, lengths: pd.DataFrame | None) -> tuple[list, list]:
    """Tokens of each row that is trained on, cut at max_length, and those of them that the loss counts."""
    if lengths is None:
        lengths = validation.lengths([tools_as_text(row) for row in rows], tokens.with_template(tokenizer))
    plain = "text" in rows[0]
    all_counted = plain or ("messages" in rows[0] and tokens.knows_tools(tokenizer))
    total = lengths["total"] + 1 if plain else lengths["total"]  # TRL puts EOS behind a text
    prompt = 0 * total if all_counted else lengths["prompt"]
    most = max_length or int(total.max())
    kept = total.clip(upper=most)[prompt < most].tolist() or [most]
    learned = (total.clip(upper=most) - prompt)[prompt < most].tolist()
    return kept, learned


def _padding(lengths: list[int], batch: int) -> float:
    """The share of a batch that is padding, when batches are drawn at random."""
    padded, generator = 0, np.random.default_rng(0)
    orders = 5
    for _ in range(orders):
        shuffled = generator.permutation(lengths)
        padded += sum(part.max() * len(part) for part in np.array_split(shuffled, ceil(len(lengths) / batch)))
    return float(1 - orders * sum(lengths) / padded)


def _to_pack(lengths: list[int], padding: float, model_type: str, settings: SFTConfig, rows: int) -> tuple[bool, str]:
    """The decision of notebook 04, and its reason. rows: packed ones of an update."""
    if model_type in MIXING:
        return False, f"packed documents read each other in {model_type}"
    if not settings.max_length:
        return False, "packing needs a max_length to fill"
    updates = ceil(sum(lengths) / settings.max_length) / rows * settings.num_train_epochs
    if padding < WASTE:
        return False, f"only {padding:.0%} of a random batch is padding"
    if updates < FEWEST:
        return False, f"packed, the run would make {updates:.0f} updates; group_by_length saves padding as well"
    return True, f"{padding:.0%} of a random batch is padding; packed rows in an update: {rows}"
