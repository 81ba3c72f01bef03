"""Planner: which GPU holds a run, how long it takes and how to start it, from a model's configuration alone."""

import json

from transformers import PreTrainedConfig

from helpers.errors import CourseError, require_positive
from helpers.paths import DATA
from helpers.training import memory

# Nominal memory and dense peak in 16 bits, from the makers' data sheets.
GPUS = json.loads((DATA / "gpus.json").read_text(encoding="utf-8"))
RANK = 16
METHODS = {
    "all weights": {},
    "LoRA": {"lora": RANK, "frozen": "bf16"},
    "QLoRA": {"lora": RANK, "frozen": "4 bits"},
}
RATES = {"all weights": 2e-5, "LoRA": 2e-4, "QLoRA": 2e-4}  # where to begin from a billion parameters on
# What each way of using several GPUs divides among them; the activations of a batch are each GPU's own.
SPLITS = {
    "DDP": (),
    "DeepSpeed ZeRO-3": ("weights", "gradients", "optimizer"),
    "FSDP": ("weights", "gradients", "optimizer"),
}
FILES = {"DDP": "ddp", "FSDP": "fsdp", "DeepSpeed ZeRO-3": "deepspeed"}
ROOM = 0.9  # of the nominal memory; the rest goes to CUDA itself, to fragments and to buffers of communication


def need(
    config: PreTrainedConfig,
    method: str,
    batch: int,
    length: int,
    gpus: int = 1,
    split: str = "DDP",
    activation_checkpointing: bool = True,
) -> dict[str, int]:
    """Bytes on each GPU, by what they are for; `memory.peak` adds them up.

    method: a key of METHODS. batch: rows on each GPU, of `length` tokens. split: a key of SPLITS.
    activation_checkpointing: whether activations are computed again in the backward pass instead of kept. Raises
    CourseError for 4-bit weights that a split would have to cut.
    """
    require_positive(gpus=gpus)
    if method == "QLoRA" and SPLITS[split]:
        raise CourseError(
            f"{split} cannot cut weights of 4 bits as they are: plan QLoRA with DDP, or LoRA with {split}."
        )
    options = dict(bf16=True, gpu=True, activation_checkpointing=activation_checkpointing)
    planned = memory.plan(config, batch, length, **options, **METHODS[method])
    return {part: n // gpus if part in SPLITS[split] else n for part, n in planned.items()}


def hours(
    config: PreTrainedConfig,
    method: str,
    tokens: float,
    tflops: float,
    gpus: int = 1,
    mfu: float = 0.3,
    activation_checkpointing: bool = True,
) -> float:
    """Hours for so many tokens at a model FLOPs utilisation `mfu`: the share of the GPUs' peak (`tflops` each) that
    goes into the model's matrix products.

    A token costs 2 operations a weight forward and 4 backward; an adapter saves 2 of those 4, the gradients of frozen
    weights; activation checkpointing adds another forward pass. An input embedding is looked up, not multiplied.
    Attention's own products, small below a few thousand tokens, are left out.
    """
    require_positive(tokens=tokens, tflops=tflops, gpus=gpus, mfu=mfu)
    text, weights = config.get_text_config(), memory.plan(config, 1, 64)["weights"] / memory.FLOAT
    weights -= 0 if text.tie_word_embeddings else text.vocab_size * text.hidden_size
    operations = (4 if METHODS[method] else 6) + (2 if activation_checkpointing else 0)
    return operations * weights * tokens / (gpus * tflops * 1e12 * mfu) / 3600


def command(
    name: str,
    method: str,
    batch: int,
    length: int,
    gpus: int = 1,
    split: str = "DDP",
    activation_checkpointing: bool = True,
    bf16: bool = True,
) -> str:
    """The line that starts the run in the job's folder, on a machine with so many GPUs."""
    file = FILES[split] if gpus > 1 else "one_process"
    precision = "--bf16" if bf16 else "--fp16"
    line = [
        f"accelerate launch --config_file accelerate/{file}.yaml --num_processes {gpus} train.py --config sft.yaml",
        f"--model_name_or_path {name} --per_device_train_batch_size {batch} --max_length {length}",
        f"--use_cpu false {precision} true --activation_checkpointing {str(activation_checkpointing).lower()}",
        f"--learning_rate {RATES[method]:g}",
    ]
    if METHODS[method]:
        line.append(f"--use_peft --lora_r {RANK} --lora_target_modules all-linear --dtype bfloat16")
    if method == "QLoRA":
        line.append("--load_in_4bit --bnb_4bit_quant_type nf4 --use_bnb_nested_quant")
    return " \\\n    ".join(line)
