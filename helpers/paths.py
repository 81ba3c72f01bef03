"""Where the course keeps its files. Importing this loads nothing else."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
RUNS = DATA / "runs"  # logs and scores of recorded runs, see training.run_log
NANO = DATA / "nano"  # the nano model; its folder tuned/ holds the fine-tuned one
ADAPTER = DATA / "adapter"  # the LoRA adapter that comes with the course, for SmolLM2
IMPROVED = DATA / "adapter_improved"  # the one of the second round, in notebook 08
PLANTED = DATA / "planted"  # rows with planted defects, for an exercise of notebook 02
JOB = ROOT / "notebooks" / "job"  # sft.yaml, train.py and accelerate/*.yaml
