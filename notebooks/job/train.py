"""Notebook 05 as a job: accelerate launch --config_file accelerate/ddp.yaml train.py --config sft.yaml"""

import os
import sys
from pathlib import Path

from datasets import load_dataset
from transformers.trainer_utils import get_last_checkpoint
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


def main() -> None:
    data, config, model = TrlParser((ScriptArguments, SFTConfig, ModelConfig)).parse_args_and_config()
    config.model_init_kwargs = {"dtype": model.dtype, "attn_implementation": model.attn_implementation}
    rows = load_dataset(data.dataset_name)
    trainer = SFTTrainer(
        model=model.model_name_or_path,
        args=config,
        train_dataset=rows[data.dataset_train_split],
        eval_dataset=rows[data.dataset_test_split],
        quantization_config=get_quantization_config(model),
        peft_config=get_peft_config(model),
    )
    processes = trainer.accelerator.num_processes
    trainer.accelerator.print(f"{counted(processes)}, {trainer.accelerator.distributed_type.value}")

    checkpoint = get_last_checkpoint(config.output_dir) if Path(config.output_dir).is_dir() else None
    saved_by = len(list(Path(checkpoint).glob("rng_state*.pth"))) if checkpoint else processes
    if saved_by != processes:  # other processes see other examples, so the run would not go on where it stopped
        reason = f"{checkpoint} is of {counted(saved_by)}, not {processes}"
        sys.exit(f"Error: {reason}: start {saved_by}, or pass --output_dir.")
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model(config.output_dir)
    trainer.end()
    if processes > 1:
        # Taking the trainer apart can hang: PyTorch 2.13 joins gloo's threads while it holds the lock they wait for.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
