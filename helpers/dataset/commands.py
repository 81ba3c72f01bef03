"""The dataset as a reader loads it: spoken home commands, each with the one JSON tool call it asks for.

Sentences come from the sentence patterns of home-assistant-intents and are labelled by hassil (helpers.dataset.build);
`natural` comes from data/natural_commands.jsonl.
"""

import json
import random

from datasets import Dataset, DatasetDict

from helpers.dataset import build, perturb
from helpers.dataset.calls import NO_COMMAND, record
from helpers.dataset.calls import prompt as prompt
from helpers.dataset.files import read_jsonl
from helpers.dataset.homes import homes
from helpers.paths import DATA


def load(language: str = "en", natural_in_train: bool = False, natural_copies: int = 0, seed: int = 0) -> DatasetDict:
    """Splits `train`, `validation`, `test` (each from patterns of its own) and `natural` (written by language models).

    A record is {"prompt": [system, user], "completion": [assistant], "template": str, "intent": str}: TRL's
    conversational prompt-completion format. `natural_in_train` mixes the natural commands kept for training into
    `train`, with up to `natural_copies` of each that have other names and numbers. The same seed gives the same
    records. Built once (under a minute), then read from the cache. Raises CourseError for an unknown language.
    """
    folder = build.folder(language, seed)
    rows = {split: read_jsonl(folder / f"{split}.jsonl") for split in build.SPLITS}
    if natural_in_train:
        natural = natural_commands("train", language)
        rows["train"] += natural + perturb.reworded(natural, natural_copies, language, seed)
        random.Random(seed).shuffle(rows["train"])
    rows["natural"] = natural_commands("test", language)
    return DatasetDict({split: Dataset.from_list(records) for split, records in rows.items()})


def counts(language: str = "en", seed: int = 0) -> dict:
    """What the build kept and left out: {"sentences": {split: n}, "templates": {split: n}, "left out": {reason: n}}."""
    return json.loads((build.folder(language, seed) / "counts.json").read_text(encoding="utf-8"))


def natural_commands(use: str, language: str = "en") -> list[dict]:
    """The records of the natural commands for one use, "train" or "test".

    Raises CourseError for an unknown language.
    """
    homes(language)
    rows = read_jsonl(DATA / "natural_commands.jsonl")
    return [
        record(row["command"], row["call"], f"natural/{number}", language)
        for number, row in enumerate(rows, start=1)
        if row["use"] == use and row.get("language", "en") == language
    ]


def non_commands(use: str) -> list[dict]:
    """The records of sentences that ask for nothing a home can do, for one use, "train" or "validation" (English)."""
    rows = read_jsonl(DATA / "non_commands.jsonl")
    return [
        record(row["text"], NO_COMMAND, f"no command/{number}")
        for number, row in enumerate(rows, start=1)
        if row["use"] == use
    ]
