"""Notebook 05 as a job: accelerate launch --config_file accelerate/ddp.yaml train.py --config sft.yaml

It takes what `trl sft` takes, but no mixture of datasets (`datasets:`) and no `resume_from_checkpoint`: it goes on from
the last whole checkpoint by itself. It also prints how many processes there are, stops if they do not train together,
and trains an adapter in float32 under fp16.
What needs a GPU ran on one GPU, in one process; with several it was only read.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from datasets import load_dataset
from trl import (
    ModelConfig,
    ScriptArguments,
    SFTConfig,
    SFTTrainer,
    TrlParser,
    get_peft_config,
    get_quantization_config,
)


def counted(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def last_whole_checkpoint(folder: str) -> str | None:
    """A kill or a full disk leaves half a checkpoint; the Trainer writes its own state last."""
    found = {}
    for state in Path(folder).glob("checkpoint-*/trainer_state.json"):
        with contextlib.suppress(OSError, ValueError):  # it was cut off
            found[json.loads(state.read_text(encoding="utf-8"))["global_step"]] = str(state.parent)
    return found[max(found)] if found else None


def train_in_float32(model) -> None:
    """On a GPU the scaler of fp16 takes no gradients in 16 bits, and TRL makes the adapter of QLoRA bfloat16."""
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.float()


def main() -> None:
    data, config, model = TrlParser((ScriptArguments, SFTConfig, ModelConfig)).parse_args_and_config()
    started = int(os.environ.get("WORLD_SIZE", 1))  # the launcher counts here
    if started != config.world_size:  # on a CPU Accelerate joins them only if the run asks for the CPU
        sys.exit(f"Error: each of {counted(started)} would train alone: on a CPU, pass --use_cpu true.")
    loading = dict(revision=model.model_revision, dtype=model.dtype, attn_implementation=model.attn_implementation)
    config.model_init_kwargs = loading | (config.model_init_kwargs or {})
    rows = load_dataset(data.dataset_name, name=data.dataset_config, streaming=data.dataset_streaming)
    evaluates = config.eval_strategy != "no" or config.eval_on_start
    trainer = SFTTrainer(
        model=model.model_name_or_path,
        args=config,
        train_dataset=rows[data.dataset_train_split],
        eval_dataset=rows[data.dataset_test_split] if evaluates else None,
        quantization_config=get_quantization_config(model),  # 4 bits: on a GPU
        peft_config=get_peft_config(model),
    )
    if trainer.accelerator.scaler is not None:  # under fp16, on a GPU
        train_in_float32(trainer.model)
    processes = trainer.accelerator.num_processes
    trainer.accelerator.print(f"{counted(processes)}, {trainer.accelerator.distributed_type.value}")

    checkpoint = last_whole_checkpoint(config.output_dir)
    saved_by = len(list(Path(checkpoint).glob("rng_state*.pth"))) if checkpoint else processes
    if saved_by != processes:  # other processes see other examples, so the run would not go on where it stopped
        reason = f"{checkpoint} is of {counted(saved_by)}, not {processes}"
        sys.exit(f"Error: {reason}: start {saved_by}, or pass --output_dir.")
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model(config.output_dir)
    if config.push_to_hub:
        trainer.push_to_hub(dataset_name=data.dataset_name)  # only read: the course needs no account
    trainer.end()
    if processes > 1 and trainer.args.device.type == "cpu":
        # Taking the trainer apart can hang: PyTorch 2.13 joins gloo's threads while it holds the lock they wait for.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
