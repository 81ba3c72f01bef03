"""Record nano's runs on other data than home commands into data/runs/other_scales.json: `python -m tools.other_scales`.

Each has a known fault built into it, or none. They ask `diagnosis.diagnose` what it knows of other tasks: answers on a
course, dates in figures, and plain text, whose losses begin and end elsewhere. A run is logged at every update, and
`view` gives its log as a trainer would have written it with other `logging_steps`, with or without validation.
"""

import argparse
import json
import random
import tempfile
from dataclasses import asdict, dataclass

from datasets import Dataset
from tqdm import tqdm
from trl import SFTConfig

from helpers import LAPTOP, setup
from helpers.dataset.files import read_jsonl
from helpers.model import load
from helpers.paths import DATA, RUNS
from helpers.training import run_log
from helpers.training.cpu_trainer import CPUSFTTrainer

FILE = RUNS / "other_scales.json"
HELD_OUT = 24  # rows that the validation loss is taken on
POINTS = 10  # of the validation loss, beside the one before the first update
DIGITS = 4


@dataclass(frozen=True)
class Recipe:
    data: str  # a key of SETS
    fault: str  # a label of data/diagnoses.json
    seed: int
    rows: int  # of training
    max_steps: int
    learning_rate: float
    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    warmup_steps: float = 0.1
    lr_scheduler_type: str = "cosine"
    leaked: bool = False  # train on the validation rows as well
    shuffled: float = 0.0  # share of the rows that get one another's answers


def faq(rng: random.Random) -> list[dict]:
    """Questions and answers about fine-tuning, as conversations."""
    return [
        {
            "prompt": [{"role": "user", "content": row["question"]}],
            "completion": [{"role": "assistant", "content": row["answer"]}],
        }
        for row in read_jsonl(DATA / "course_faq.jsonl")
    ]


MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
WAYS = ("{month} {day}, {year}", "{day} {month} {year}", "on the {day}th of {month} in {year}")


def dates(rng: random.Random) -> list[dict]:
    """Dates in words and in figures, as plain pairs: an exact task, which nano learns to the end."""
    rows = []
    for _ in range(3000):
        month, day, year = rng.randrange(12), rng.randint(1, 28), rng.randint(1900, 2099)
        words = rng.choice(WAYS).format(month=MONTHS[month], day=day, year=year)
        rows.append({"prompt": words, "completion": f" {year}-{month + 1:02d}-{day:02d}"})
    return rows


WHO = ("Anna", "the old baker", "a tall guard", "Peter", "the teacher", "my neighbour", "the young doctor", "a sailor")
DOES = ("carries", "paints", "sells", "hides", "repairs", "finds", "cleans", "breaks")
WHAT = ("a red box", "the long ladder", "two letters", "an empty bottle", "the broken chair", "some warm bread")
WHERE = ("in the barn", "near the river", "behind the school", "on the roof", "at the market", "under the bridge")


def stories(rng: random.Random) -> list[dict]:
    """Texts of three sentences, whose words nobody can foresee: a loss that stays far from nothing."""
    sentence = lambda: " ".join(rng.choice(words) for words in (WHO, DOES, WHAT, WHERE)) + "."
    return [{"text": " ".join(sentence() for _ in range(3))} for _ in range(3000)]


SETS = {"faq": faq, "dates": dates, "stories": stories}


# What goes well on each, in half a minute.
USUAL = {
    "faq": dict(rows=122, max_steps=90, learning_rate=2e-3),
    "dates": dict(rows=2900, max_steps=400, learning_rate=4e-3),
    "stories": dict(rows=1600, max_steps=150, learning_rate=4e-3),
}


def _recipe(data: str, fault: str, seed: int = 0, rate: float = 1, length: float = 1, **changed) -> Recipe:
    """What goes well on `data`, with the learning rate and the number of updates multiplied, and other changes."""
    usual = USUAL[data]
    settings = usual | dict(
        learning_rate=usual["learning_rate"] * rate,
        max_steps=max(8, round(usual["max_steps"] * length)),
    )
    return Recipe(data, fault, seed, **(settings | changed))


ACCUMULATED = dict(per_device_train_batch_size=4, gradient_accumulation_steps=2)
LINEAR = dict(lr_scheduler_type="linear", warmup_steps=0)
RECIPES = {
    **{f"{data}_healthy": _recipe(data, "healthy") for data in SETS},
    **{f"{data}_overfit": _recipe(data, "overfitting", rows=30, length=0.7) for data in SETS},
    **{f"{data}_rate_30": _recipe(data, "learning rate too high", rate=30, length=0.5) for data in SETS},
    **{f"{data}_rate_low": _recipe(data, "learning rate too low", rate=1 / 300, length=0.7) for data in SETS},
    **{f"{data}_few_steps": _recipe(data, "too few steps", length=0.05) for data in SETS},
    **{
        f"{data}_batch_1": _recipe(data, "batch too small", per_device_train_batch_size=1, max_steps=200)
        for data in ("dates", "stories")
    },
    **{
        f"{data}_leaked": _recipe(data, "leaked validation", rows=40, leaked=True, length=0.7)
        for data in ("dates", "stories")
    },
    "dates_wrong": _recipe("dates", "wrong labels", shuffled=0.33, length=0.6),
    **{f"{data}_no_warmup": _recipe(data, "no warm-up", rate=4, length=0.5, **LINEAR) for data in SETS},
    **{f"{data}_linear": _recipe(data, "healthy", seed=2, rate=0.5, **LINEAR) for data in SETS},
    **{f"{data}_accumulated": _recipe(data, "healthy", 1, length=0.8, **ACCUMULATED) for data in ("dates", "stories")},
    **{f"{data}_few_steps_1": _recipe(data, "too few steps", 1, length=0.08) for data in SETS},
    **{f"{data}_rate_100": _recipe(data, "learning rate too high", 1, rate=100, length=0.4) for data in SETS},
    **{f"{data}_overfit_1": _recipe(data, "overfitting", 1, rows=16, length=0.5) for data in SETS},
    "dates_wrong_1": _recipe("dates", "wrong labels", 1, shuffled=0.5, length=0.5),
}


def record(recipe: Recipe) -> dict:
    """The recipe and the log of its run, as columns: what `view` takes."""
    rng = random.Random(recipe.seed)
    rows = SETS[recipe.data](rng)
    rng.shuffle(rows)
    validation, train = rows[:HELD_OUT], rows[HELD_OUT : HELD_OUT + recipe.rows]
    if recipe.shuffled:
        train = _swapped(train, recipe.shuffled, rng)
    if recipe.leaked:
        train = train + validation
    own = {k: v for k, v in asdict(recipe).items() if k not in ("data", "fault", "rows", "leaked", "shuffled")}
    model, tokenizer = load("nano")
    every = max(1, recipe.max_steps // POINTS)
    with tempfile.TemporaryDirectory() as folder:
        trainer = CPUSFTTrainer(
            model=model,
            args=SFTConfig(
                **LAPTOP,
                **own,
                output_dir=folder,
                logging_steps=1,
                logging_nan_inf_filter=False,
                eval_strategy="steps",
                eval_steps=every,
                eval_on_start=True,
                max_length=256,
            ),
            train_dataset=Dataset.from_list(train),
            eval_dataset=Dataset.from_list(validation),
            processing_class=tokenizer,
        )
        run_log.stop_printing(trainer)
        trainer.train()
    log = trainer.state.log_history
    lines = [line for line in log if "loss" in line]
    return {
        "recipe": asdict(recipe),
        "loss": [_short(line["loss"]) for line in lines],
        "learning_rate": [_short(line["learning_rate"]) for line in lines],
        "epochs": _short(lines[-1]["epoch"]),
        "num_tokens": lines[-1]["num_tokens"],
        "validation": [[line["step"], _short(line["eval_loss"])] for line in log if "eval_loss" in line],
    }


def view(run: dict, every: int = 1, validation: bool = True) -> list[dict]:
    """The log of a recorded run as one with logging_steps=`every`; a loss is the mean since the last."""
    n, lines = len(run["loss"]), []
    for step in range(every, n + 1, every):
        loss = sum(run["loss"][step - every : step]) / every
        share = step / n
        lines.append(
            {
                "step": step,
                "epoch": run["epochs"] * share,
                "loss": loss,
                "learning_rate": run["learning_rate"][step - 1],
                "num_tokens": run["num_tokens"] * share,
            }
        )
    if validation:
        lines += [
            {"step": step, "eval_loss": loss, "epoch": run["epochs"] * step / n} for step, loss in run["validation"]
        ]
    return sorted(lines, key=lambda line: line["step"])


def recorded() -> dict[str, dict]:
    """The runs of data/runs/other_scales.json by their names in RECIPES."""
    return json.loads(FILE.read_text(encoding="utf-8"))["runs"] if FILE.exists() else {}


def _swapped(rows: list[dict], share: float, rng: random.Random) -> list[dict]:
    """The rows, of which a share has got one another's answers."""
    chosen = rng.sample(range(len(rows)), round(share * len(rows)))
    others = chosen[1:] + chosen[:1]
    answers = {row: rows[other]["completion"] for row, other in zip(chosen, others, strict=True)}
    return [{**row, "completion": answers.get(i, row["completion"])} for i, row in enumerate(rows)]


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    setup()
    kept = {name: run for name, run in recorded().items() if name in RECIPES}
    runs = {name: run for name, run in kept.items() if run["recipe"] == asdict(RECIPES[name])}
    for name in tqdm([name for name in RECIPES if name not in runs], unit="run"):
        runs[name] = record(RECIPES[name])
        write(runs)


def write(runs: dict[str, dict]) -> None:
    """Write the runs in the order of RECIPES, one to a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(runs[name])}" for name in RECIPES if name in runs]
    aside = FILE.with_suffix(".new")
    aside.write_text('{"runs": {\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    aside.replace(FILE)


if __name__ == "__main__":
    main()
