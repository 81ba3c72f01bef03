"""Planner: which GPU holds a run, how long it takes and how to start it, from a model's configuration alone.

Its sums follow the source of the libraries. tools/gpu.py compared them with one GPU and started the commands there;
what several GPUs exchange was only read.
"""

import json

from transformers import PreTrainedConfig

from helpers.errors import CourseError, require_positive
from helpers.paths import DATA
from helpers.training import memory

# Nominal memory and dense peak in 16 bits, from the makers' data sheets.
GPUS = json.loads((DATA / "gpus.json").read_text(encoding="utf-8"))
RANK = 16
METHODS = {"all weights": {}, "LoRA": {"lora": RANK, "frozen": "bf16"}, "QLoRA": {"lora": RANK, "frozen": "4 bits"}}
RATES = {"all weights": 2e-5, "LoRA": 2e-4, "QLoRA": 2e-4}  # where to begin from a billion parameters on
# What each way of using several GPUs divides among them; the activations of a batch are each GPU's own.
SPLITS = {
    "DDP": (),
    "DeepSpeed ZeRO-3": ("weights", "gradients", "optimizer"),
    "FSDP": ("weights", "gradients", "optimizer"),
}
# Elements that ZeRO-3 holds at most: weights gathered from the other GPUs, and gradients on their way to them
# (stage3_max_live_parameters and reduce_bucket_size, DeepSpeed's defaults, read in its source).
LIVE, BUCKET = 10**9, 5 * 10**8
FILES = {"DDP": "ddp", "FSDP": "fsdp", "DeepSpeed ZeRO-3": "deepspeed"}
NOT_PLANNED = {("QLoRA", "DeepSpeed ZeRO-3")}  # (method, split): 4 bits under ZeRO-3
# What the course knows of a file and of a command for GPUs; data/runs/gpu.json holds what was measured.
TRIED = "ran on one GPU, in one process; with several it was only read"
STARTED = "data/runs/gpu.json has the commands that ran, each on one GPU; any other was only read"
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
    activation_checkpointing: whether activations are computed again in the backward pass instead of kept. Several GPUs
    also hold "gathered", weights that others lend, and "buckets", gradients on their way. Adapters are counted in
    float32; TRL keeps those of QLoRA in bfloat16. Raises CourseError for 4-bit weights under ZeRO-3.
    """
    require_positive(gpus=gpus)
    if (method, split) in NOT_PLANNED:
        raise CourseError(f"{split} with weights of 4 bits is not planned here: plan QLoRA with DDP or FSDP.")
    options = dict(bf16=True, gpu=True, activation_checkpointing=activation_checkpointing)
    planned = memory.plan(config, batch, length, **options, **METHODS[method])
    shared = {part: n // gpus if part in SPLITS[split] else n for part, n in planned.items()}
    return shared | (_exchange(config, method, split, planned["gradients"] // memory.FLOAT) if gpus > 1 else {})


def _exchange(config: PreTrainedConfig, method: str, split: str, trained: int) -> dict[str, int]:
    """Bytes that a GPU holds to exchange with others. Read in PyTorch, accelerate and TRL, and never measured.

    DDP copies each gradient into a bucket (gradient_as_bucket_view=False). FSDP gathers, in 16 bits, the LM head and
    two layers, one in use and the next; TRL adds up the head's gradient in float32 and hands it on in 16 bits.
    """
    if split == "DDP":
        return {"gathered": 0, "buckets": memory.FLOAT * trained}
    text = config.get_text_config()
    head = text.vocab_size * text.hidden_size
    every = memory.plan(config, 1, 64)["weights"] // memory.FLOAT
    layer = (every - head * (1 if text.tie_word_embeddings else 2)) // text.num_hidden_layers
    in_16_bits = 2
    of_head = 0 if METHODS[method] else (memory.FLOAT + in_16_bits) * head
    if split == "FSDP":
        held = memory.NF4 if method == "QLoRA" else in_16_bits
        of_layer = in_16_bits * (trained // text.num_hidden_layers if METHODS[method] else layer)
        return {"gathered": round(in_16_bits * head + 2 * held * layer), "buckets": of_head + of_layer}
    return {"gathered": in_16_bits * min(LIVE, every), "buckets": of_head + in_16_bits * min(BUCKET, trained)}


def hours(
    config: PreTrainedConfig,
    method: str,
    tokens: float,
    tflops: float,
    gpus: int = 1,
    hfu: float = 0.3,
    activation_checkpointing: bool = True,
) -> float:
    """Hours for so many tokens at a hardware FLOPs utilisation `hfu`: the share of the GPUs' peak (`tflops` each) that
    goes into matrix products, those of the second forward pass included.

    A token costs 2 operations a weight forward and 4 backward; an adapter saves 2 of those 4, the gradients of frozen
    weights; activation checkpointing adds another forward pass. An input embedding is
    looked up, not multiplied. Attention's own products, small below a few thousand tokens, are left out.
    """
    require_positive(tokens=tokens, tflops=tflops, gpus=gpus, hfu=hfu)
    text, weights = config.get_text_config(), memory.plan(config, 1, 64)["weights"] / memory.FLOAT
    weights -= 0 if text.tie_word_embeddings else text.vocab_size * text.hidden_size
    operations = (4 if METHODS[method] else 6) + (2 if activation_checkpointing else 0)
    return operations * weights * tokens / (gpus * tflops * 1e12 * hfu) / 3600


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
    """The lines that start the run in the job's folder, on a machine with so many GPUs. The first says what was tried.

    bf16: whether the GPU computes in it; without it frozen weights are float16, and train.py keeps adapters in float32.
    """
    file = FILES[split] if gpus > 1 else "one_process"
    checkpointing = str(activation_checkpointing).lower()
    of_fsdp = f" --fsdp_activation_checkpointing {checkpointing}" if file == "fsdp" else ""
    precision, dtype = ("--bf16", "bfloat16") if bf16 else ("--fp16", "float16")
    line = [
        f"accelerate launch --config_file accelerate/{file}.yaml --num_processes {gpus}{of_fsdp} train.py",
        f"--config sft.yaml --model_name_or_path {name} --per_device_train_batch_size {batch} --max_length {length}",
        f"{precision} true --activation_checkpointing {'false' if of_fsdp else checkpointing}",
        f"--learning_rate {RATES[method]:g}",
    ]
    if METHODS[method]:
        line.append(f"--use_peft --lora_r {RANK} --lora_target_modules all-linear --dtype {dtype}")
    if method == "QLoRA":
        stored = [f"--bnb_4bit_quant_storage {dtype}"] if of_fsdp else []
        line += ["--load_in_4bit --bnb_4bit_quant_type nf4 --use_bnb_nested_quant", *stored]
    return f"# {STARTED}.\n" + " \\\n    ".join(line)
