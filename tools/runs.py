"""Record training runs with their log and scores into data/runs/: `python -m tools.runs [NAME ...]`.

Every run is one entry of RUNS in tools/recipes.py. `adapter`, `improved_0` and `nano` also write the fine-tuned models
that come with the course. Without names all are made; a call that was interrupted is taken up where it stopped.
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import datasets
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback
from trl import SFTConfig

from helpers import LAPTOP, paths
from helpers.dataset import commands, perturb
from helpers.errors import PEFT_WARNING
from helpers.evaluation.scores import METRICS, evaluate
from helpers.model import chat, fast_bf16, load, load_tuned
from helpers.training import run_log
from helpers.training.cpu_trainer import CPUSFTTrainer
from tools import pieces
from tools.course import RECORDED
from tools.names import require_known
from tools.recipes import RUNS, SETTINGS, Run
from tools.slices import DEVICE, at_shares, digits, on_slices, replay_rows

ASKED = 100  # held-out commands that a run of the gallery answers
BARE = "{% for message in messages if message['role'] == 'user' %}{{ message['content'] }}{% endfor %}"
READ = 5  # of its answers that are kept to be read
SAVED = paths.ROOT / "outputs" / "saved"  # where models are saved that do not come with the course
COMES_WITH_COURSE = {"adapter": paths.ADAPTER, "improved_0": paths.IMPROVED, "nano": paths.NANO / "tuned"}
# Hours on two cores and minutes on a GPU: `python -m tools.runs` makes them where there is one, or by their names.
FOR_A_GPU = {name for name in RUNS if name.startswith("improved_")}
DONE = paths.ROOT / "outputs" / "recorded.txt"  # what an interrupted call has made so far


class Scored(TrainerCallback):
    """Scores the validation split every few steps, into `rows`: what the validation loss cannot tell."""

    def __init__(self, every: int, records, tokenizer):
        self.every, self.records, self.tokenizer, self.rows = every, records, tokenizer, []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if self.every and state.global_step % self.every == 0:
            scores = evaluate(model, self.tokenizer, self.records)
            self.rows.append({"step": state.global_step, **{m: scores.percent(m) for m in METRICS}})


def validation_rows(data: datasets.DatasetDict) -> datasets.Dataset:
    return data["validation"].select(range(96))


def training_rows(run: Run, data: datasets.DatasetDict, replay: list[dict] | None = None) -> datasets.Dataset:
    """The run's examples, another draw for each seed, and the rows of `replay`; the trainer shuffles them."""
    seed = (SETTINGS | run.config)["seed"]
    train = data["train"].shuffle(seed=seed) if seed else data["train"]
    rows = [train.select(range(run.templates))]
    if run.natural:
        more = commands.load(natural_in_train=True, natural_copies=run.copies)["train"]
        natural = more.filter(lambda r: r["template"].startswith("natural/"))
        rows.append(natural.select(range(run.natural)))
    if run.repeats:
        rows.append(perturb.repeats(train, run.repeats))
    if run.leaked:
        rows.append(validation_rows(data))
    rows = perturb.shuffled_answers(datasets.concatenate_datasets(rows), run.shuffled, seed)
    if not (run.misspelt or run.non_commands or replay):
        return rows
    records = perturb.misspelt(list(rows), run.misspelt, seed)
    records += (2 * commands.non_commands("train"))[: run.non_commands] + (replay or [])
    return datasets.Dataset.from_list([{key: row[key] for key in ("prompt", "completion")} for row in records])


def spoil(rows: datasets.Dataset, how: str, tokenizer) -> datasets.Dataset:
    """The trainer's tokenized rows with one of LABELS done to them: faults of a pipeline, made where they happen."""

    def change(row):
        ids, labels = row["input_ids"], row["labels"]
        if how == "two beginnings":
            return {"input_ids": [tokenizer.bos_token_id, *ids], "labels": [chat.IGNORED, *labels]}
        return {"labels": [chat.IGNORED if how == "nothing" or x == tokenizer.eos_token_id else x for x in labels]}

    return rows.map(change) if how else rows


def ship(trained, tokenizer, run: Run, folder: Path) -> None:
    """Saves the model or its adapter in half precision, which halves its file."""
    if not run.lora:
        copy.deepcopy(trained).half().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return
    trained.peft_config["default"].base_model_name_or_path = run.model  # not this machine's path to it
    trained.save_pretrained(folder)
    weights = folder / "adapter_model.safetensors"
    # An adapter's change is B times A, so shrinking B shrinks the change.
    state = {key: w * run.shrunk if "lora_B" in key else w for key, w in load_file(weights).items()}
    save_file({key: w.half() for key, w in state.items()}, weights, {"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty form of a model card


def sft_config(scratch: str, settings: dict) -> SFTConfig:
    """A quiet run that shows its progress, on a GPU where there is one, in 16 bits where that is fast."""
    here = {"use_cpu": DEVICE == "cpu", "bf16": fast_bf16(), "disable_tqdm": False}
    return SFTConfig(**LAPTOP | here, output_dir=scratch, **settings)


def train(name: str, run: Run) -> None:
    """Trains, scores on `validation`, `test` and `natural` (the gallery on a part of `test`, and not on `natural`), and
    writes data/runs/NAME.json."""
    began, data = time.monotonic(), commands.load()
    model, tokenizer = load(run.model)
    model.to(DEVICE)
    clock, scored = run_log.Clock(), Scored(run.score_every, data["validation"], tokenizer)
    settings = SETTINGS | run.config
    replay = replay_rows(model, tokenizer) if run.replay else None
    with tempfile.TemporaryDirectory() as scratch:
        trainer = CPUSFTTrainer(
            model=model,
            args=sft_config(scratch, settings),
            train_dataset=training_rows(run, data, replay),
            eval_dataset=validation_rows(data),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=run.lora, lora_alpha=2 * run.lora, target_modules="all-linear")
            if run.lora
            else None,
            callbacks=[clock, scored],
        )
        for rows in ("train_dataset", "eval_dataset"):
            setattr(trainer, rows, spoil(getattr(trainer, rows), run.labels, tokenizer))
        share = trainer.model.num_parameters(only_trainable=True) / trainer.model.num_parameters()
        trainer.train()
    trained = trainer.model
    if run.ship:  # score what is shipped, not what was in memory
        folder = COMES_WITH_COURSE.get(name, SAVED / name)
        ship(trained, tokenizer, run, folder)
        trained, tokenizer = load_tuned(run.model, str(folder))
        trained.to(DEVICE)
    if run.asked_plainly:
        tokenizer.chat_template = BARE
    asked = {split: data[split] for split in ("validation", "test", "natural")}
    if run.fault:
        asked = {"validation": data["validation"], "test": data["test"].select(range(ASKED))}
    scores = {split: evaluate(trained, tokenizer, rows) for split, rows in asked.items()}
    if run.shrunk == 1:
        more = on_slices(trained, tokenizer) if run.slices else {}
    else:
        shares = at_shares(run.model, folder, run.shrunk)
        more = {**shares[str(run.shrunk)], "shares": shares}
    tables = {split: of_split.table() for split, of_split in scores.items()}
    run_log.save(
        name,
        recipe=asdict(run) | {"config": settings},
        bf16=trainer.args.bf16,  # rounds otherwise than float32: compare runs of one precision
        minutes=clock.seconds / 60,
        minutes_in_all=(time.monotonic() - began) / 60,
        trained_share=share,
        **{split: {m: dict(t.loc[label]) for m, label in METRICS.items()} for split, t in tables.items()},
        right={split: digits(of_split.rows["exact"]) for split, of_split in scores.items()},
        **more,
        answers=[
            {"command": row.command, "answer": row.answer[:400]} for row in scores["test"].rows.head(READ).itertuples()
        ],
        scored=scored.rows,
        log=trainer.state.log_history,
    )


def other_tools() -> dict[str, list[str]]:
    """What other tools record: {name: the command that does}."""
    python = [sys.executable, "-m"]
    notebooks = {name: [*python, "tools.course", "record", name] for name in RECORDED}
    trials = ("second_round", "second_language", "reasoning", "held_out_tools")
    rounds = {name: [*python, f"tools.{name}"] for name in trials}
    return {"bench": [*python, "tools.bench", "--record"], **rounds, **notebooks}


def everything() -> None:
    """Records all runs, those that an interrupted call has made left out, and says how long it will take and took."""
    others = other_tools()
    known = [*others, *(name for name in RUNS if DEVICE == "cuda" or name not in FOR_A_GPU)]
    left = pieces.missing(known, DONE)
    recordings = [paths.RUNS / f"{name}.json" for name in left]
    last = [json.loads(path.read_text(encoding="utf-8")) for path in recordings if path.exists()]
    minutes = sum(run.get("minutes_in_all", run.get("minutes", 0)) for run in last)
    print(f"{len(left)} of {len(known)} to record; the last recording of them took {minutes:.0f} minutes.")
    began = time.monotonic()
    for name in pieces.resumed(known, DONE, "run"):
        if name in others:
            subprocess.run(others[name], check=True, cwd=paths.ROOT)
        else:
            train(name, RUNS[name])
    print(f"Recorded in {(time.monotonic() - began) / 60:.0f} minutes.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of tools/recipes.py; all, when none is given")
    names = parser.parse_args().names
    require_known(names, RUNS, "run named")
    warnings.filterwarnings("ignore", message=PEFT_WARNING)
    for name in names:
        print(f"{name}: {RUNS[name].about}", flush=True)
        train(name, RUNS[name])
    if not names:
        everything()


if __name__ == "__main__":
    main()
