"""Changed rows: commands with other names and numbers, copies of a few, and answers that were swapped."""

import json
import random
import re
from collections.abc import Iterator

from datasets import Dataset

from helpers.dataset.calls import problem, record
from helpers.dataset.grammar import SENSIBLE, SENSIBLE_PERCENT, spelled
from helpers.dataset.homes import homes
from helpers.dataset.usage import usage

REPEATED = 20  # different rows among those of `repeats`
# Whole numbers that replace one another in a natural command, by slot (first, last, step).
RANGES = {"temperature": (16, 26, 1)}
# Words around a command: the first fit any, the second only one that begins with one of ORDERS.
FRAMES = ("okay {}", "{} please", "uh {}", "{} thanks", "right then {}", "{} if you would", "hey {}", "well {} now")
FRAMES_OF_ORDERS = (
    "could you {}", "i'd like you to {}", "can you {} for me", "i want you to {}", "would you {} please",
    "you can {} now", "it's time to {}", "somebody should {}",
)  # fmt: skip
ORDERS = {
    "set", "turn", "decrease", "play", "increase", "pause", "change", "remove", "resume", "add", "cancel",
    "start", "stop", "switch", "return", "deactivate", "activate", "open", "make", "close", "put", "take",
    "adjust", "skip", "clean", "vacuum", "shut", "dock", "mute", "unmute", "delete", "tell", "create", "check",
    "unlock", "lock", "announce", "broadcast",
}  # fmt: skip
for _unit in ("hours", "minutes", "seconds"):
    RANGES[_unit] = RANGES[f"start_{_unit}"] = SENSIBLE[f"timer_{_unit}"]


def reworded(records: list[dict], copies: int = 1, language: str = "en", seed: int = 0) -> list[dict]:
    """New records: the sentences of `records` with other rooms, devices, items and numbers, up to `copies` of each.

    A sentence without any gives none.
    """
    pools, rng = list(_pools(language)), random.Random(seed)
    seen = {row["prompt"][-1]["content"] for row in records}
    new = []
    for row in records:
        for _ in range(copies):
            text, call = row["prompt"][-1]["content"], json.loads(row["completion"][0]["content"])
            for slot, value in call["arguments"].items():
                text, call["arguments"][slot] = _replaced(text, slot, value, pools, rng, language)
            if text not in seen and problem(call, language) is None:
                seen.add(text)
                new.append(record(text, call, row["template"], language))
    return new


def misspelt(records: list[dict], share: float = 1.0, seed: int = 0) -> list[dict]:
    """The records, a random `share` of which (0 to 1) have a sentence in capitals or with one slip of a typist.

    One in four of them is in capitals, where its script has any; in the others two letters change places, or one is
    left out or doubled. The call stays what it was: names in it are spelled as they should be.
    """
    rng = random.Random(seed)
    chosen = set(rng.sample(range(len(records)), round(share * len(records))))
    return [_misspelt(row, rng) if number in chosen else row for number, row in enumerate(records)]


def wrapped(records: list[dict], seed: int = 0) -> list[dict]:
    """The records with English words around the sentence that change nothing about the call: "could you ..."."""
    rng = random.Random(seed)
    new = []
    for row in records:
        text = row["prompt"][-1]["content"]
        frames = FRAMES + FRAMES_OF_ORDERS if text.split()[0] in ORDERS else FRAMES
        new.append(_with_text(row, rng.choice(frames).format(text)))
    return new


def repeats(rows: Dataset, number: int) -> Dataset:
    """`number` rows, all of them copies of the first REPEATED of `rows`: what a log of popular commands looks like."""
    return rows.select([i % REPEATED for i in range(number)])


def shuffled_answers(rows: Dataset, share: float, seed: int = 0) -> Dataset:
    """The rows, a random `share` of which (0 to 1) pass their answers on to one another: valid calls, wrong ones."""
    chosen = random.Random(seed).sample(range(len(rows)), round(share * len(rows)))
    answers = list(rows["completion"])
    for to, source in zip(chosen, chosen[1:] + chosen[:1], strict=True):
        answers[to] = rows[source]["completion"]
    return rows.remove_columns("completion").add_column("completion", answers)


def _with_text(row: dict, text: str) -> dict:
    """The record with another sentence to the same call."""
    return {**row, "prompt": [*row["prompt"][:-1], {"role": "user", "content": text}]}


def _misspelt(row: dict, rng: random.Random) -> dict:
    text = row["prompt"][-1]["content"]
    if rng.random() < 0.25 and text.upper() != text:
        return _with_text(row, text.upper())
    letters = [i for i in range(len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not letters:
        return row
    at, slip = rng.choice(letters), rng.choice(("swapped", "left out", "doubled"))
    put = {"swapped": text[at + 1] + text[at], "left out": text[at + 1], "doubled": text[at] + text[at : at + 2]}
    return _with_text(row, text[:at] + put[slip] + text[at + 2 :])


def _pools(language: str) -> Iterator[list[str]]:
    """The lists of names that may stand for each other in training."""
    names = homes(language)
    for pool in (names["areas"], names["floors"], *names["devices"].values(), *names["values"].values()):
        yield pool["everywhere"]


def _replaced(text: str, slot: str, value, pools, rng: random.Random, language: str) -> tuple:
    """The sentence and the value of one slot, both changed if the value stands in the sentence just once."""
    for wording, options in _alternatives(slot, value, pools, language).items():
        before, after = usage(language).edges
        pattern = before + re.escape(wording) + after
        if len(re.findall(pattern, text)) == 1:
            new, value = rng.choice(options)
            return re.sub(pattern, new, text), value
    return text, value


def _alternatives(slot: str, value, pools, language: str) -> dict[str, list[tuple]]:
    """How the value may be worded in a sentence, and for each wording the (wording, value) pairs to replace it by."""
    if isinstance(value, str):
        pool = next((p for p in pools if value in p), [value])
        return {value: [(v, v) for v in pool if v.endswith("s") == value.endswith("s")]}  # is and are still fit
    first, last, step = RANGES.get(slot, SENSIBLE_PERCENT)
    if not first <= value <= last:  # a change by -10, or a colour's 3,000 kelvin
        return {}
    numbers = [first + step * i for i in range((last - first) // step + 1)]
    return {
        str(value): [(str(n), n) for n in numbers],
        spelled(value, language): [(spelled(n, language), n) for n in numbers],
    }
