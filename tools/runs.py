"""Record training runs with their log and scores into data/runs/: `python tools/runs.py [NAME ...]`.

Every run is one entry of RUNS. `adapter` and `nano` also write the fine-tuned models that come with the course.
"""

import argparse
import copy
import sys
import tempfile
import warnings
from dataclasses import asdict, dataclass, field

import datasets
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback
from trl import SFTConfig

from helpers import commands, curves, models, scoring
from helpers.cpu import CPUSFTTrainer


@dataclass(frozen=True)
class Run:
    about: str
    templates: int  # training sentences from templates
    natural: int = 0  # natural commands kept for training, further `copies` with other names and numbers among them
    copies: int = 0
    shuffled: float = 0.0  # share of the rows that get one another's answers
    repeats: int = 0  # further rows, copies of a few
    lora: int = 0  # rank of the adapter; 0 trains all weights
    ship: bool = False  # save the result as the one that comes with the course
    model: str = "smollm2"
    score_every: int = 0  # steps between scores on the validation split; 0 scores at the end alone
    config: dict = field(default_factory=dict)  # of SFTConfig, where it differs from SETTINGS


SETTINGS = dict(
    max_steps=100,
    per_device_train_batch_size=8,
    learning_rate=3e-4,
    warmup_steps=0.1,
    lr_scheduler_type="cosine",
    max_length=256,
    logging_steps=5,
    eval_strategy="steps",
    eval_steps=50,
    per_device_eval_batch_size=32,
    seed=0,
)
RUNS = {
    # Each takes 800 examples' worth of updates, so that only the number of different examples varies.
    "examples_50": Run("50 template sentences", 50, score_every=20, config=dict(eval_steps=20)),
    **{f"examples_{n}": Run(f"{n} template sentences", n) for n in (100, 200, 400, 800)},
    **{f"seed_{n}": Run(f"800 template sentences, seed {n}", 800, config=dict(seed=n)) for n in (1, 2)},
    # What is wrong with the data matters only against the spread of seeds, so each has three.
    **{f"examples_400_{n}": Run(f"400 template sentences, seed {n}", 400, config=dict(seed=n)) for n in (1, 2)},
    **{
        f"shuffled_20_{n}": Run(
            f"800 template sentences, 20% with the answer of another, seed {n}", 800, shuffled=0.2, config=dict(seed=n)
        )
        for n in range(3)
    },
    **{
        f"repeats_400_{n}": Run(
            f"400 template sentences and 400 copies of {commands.REPEATED} of them, seed {n}",
            400,
            repeats=400,
            config=dict(seed=n),
        )
        for n in range(3)
    },
    "natural_400": Run("400 template sentences and 400 natural ones", 400, natural=400),
    "adapter": Run(
        "LoRA on all template sentences and on natural ones, each natural one up to three times",
        templates=2392,
        natural=3800,
        copies=2,
        lora=8,
        ship=True,
        config=dict(
            max_steps=500,
            per_device_train_batch_size=16,
            learning_rate=2e-3,
            warmup_steps=0.05,
            train_sampling_strategy="group_by_length",
            eval_steps=125,
        ),
    ),
    "nano": Run(
        "all weights of the nano model on the same sentences, so that tests take seconds",
        templates=2392,
        natural=1600,
        ship=True,
        model="nano",
        config=dict(max_steps=600, per_device_train_batch_size=16, learning_rate=4e-3, eval_steps=200),
    ),
}


class Scored(TrainerCallback):
    """Scores the validation split every few steps, into `found`: what the validation loss cannot tell."""

    def __init__(self, every: int, records, tokenizer):
        self.every, self.records, self.tokenizer, self.found = every, records, tokenizer, []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if self.every and state.global_step % self.every == 0:
            scores = scoring.evaluate(model, self.tokenizer, self.records)
            self.found.append({"step": state.global_step, **{m: scores.percent(m) for m in scoring.METRICS}})


def training_rows(run: Run, data: datasets.DatasetDict) -> datasets.Dataset:
    """The run's examples; the trainer shuffles them."""
    rows = [data["train"].select(range(run.templates))]
    if run.natural:
        more = commands.load(natural_in_train=True, natural_copies=run.copies)["train"]
        natural = more.filter(lambda r: r["template"].startswith("natural/"))
        rows.append(natural.select(range(run.natural)))
    if run.repeats:
        rows.append(commands.repeats(data["train"], run.repeats))
    return commands.shuffled_answers(datasets.concatenate_datasets(rows), run.shuffled)


def ship(trained, tokenizer, run: Run) -> None:
    """Saves what comes with the course, in half precision, which halves its file."""
    folder = models.TUNED[run.model]
    if not run.lora:
        copy.deepcopy(trained).half().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return
    trained.peft_config["default"].base_model_name_or_path = run.model  # not this machine's path to it
    trained.save_pretrained(folder)
    weights = folder / "adapter_model.safetensors"
    save_file({k: v.half() for k, v in load_file(weights).items()}, weights, {"format": "pt"})
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty form of a model card


def train(name: str, run: Run) -> None:
    """Trains, scores on all of `test` and `natural`, and writes data/runs/NAME.json."""
    data = commands.load()
    model, tokenizer = models.load(run.model)
    clock, scored = curves.Clock(), Scored(run.score_every, data["validation"], tokenizer)
    settings = SETTINGS | run.config
    with tempfile.TemporaryDirectory() as scratch:
        trainer = CPUSFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=scratch,
                bf16=models.fast_bf16(),
                use_cpu=True,
                activation_checkpointing=False,
                save_strategy="no",
                report_to="none",
                **settings,
            ),
            train_dataset=training_rows(run, data),
            eval_dataset=data["validation"].select(range(96)),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=run.lora, lora_alpha=2 * run.lora, target_modules="all-linear")
            if run.lora
            else None,
            callbacks=[clock, scored],
        )
        share = trainer.model.num_parameters(only_trainable=True) / trainer.model.num_parameters()
        trainer.train()
    trained = trainer.model
    if run.ship:  # score what is shipped, not what was in memory
        ship(trained, tokenizer, run)
        trained, tokenizer = models.load_tuned(run.model)
    found = {split: scoring.evaluate(trained, tokenizer, data[split]) for split in ("test", "natural")}
    tables = {split: scores.table() for split, scores in found.items()}
    curves.save(
        name,
        recipe=asdict(run) | {"config": settings},
        minutes=clock.seconds / 60,
        trained_share=share,
        **{split: {m: dict(t.loc[label]) for m, label in scoring.METRICS.items()} for split, t in tables.items()},
        # One digit for each command, for tests of paired differences.
        right={split: "".join(map(str, scores.rows["exact"].astype(int))) for split, scores in found.items()},
        scored=scored.found,
        log=trainer.state.log_history,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    names = parser.parse_args().names or list(RUNS)
    if unknown := set(names) - set(RUNS):
        sys.exit(f"There is no run named {', '.join(sorted(unknown))}; choose from {', '.join(RUNS)}.")
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`")  # PEFT uses an old name
    for name in names:
        print(f"{name}: {RUNS[name].about}", flush=True)
        train(name, RUNS[name])


if __name__ == "__main__":
    main()
