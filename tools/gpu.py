"""What the course plans for a GPU, measured on one: `python -m tools.gpu` on a machine that has it, with bitsandbytes.

Starts notebook 09's job with the planner's commands, then trains models of well-known sizes (random weights, random
tokens) for a few updates, to compare memory and speed with helpers/training/planner.py. data/runs/gpu.json is written
after each job and case: an interrupted run keeps what it has. A model of 7 billion parameters needs 25 GB of disk.
"""

import gc
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
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
    *((SMOL, method, 16, 256, False) for method in ("all weights", "LoRA")),
    *((SEVEN, method, 8, 512, True) for method in ("LoRA", "QLoRA")),
    (SEVEN, "QLoRA", 4, 1024, True),
]
WARM, STEPS = 3, 10  # updates before the measurement, and in it
QUIET = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True}
FULL = "one epoch on all sentences"
TARGET = paths.RUNS / "gpu.json"


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
    source = saved_model(name, folder)
    torch.manual_seed(0)
    rows = torch.randint(100, 40_000, (batch * (WARM + STEPS), length)).tolist()
    nf4 = dict(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    four_bits = BitsAndBytesConfig(**nf4, bnb_4bit_compute_dtype=torch.bfloat16)
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
            dataset_kwargs={"skip_prepare_dataset": True},
            **QUIET,
        ),
        train_dataset=datasets.Dataset.from_dict({"input_ids": rows, "labels": rows}),
        quantization_config=four_bits if method == "QLoRA" else None,
        peft_config=LoraConfig(r=planner.RANK, target_modules="all-linear") if planner.METHODS[method] else None,
        callbacks=[watch],
    )
    run_log.stop_printing(trainer)
    trained_in = {str(w.dtype).removeprefix("torch.") for w in trainer.model.parameters() if w.requires_grad}
    trainer.train()
    tokens, config = STEPS * batch * length, load_config(name)
    again = {"activation_checkpointing": activation_checkpointing}
    at_peak = planner.hours(config, method, tokens, 1, hfu=1, **again)
    return {
        "planned": memory.peak(planner.need(config, method, batch, length, **again)),
        "measured": watch.peak,
        "trained in": sorted(trained_in),
        "tokens_per_second": tokens / watch.seconds,
        "tflops": at_peak * 3600 / watch.seconds,  # of the model's matrix products, as planner.hours counts them
    }


def measure_cases(folder: Path, cases: list[dict], save: Callable[[], None]) -> None:
    """Add each of CASES to `cases`, with its plan and measurement or its error, and call `save`."""
    for case in tqdm(CASES, desc="memory and speed"):
        outcome = dict(zip(("model", "method", "batch", "length", "activation_checkpointing"), case, strict=True))
        try:
            outcome |= measure(folder, *case)
        except Exception as problem:  # one case must not lose the others
            outcome["error"] = f"{type(problem).__name__}: {problem}"[:400]
        print(json.dumps(outcome), flush=True)
        cases.append(outcome)
        save()
        gc.collect()
        torch.cuda.empty_cache()


def job_commands() -> dict[str, list[str]]:
    """Commands of notebook 09's job, all for one GPU."""
    one = ["--num_processes", "1", "train.py", "--config", "sft.yaml", "--bf16", "true"]
    launch = lambda file, *more: ["accelerate", "launch", "--config_file", f"accelerate/{file}.yaml", *one, *more]
    planned = lambda *args, **kw: shlex.split(planner.command("model", *args, **kw).replace("\\\n", " "), comments=True)
    by_script = planned("QLoRA", 16, 256, bf16=False)
    by_trl = ["trl", "sft", *by_script[by_script.index("train.py") + 1 :]]
    lora = ["--use_peft", "--lora_target_modules", "all-linear", "--dtype", "bfloat16"]
    in_4_bits = ["--load_in_4bit", "--bnb_4bit_quant_type", "nf4", "--bnb_4bit_quant_storage", "bfloat16"]
    return {
        FULL: launch("one_process"),
        "all weights, fp16": planned("all weights", 16, 256, activation_checkpointing=False, bf16=False),
        "LoRA, bf16": planned("LoRA", 16, 256),
        "LoRA, fp16": planned("LoRA", 16, 256, bf16=False),
        "QLoRA, bf16": planned("QLoRA", 16, 256),
        "QLoRA, fp16": planned("QLoRA", 16, 256, bf16=False),
        "QLoRA, fp16, by trl sft": by_trl,
        "DDP": launch("ddp"),
        "FSDP, all weights": launch("fsdp"),
        "FSDP, LoRA": launch("fsdp", *lora),
        "FSDP, QLoRA": launch("fsdp", *lora, *in_4_bits),
        "DeepSpeed ZeRO-3": launch("deepspeed"),
    }


def job_folder(folder: Path) -> Path:
    """The course's job with SmolLM2 and the home commands in it."""
    job, data = jobs.fresh(folder / "job"), commands.load()
    for part in load("smollm2"):
        part.save_pretrained(job / "model")
    for split, rows in {"train": data["train"], "validation": data["validation"].select(range(96))}.items():
        rows.to_json(job / "data" / f"{split}.jsonl")
    return job


def start_jobs(folder: Path, outcomes: dict[str, dict], save: Callable[[], None]) -> None:
    """Run each command and add to `outcomes` its first and last loss and its time, or the error; then call `save`."""
    job = job_folder(folder)
    for number, (name, command) in enumerate(tqdm(job_commands().items(), desc="jobs")):
        into = f"run_{number}"
        short = () if name == FULL else ("--max_steps", "20", "--eval_strategy", "no", "--eval_on_start", "false")
        try:
            finished = jobs.run(*command, *short, "--output_dir", into, folder=job, output_dir=into)
            losses = [line["loss"] for line in finished.log if "loss" in line]
            outcome = {"first": losses[0], "last": losses[-1], "seconds": finished.train_runtime}
            outcome["validation"] = [line["eval_loss"] for line in finished.log if "eval_loss" in line][-1:]
        except CourseError as problem:
            outcome = {"error": str(problem)}
        outcomes[name] = outcome | {"command": shlex.join(command)}
        print(name, json.dumps(outcomes[name]), flush=True)
        save()


def main(beside: str = "not noted") -> None:
    """beside: what else ran on the machine, and what that touches."""
    if not torch.cuda.is_available():
        sys.exit("This machine has no GPU that PyTorch sees: run it on one that has.")
    record = dict(gpu=torch.cuda.get_device_name(), made_with=run_log.versions(), beside=beside, jobs={}, cases=[])

    def save() -> None:
        TARGET.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as scratch:
        start_jobs(Path(scratch), record["jobs"], save)
        measure_cases(Path(scratch), record["cases"], save)
    print(f"Wrote {TARGET.relative_to(paths.ROOT)}.")


if __name__ == "__main__":
    main(*sys.argv[1:2])
