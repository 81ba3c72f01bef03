"""Record what 200 commands in Chinese change, for notebook 08: `python -m tools.second_language [NAME ...]`.

The adapter that comes with the course, and each trial that goes on from its weights, answers held-out commands in both
languages; data/runs/round_NAME.json keeps how. The system message stays the English one, which the adapter knows.
"""

import argparse
from dataclasses import asdict, dataclass

from datasets import Dataset, concatenate_datasets
from tqdm import tqdm

from helpers.dataset import commands
from helpers.evaluation import METRICS, evaluate
from helpers.model import load_tuned
from helpers.training import run_log
from tools.names import require_known
from tools.second_round import SETTINGS as SECOND_ROUND
from tools.second_round import train_on
from tools.slices import digits

CHINESE = "zh-TW"
HELD_OUT = 100  # commands of each language, the first of its validation split
LONGEST = 64  # tokens of an answer: a name in Chinese takes two for each character
SETTINGS = SECOND_ROUND | dict(num_train_epochs=2)  # there are fewer rows


@dataclass(frozen=True)
class Trial:
    about: str
    chinese: int = 0  # sentences from the Chinese patterns
    english: int = 0  # and from those that the adapter was trained on
    seed: int = 0


BEFORE = "chinese_before"
TRIALS = {
    BEFORE: Trial("the adapter that comes with the course"),
    "chinese_0": Trial("200 commands in Chinese, and 200 English ones that it has seen", 200, 200),
    "english_0": Trial("400 English commands that it has seen", english=400),  # the price of the round itself
}


def asked_in_english(rows: Dataset) -> Dataset:
    """The rows with the English system message before each command."""
    return rows.map(lambda row: {"prompt": commands.prompt(row["prompt"][-1]["content"])})


def training_rows(trial: Trial) -> Dataset:
    """As many rows of each language as the trial says, mixed."""
    rows = [
        asked_in_english(commands.load(language)["train"].shuffle(seed=trial.seed).select(range(number)))
        for language, number in ((CHINESE, trial.chinese), ("en", trial.english))
        if number
    ]
    return concatenate_datasets(rows).select_columns(["prompt", "completion"]).shuffle(seed=trial.seed)


def held_out() -> dict[str, Dataset]:
    """The rows that are answered, by language. None of them is a row of a report."""
    return {
        language: asked_in_english(commands.load(language)["validation"].select(range(HELD_OUT)))
        for language in (CHINESE, "en")
    }


def record(name: str, trial: Trial) -> None:
    """Train and score a trial, and write data/runs/round_NAME.json."""
    (model, tokenizer), log, minutes = load_tuned(first_round=True), [], 0.0
    if name != BEFORE:
        model, log, minutes = train_on(training_rows(trial), model, tokenizer, SETTINGS | {"seed": trial.seed})
    scores = {
        language: evaluate(model, tokenizer, rows, language, max_new_tokens=LONGEST)
        for language, rows in held_out().items()
    }
    run_log.save(
        f"round_{name}",
        recipe=asdict(trial) | {"config": SETTINGS},
        minutes=minutes,
        **{key: {part: digits(s.rows[key]) for part, s in scores.items()} for key in METRICS if key != "slot_f1"},
        log=log,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"trials: {', '.join(TRIALS)}")
    names = parser.parse_args().names
    require_known(names, TRIALS, "trial")
    for name in tqdm(names or list(TRIALS), unit="trial"):
        record(name, TRIALS[name])


if __name__ == "__main__":
    main()
