"""The dataset: spoken home commands, each with the one JSON tool call it asks for.

Sentences come from the templates of home-assistant-intents, labels from hassil (see helpers.grammar), names of rooms
and devices from data/homes.json, and what people really say from data/natural_commands.jsonl.
"""

import copy
import hashlib
import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from math import ceil
from pathlib import Path

import fastjsonschema
from datasets import Dataset, DatasetDict
from tqdm.auto import tqdm

from helpers import cache
from helpers.errors import CourseError
from helpers.grammar import SENSIBLE, SENSIBLE_PERCENT, Grammar, spelled

DATA = Path(__file__).parent.parent / "data"
SPLITS = ("train", "validation", "test")
# Of an intent's families of templates, the shares that train never sees.
HELD_OUT = {"test": 0.16, "validation": 0.12}
# Sentences wanted per intent, and the most that one template may give: a few templates must not drown the others.
WANTED = {"train": 80, "validation": 8, "test": 16}
CAP = {"train": 12, "validation": 4, "test": 6}
LEAST = {"train": 3, "validation": 1, "test": 1}
# Whole numbers that replace one another in a natural command, by slot (first, last, step).
SPOKEN = {"temperature": (16, 26, 1)}
SPOKEN |= {
    f"{of}{unit}": SENSIBLE[f"timer_{unit}"] for of in ("", "start_") for unit in ("hours", "minutes", "seconds")
}
REPEATED = 20  # different rows among those of `repeats`
DRAWS = 12  # tries for each sentence wanted: most templates have a wording that reads as nonsense

_POOL = {
    "type": "object",
    "properties": {
        k: {"type": "array", "items": {"type": "string", "pattern": r"\S"}} for k in ("everywhere", "test_only")
    },
    "required": ["everywhere", "test_only"],
    "additionalProperties": False,
}
_POOLS = {"type": "object", "additionalProperties": _POOL, "minProperties": 1}
HOMES_SCHEMA = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "system": {"type": "string"},
            "areas": _POOL,
            "floors": _POOL,
            "devices": _POOLS,
            "values": _POOLS,
        },
        "required": ["system", "areas", "floors", "devices", "values"],
        "additionalProperties": False,
    },
}


def load(language: str = "en", natural_in_train: bool = False, natural_copies: int = 0, seed: int = 0) -> DatasetDict:
    """Splits `train`, `validation`, `test` (each from templates of its own) and `natural` (written by hand).

    A record is {"prompt": [system, user], "completion": [assistant], "template": str, "intent": str}: TRL's
    conversational prompt-completion format. `natural_in_train` mixes the natural commands kept for training into
    `train`, with up to `natural_copies` of each that have other names and numbers. The same seed gives the same
    records. Built once (under a minute), then read from the cache.
    Raises CourseError for an unknown language or a malformed data file.
    """
    folder = _built(language, seed)
    rows = {split: _read_jsonl(folder / f"{split}.jsonl") for split in SPLITS}
    natural = natural_commands(language)
    if natural_in_train:
        kept = [r for use, r in natural if use == "train"]
        rows["train"] += kept + reworded(kept, natural_copies, language, seed)
        random.Random(seed).shuffle(rows["train"])
    rows["natural"] = [r for use, r in natural if use == "test"]
    return DatasetDict({split: Dataset.from_list(records) for split, records in rows.items()})


def counts(language: str = "en", seed: int = 0) -> dict:
    """What the build kept and left out: {"sentences": {split: n}, "templates": {split: n}, "left out": {reason: n}}."""
    return json.loads((_built(language, seed) / "counts.json").read_text())


def homes(path: Path = DATA / "homes.json") -> dict:
    """{language: {"system", "areas", "floors", "devices", "values"}}; CourseError says where the file is malformed."""
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CourseError(f"{path.name}, line {error.lineno}: not valid JSON ({error.msg}); mend that line.") from None
    try:
        return fastjsonschema.validate(HOMES_SCHEMA, names)
    except fastjsonschema.JsonSchemaValueException as error:
        raise CourseError(f"{path.name}: {error.message}; mend that entry.") from None


@lru_cache
def grammar(language: str = "en") -> Grammar:
    """The templates and the rule parser of a language; CourseError when data/homes.json has no such language."""
    names = homes()
    if language not in names:
        raise CourseError(f"There is no language {language!r} in data/homes.json; choose one of {', '.join(names)}.")
    return Grammar(language, names[language])


def rules(templates: set[str] | None = None, language: str = "en") -> Callable[[str], str]:
    """A rule parser: a function from a command to its call, or to "" where no rule foresaw the command.

    It knows the sentence templates whose ids are given, or all of home-assistant-intents; and all names of homes.json.
    """
    parser = grammar(language)
    if templates is not None:
        parser, kept = copy.copy(parser), defaultdict(set)
        for t in parser.templates:
            if t.id in templates:
                kept[t.intent].add(t.sentence.text)
        narrow = lambda intent: [
            replace(block, sentence_texts=[s.text for s in block.sentences if s.text in kept[intent.name]])
            for block in intent.data
        ]
        intents = {name: replace(i, data=narrow(i)) for name, i in parser.intents.intents.items()}
        parser.intents = replace(parser.intents, intents=intents)

    def answer(command: str) -> str:
        for name, arguments in parser.parse(command, best_only=True):
            if problem({"name": name, "arguments": arguments}, language) is None:  # the package knows other calls too
                return call_text(name, arguments, language)
        return ""

    return answer


def schema(language: str = "en") -> dict:
    """The JSON Schema of a call, derived from home-assistant-intents."""
    return grammar(language).schema


def problem(call, language: str = "en") -> str | None:
    """Why `call` (parsed JSON) is not a valid call, in a few words; None when it is valid."""
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        return "not an object with just the keys name and arguments"
    if not isinstance(call["name"], str) or call["name"] not in _branches(language):
        return f"there is no call named {call['name']!r}"
    try:
        _validator(call["name"], language)(call)
    except fastjsonschema.JsonSchemaValueException as error:
        return error.message.removeprefix("data.")
    return None


def call_text(name: str, arguments: dict, language: str = "en") -> str:
    """The call as the model should write it: compact JSON, keys in the schema's order."""
    order = list(_branches(language)[name]["properties"]["arguments"]["properties"])
    arguments = {slot: arguments[slot] for slot in sorted(arguments, key=order.index)}
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, separators=(",", ":"))


def prompt(command: str, language: str = "en") -> list[dict]:
    """The messages that ask for the call of one command: system and user; CourseError when it is not text."""
    if not isinstance(command, str):
        raise CourseError(f"A command has to be text, and this one is {command!r}: pass what was said as a string.")
    return [{"role": "system", "content": grammar(language).names["system"]}, {"role": "user", "content": command}]


def record(command: str, call: dict, template: str, language: str = "en") -> dict:
    """One training record; ValueError with the reason when the call is not valid."""
    if reason := problem(call, language):
        raise ValueError(reason)
    answer = {"role": "assistant", "content": call_text(**call, language=language)}
    return {"prompt": prompt(command, language), "completion": [answer], "template": template, "intent": call["name"]}


def reworded(records: list[dict], copies: int = 1, language: str = "en", seed: int = 0) -> list[dict]:
    """New records: the sentences of `records` with other rooms, devices, items and numbers, up to `copies` of each.

    A sentence without any gives none.
    """
    pools, rng = list(_pools(language)), random.Random(seed)
    known, found = {r["prompt"][-1]["content"] for r in records}, []
    for row in records:
        for _ in range(copies):
            text, call = row["prompt"][-1]["content"], json.loads(row["completion"][0]["content"])
            for slot, value in call["arguments"].items():
                text, call["arguments"][slot] = _replaced(text, slot, value, pools, rng, language)
            if text not in known and problem(call, language) is None:
                known.add(text)
                found.append(record(text, call, row["template"], language))
    return found


def repeats(rows: Dataset, number: int) -> Dataset:
    """`number` rows, all of them copies of the first REPEATED of `rows`: what a log of popular commands looks like."""
    return rows.select([i % REPEATED for i in range(number)])


def shuffled_answers(rows: Dataset, share: float, seed: int = 0) -> Dataset:
    """The rows, a random `share` of which (0 to 1) pass their answers on to one another: valid calls, wrong ones."""
    chosen, answers = random.Random(seed).sample(range(len(rows)), round(share * len(rows))), list(rows["completion"])
    for to, source in zip(chosen, chosen[1:] + chosen[:1], strict=True):
        answers[to] = rows[source]["completion"]
    return rows.remove_columns("completion").add_column("completion", answers)


def natural_commands(language: str = "en", path: Path = DATA / "natural_commands.jsonl") -> list[tuple[str, dict]]:
    """(use, record) of each hand-written command, use being "train" or "test"; CourseError names a malformed row."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            if missing := {"command", "call", "use"} - set(row):
                raise ValueError(f"{', '.join(sorted(missing))} missing")
            if row["use"] not in ("train", "test"):
                raise ValueError(f'use is {row["use"]!r}, not "train" or "test"')
            if not isinstance(row["command"], str) or not row["command"].strip():
                raise ValueError("the command is empty")
            if row.get("language", "en") == language:
                found.append((row["use"], record(row["command"], row["call"], f"natural/{number}", language)))
        except (ValueError, TypeError) as error:
            raise CourseError(f"{path.name}, row {number}: {error}; mend or delete that row.") from None
    return found


def _pools(language: str):
    """The lists of names that may stand for each other in training."""
    names = homes()[language]
    for pool in (names["areas"], names["floors"], *names["devices"].values(), *names["values"].values()):
        yield pool["everywhere"]


def _replaced(text: str, slot: str, value, pools, rng: random.Random, language: str) -> tuple:
    """The sentence and the value of one slot, both changed if the value stands in the sentence just once."""
    if isinstance(value, str):
        pool = next((p for p in pools if value in p), [value])
        said = {value: [(v, v) for v in pool if v.endswith("s") == value.endswith("s")]}  # is and are still fit
    else:
        first, last, step = SPOKEN.get(slot, SENSIBLE_PERCENT)
        if not first <= value <= last:  # a change by -10, or a colour's 3,000 kelvin
            return text, value
        spell = lambda n: spelled(n, language)
        numbers = [first + step * i for i in range((last - first) // step + 1)]
        said = {str(value): [(str(n), n) for n in numbers], spell(value): [(spell(n), n) for n in numbers]}
    for old, options in said.items():
        pattern = rf"(?<![\w.]){re.escape(old)}(?![\w.]| and| point| o'clock)"
        if len(re.findall(pattern, text)) == 1:
            new, value = rng.choice(options)
            return re.sub(pattern, new, text), value
    return text, value


@lru_cache
def _branches(language: str) -> dict[str, dict]:
    """The schema of each call by name: its messages are far clearer than those of the whole oneOf."""
    return {branch["properties"]["name"]["const"]: branch for branch in schema(language)["oneOf"]}


@lru_cache
def _validator(name: str, language: str):
    return fastjsonschema.compile(_branches(language)[name])


def _built(language: str, seed: int) -> Path:
    """The cache folder with the split files; its name changes with everything that the sentences depend on."""
    grammar(language)
    sources = [Path(__file__), Path(__file__).with_name("grammar.py"), DATA / "homes.json"]
    packages = [version(p) for p in ("hassil", "home-assistant-intents")]
    key = hashlib.sha256(b"".join(p.read_bytes() for p in sources) + " ".join(packages).encode()).hexdigest()[:12]
    return cache.publish(
        cache.folder() / f"commands-{language}-{seed}-{key}", lambda aside: _build(aside, language, seed)
    )


def _build(folder: Path, language: str, seed: int) -> None:
    g = grammar(language)
    splits = _split(g.templates, seed)
    left_out, kept, seen = Counter(), {split: [] for split in SPLITS}, set()
    size = Counter((t.intent, splits[t.family]) for t in g.templates)
    # Test and validation are drawn first: a sentence that two templates can make must not be seen in training.
    order = sorted(g.templates, key=lambda t: SPLITS.index(splits[t.family]), reverse=True)
    for template in tqdm(order, desc=f"Building the commands ({language})", unit="template"):
        split, rng = splits[template.family], random.Random(f"{seed} {template.id}")
        quota = min(CAP[split], ceil(WANTED[split] / size[template.intent, split]))
        quota = max(quota, LEAST[split])
        for _ in range(quota * DRAWS):
            text, arguments = g.sample(template, rng, unseen=split == "test")
            if text in seen:
                continue
            if reason := _reason_against(g, text, template.intent, arguments):
                left_out[reason] += 1
                continue
            seen.add(text)
            call = {"name": template.intent, "arguments": arguments}
            kept[split].append(record(text, call, template.id, language))
            quota -= 1
            if quota == 0:
                break
    templates = {split: len({r["template"] for r in rows}) for split, rows in kept.items()}
    for split, rows in kept.items():
        random.Random(seed).shuffle(rows)
        lines = (json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    sentences = {split: len(rows) for split, rows in kept.items()}
    summary = {"sentences": sentences, "templates": templates, "left out": dict(sorted(left_out.items()))}
    (folder / "counts.json").write_text(json.dumps(summary))


def _reason_against(g: Grammar, text: str, intent: str, arguments: dict) -> str | None:
    """Why a sampled sentence is left out; None when hassil reads it exactly as it was made."""
    if g.reads_as_nonsense(text, arguments):
        return "reads as nonsense"
    readings = g.parse(text)
    if len({name for name, _ in readings}) > 1:
        return "recognised as several intents"
    return None if readings[:1] == [(intent, arguments)] else "read with other arguments"


def _split(templates, seed: int) -> dict[str, str]:
    """{family: split}: families of an intent are dealt whole, so that no wording is in two splits."""
    by_intent = defaultdict(set)
    for t in templates:
        by_intent[t.intent].add(t.family)
    splits = {}
    for intent, families in sorted(by_intent.items()):
        families = sorted(families)
        random.Random(f"{seed} {intent}").shuffle(families)
        start = 0
        for split, share in HELD_OUT.items():
            # An intent with one wording only is trained on; with two, the second is tested.
            n = max(round(share * len(families)), 1) if len(families) > (1 if split == "test" else 2) else 0
            splits.update(dict.fromkeys(families[start : start + n], split))
            start += n
        splits.update(dict.fromkeys(families[start:], "train"))
    return splits


def _read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    try:
        for title, numbers in counts().items():
            print(f"{title}: " + ", ".join(f"{n:,} {what}" for what, n in numbers.items()))
    except CourseError as problem:
        sys.exit(str(problem))
