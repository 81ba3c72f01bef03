"""How the dataset is built: sentences sampled from patterns, labelled by the parser, split by pattern family."""

import ast
import hashlib
import json
import random
from collections import Counter, defaultdict
from functools import lru_cache
from importlib.metadata import version
from math import ceil
from pathlib import Path

from helpers import cache
from helpers.dataset import calls, grammar
from helpers.dataset.grammar import Grammar, load_grammar
from helpers.dataset.homes import homes
from helpers.dataset.usage import usage
from helpers.language import _
from helpers.progress import progress

SPLITS = ("train", "validation", "test")
# Of an intent's families of patterns, the shares that train never sees.
HELD_OUT = {"test": 0.16, "validation": 0.12}
# Sentences wanted per intent, and the most that one pattern may give: a few patterns must not drown the others.
WANTED = {"train": 80, "validation": 8, "test": 16}
CAP = {"train": 12, "validation": 4, "test": 6}
LEAST = {"train": 3, "validation": 1, "test": 1}
DRAWS = 12  # tries for each sentence wanted: most patterns have a wording that reads as nonsense


def folder(language: str, seed: int) -> Path:
    """The cache folder with the split files, built at the first call.

    Raises CourseError for a language that homes.json does not have.
    """
    homes(language)
    return cache.publish(place(language, seed), lambda aside: build(aside, language, seed))


def place(language: str = "en", seed: int = 0) -> Path:
    """Where that folder lies once it has been built; it need not be there yet.

    Its name changes with what the sentences depend on: the code of the build, the language's homes
    and usage, and the two packages.
    """
    return cache.folder() / f"commands-{language}-{seed}-{_key(language)}"


def build(target: Path, language: str, seed: int) -> None:
    """Write train.jsonl, validation.jsonl, test.jsonl and counts.json into the folder `target`."""
    rows, left_out = _sample(load_grammar(language), language, seed)
    templates = {split: len({row["template"] for row in of_split}) for split, of_split in rows.items()}
    for split, of_split in rows.items():
        random.Random(seed).shuffle(of_split)
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in of_split]
        (target / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    sentences = {split: len(of_split) for split, of_split in rows.items()}
    summary = {"sentences": sentences, "templates": templates, "left out": dict(sorted(left_out.items()))}
    (target / "counts.json").write_text(json.dumps(summary), encoding="utf-8")


def _sample(g: Grammar, language: str, seed: int) -> tuple[dict[str, list[dict]], Counter]:
    """The records of each split, and how many sentences were left out, by reason."""
    splits = _split(g.templates, seed)
    rows: dict[str, list[dict]] = {split: [] for split in SPLITS}
    left_out, seen = Counter(), set()
    patterns = Counter((t.intent, splits[t.family]) for t in g.templates)
    # Test and validation are drawn first: a sentence that two patterns can make must not be seen in training.
    order = sorted(g.templates, key=lambda t: SPLITS.index(splits[t.family]), reverse=True)
    for template in progress(order, desc=_(f"Building the commands ({language})"), unit=_("template"), leave=True):
        split, rng = splits[template.family], random.Random(f"{seed} {template.id}")
        wanted = min(CAP[split], ceil(WANTED[split] / patterns[template.intent, split]))
        wanted = max(wanted, LEAST[split])
        for _drawn in range(wanted * DRAWS):
            text, arguments = g.sample(template, rng, unseen=split == "test")
            if text in seen:
                continue
            if reason := _reason_against(g, text, template.intent, arguments):
                left_out[reason] += 1
                continue
            seen.add(text)
            call = {"name": template.intent, "arguments": arguments}
            if fault := calls.problem(call, language):
                raise ValueError(f"{template.id} made {text!r}: {fault}")
            rows[split].append(calls.record(text, call, template.id, language))
            wanted -= 1
            if wanted == 0:
                break
    return rows, left_out


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
    for intent, of_intent in sorted(by_intent.items()):
        families = sorted(of_intent)
        random.Random(f"{seed} {intent}").shuffle(families)
        start = 0
        for split, share in HELD_OUT.items():
            # An intent with one wording only is trained on; with two, the second is tested.
            n = max(round(share * len(families)), 1) if len(families) > (1 if split == "test" else 2) else 0
            splits.update(dict.fromkeys(families[start : start + n], split))
            start += n
        splits.update(dict.fromkeys(families[start:], "train"))
    return splits


@lru_cache
def _key(language: str) -> str:
    parts = [_code(Path(module.__file__)) for module in (calls, grammar)] + [_code(Path(__file__))]
    parts += [json.dumps(homes(language)), repr(usage(language))]
    parts += [version(package) for package in ("hassil", "home-assistant-intents")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _code(path: Path) -> str:
    """The file's syntax tree without docstrings: a changed comment or docstring must not build the dataset again."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
