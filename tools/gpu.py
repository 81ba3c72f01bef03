"""What the course plans for a GPU, measured on one: `python -m tools.gpu` on a machine that has it, with bitsandbytes.

Trains models of well-known sizes, with random weights and random tokens, for a few updates, and compares memory and
speed with helpers/training/planner.py; then starts notebook 08's job with the commands that the planner writes. Writes
data/runs/gpu.json. It needs 25 GB of disk for a model of 7 billion parameters.
"""

import gc
import json
import shlex
import sys
import tempfile
import time
from pathlib import Path

import datasets
import torch
from peft import LoraConfig
from tqdm import tqdm
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainerCallback
from trl import SFTConfig, SFTTrainer

from helpers import paths
from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.model import load, load_config
from helpers.training import jobs, memory, planner, run_log

DEEPSEEK, SEVEN = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "Qwen/Qwen2.5-7B"
SMOL, OPT = "HuggingFaceTB/SmolLM2-135M", "facebook/opt-350m"
# (model, method, rows, tokens of a row, activation checkpointing)
CASES = [
    *((name, method, 8, 512, True) for name in (SMOL, OPT, DEEPSEEK) for method in planner.METHODS),
    *((DEEPSEEK, method, 8, 512, False) for method in planner.METHODS),
    *((DEEPSEEK, method, 2, 2048, True) for method in planner.METHODS),
    (SMOL, "all weights", 16, 256, False),
    (SMOL, "LoRA", 16, 256, False),
    (SEVEN, "LoRA", 8, 512, True),
    (SEVEN, "QLoRA", 8, 512, True),
    (SEVEN, "QLoRA", 4, 1024, True),
]
WARM, STEPS = 3, 10  # updates before the measurement, and in it
FULL = "one epoch on all sentences"


class Watch(TrainerCallback):
    """Peak memory and time of the updates after the first WARM."""

    def on_step_end(self, args, state, control, **kwargs):
        torch.cuda.synchronize()
        if state.global_step == WARM:
            torch.cuda.reset_peak_memory_stats()
            self.began = time.monotonic()
        self.seconds = time.monotonic() - getattr(self, "began", time.monotonic())
        self.peak = torch.cuda.max_memory_allocated()


def saved_model(name: str, folder: Path) -> Path:
    """A folder with the model of that name, of random weights in bfloat16."""
    target = folder / name.replace("/", "--")
    if not target.exists():
        torch.manual_seed(0)
        with torch.device("cuda"):
            model = AutoModelForCausalLM.from_config(load_config(name), dtype=torch.bfloat16)
        model.save_pretrained(target)
        load("smollm2")[1].save_pretrained(target)  # its ids are within every vocabulary here
        del model
        gc.collect()
        torch.cuda.empty_cache()
    return target


def measure(folder: Path, name: str, method: str, batch: int, length: int, activation_checkpointing: bool) -> dict:
    """Plan and measurement of one case, in bytes and seconds."""
    planned = planner.need(load_config(name), method, batch, length, activation_checkpointing=activation_checkpointing)
    source = saved_model(name, folder)
    torch.manual_seed(0)
    rows = torch.randint(100, 40_000, (batch * (WARM + STEPS), length)).tolist()
    four_bits = dict(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    watch = Watch()
    trainer = SFTTrainer(
        model=str(source),
        args=SFTConfig(
            output_dir=str(folder / "run"),
            model_init_kwargs={"dtype": torch.bfloat16 if planner.METHODS[method] else torch.float32},
            bf16=True,
            max_steps=WARM + STEPS,
            per_device_train_batch_size=batch,
            max_length=length,
            activation_checkpointing=activation_checkpointing,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=datasets.Dataset.from_dict({"input_ids": rows, "labels": rows}),
        quantization_config=BitsAndBytesConfig(**four_bits, bnb_4bit_compute_dtype=torch.bfloat16)
        if method == "QLoRA"
        else None,
        peft_config=LoraConfig(r=planner.RANK, target_modules="all-linear") if planner.METHODS[method] else None,
        callbacks=[watch],
    )
    run_log.stop_printing(trainer)
    weights = {str(w.dtype).removeprefix("torch."): 0 for w in trainer.model.parameters() if w.requires_grad}
    trainer.train()
    tokens = STEPS * batch * length
    at_peak = planner.hours(
        load_config(name), method, tokens, 1, mfu=1, activation_checkpointing=activation_checkpointing
    )
    return {
        "planned": memory.peak(planned),
        "measured": watch.peak,
        "trained in": sorted(weights),
        "tokens_per_second": tokens / watch.seconds,
        "tflops": at_peak * 3600 / watch.seconds,  # of the model's matrix products, as planner.hours counts them
    }


def measured(folder: Path) -> list[dict]:
    found = []
    for case in tqdm(CASES, desc="memory and speed"):
        row = dict(zip(("model", "method", "batch", "length", "activation_checkpointing"), case, strict=True))
        try:
            row |= measure(folder, *case)
        except Exception as problem:  # one case must not lose the others
            row["error"] = f"{type(problem).__name__}: {problem}"[:400]
        print(json.dumps(row), flush=True)
        found.append(row)
        gc.collect()
        torch.cuda.empty_cache()
    return found


def job_commands() -> dict[str, list[str]]:
    """Commands of notebook 08's job, all for one GPU."""
    one = ["--num_processes", "1", "train.py", "--config", "sft.yaml", "--bf16", "true"]
    launch = lambda file, *more: ["accelerate", "launch", "--config_file", f"accelerate/{file}.yaml", *one, *more]
    planned = lambda *args, **kw: shlex.split(planner.command("model", *args, **kw).replace("\\\n", " "), comments=True)
    fp16 = dict(bf16=False)
    by_trl = planned("QLoRA", 16, 256, **fp16)
    by_trl = ["trl", "sft", *by_trl[by_trl.index("train.py") + 1 :]]
    lora = ["--use_peft", "--lora_target_modules", "all-linear", "--dtype", "bfloat16"]
    in_4_bits = ["--load_in_4bit", "--bnb_4bit_quant_type", "nf4", "--bnb_4bit_quant_storage", "bfloat16"]
    return {
        FULL: launch("one_process"),
        "all weights, fp16": planned("all weights", 16, 256, activation_checkpointing=False, **fp16),
        "LoRA, bf16": planned("LoRA", 16, 256),
        "LoRA, fp16": planned("LoRA", 16, 256, **fp16),
        "QLoRA, bf16": planned("QLoRA", 16, 256),
        "QLoRA, fp16": planned("QLoRA", 16, 256, **fp16),
        "QLoRA, fp16, by trl sft": by_trl,
        "DDP": launch("ddp"),
        "FSDP, all weights": launch("fsdp"),
        "FSDP, LoRA": launch("fsdp", *lora),
        "FSDP, QLoRA": launch("fsdp", *lora, *in_4_bits),
        "DeepSpeed ZeRO-3": launch("deepspeed"),
    }


def started(folder: Path) -> dict[str, dict]:
    """What became of each command: its first and last loss and its time, or the error."""
    job, data = jobs.fresh(folder / "job"), commands.load()
    model, tokenizer = load("smollm2")
    for part in (model, tokenizer):
        part.save_pretrained(job / "model")
    for split in ("train", "validation"):
        rows = data[split] if split == "train" else data[split].select(range(96))
        rows.to_json(job / "data" / f"{split}.jsonl")
    outcomes = {}
    for name, command in tqdm(job_commands().items(), desc="jobs"):
        into = f"run_{len(outcomes)}"
        short = () if name == FULL else ("--max_steps", "20", "--eval_strategy", "no", "--eval_on_start", "false")
        try:
            done = jobs.run(*command, *short, "--output_dir", into, folder=job, output_dir=into)
            losses = [line["loss"] for line in done.log if "loss" in line]
            evaluated = [line["eval_loss"] for line in done.log if "eval_loss" in line]
            outcome = {
                "first": losses[0],
                "last": losses[-1],
                "seconds": done.train_runtime,
                "validation": evaluated[-1:],
            }
        except CourseError as problem:
            outcome = {"error": str(problem)}
        outcomes[name] = outcome | {"command": shlex.join(command)}
        print(name, json.dumps(outcomes[name]), flush=True)
    return outcomes


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("This machine has no GPU that PyTorch sees: run it on one that has.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        record = {"gpu": torch.cuda.get_device_name(), "made_with": run_log.versions()}
        record["jobs"] = started(folder)
        record["cases"] = measured(folder)
    target = paths.RUNS / "gpu.json"
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"Wrote {target.relative_to(paths.ROOT)}.")


if __name__ == "__main__":
    main()
