"""What models of a second round are trained on beside commands, and the rows and texts on which they are compared."""

import random
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset
from peft import PeftModel

from helpers import paths
from helpers.dataset import commands, perturb
from helpers.dataset.files import read_jsonl
from helpers.evaluation import evaluate, generate
from helpers.model import load

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # where the tools train SmolLM2 and ask it
NATURAL_READ = 150  # natural commands of training that the trials of notebook 08 keep aside, to choose by
REPLAY_TOKENS = 64  # answers to general prompts that are longer are left out
SHARES = (1.0, 0.9, 0.8, 0.7)  # of an adapter's change
REPLAY_LENGTHS = ("In one short sentence", "In two sentences")  # each prompt is asked in both ways


def digits(right: pd.Series) -> str:
    """One digit for each command, 1 where it is right, for tests of paired differences."""
    return "".join(map(str, right.astype(int)))


def natural_rows(seed: int) -> tuple[list[dict], list[dict]]:
    """The natural commands to train on, in the order of `seed`, and the NATURAL_READ that are kept aside."""
    natural = commands.natural_commands("train")
    random.Random(0).shuffle(natural)
    train = natural[NATURAL_READ:]
    random.Random(seed).shuffle(train)
    return train, natural[:NATURAL_READ]


def replay_rows(model, tokenizer) -> list[dict]:
    """General prompts with the model's own answers to them, as far as they end within REPLAY_TOKENS tokens."""
    texts = [row["text"] for row in read_jsonl(paths.DATA / "general_prompts.jsonl")]
    asked = [[{"role": "user", "content": f"{length}: {text}"}] for length in REPLAY_LENGTHS for text in texts]
    answers = generate(model, tokenizer, asked, REPLAY_TOKENS)
    rows = [
        {"prompt": question, "completion": [{"role": "assistant", "content": answer}]}
        for question, answer in zip(asked, answers, strict=True)
        if len(tokenizer(answer, add_special_tokens=False)["input_ids"]) < REPLAY_TOKENS
    ]
    random.Random(0).shuffle(rows)
    return rows


def held_out() -> dict[str, list[dict]]:
    """The rows that a trial is scored on, by slice: {slice: records}. None of them is a row of a report."""
    validation = list(commands.load()["validation"])
    return {
        "patterns": validation,
        "natural": natural_rows(seed=0)[1],
        "misspelt": perturb.misspelt(validation, seed=1),
        "no command": commands.non_commands("validation"),
    }


def general(model, tokenizer) -> dict:
    """What the model keeps of general language: nats per token on each passage, and which questions it answers."""
    rows = pd.read_json(paths.DATA / "general_text.jsonl", lines=True)
    losses = []
    for text in rows.loc[rows["kind"] == "passage", "text"]:
        ids = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
        with torch.inference_mode():
            losses.append(round(model(input_ids=ids, labels=ids).loss.item(), 4))
    questions = rows[rows["kind"] == "question"]
    answers = generate(model, tokenizer, [[{"role": "user", "content": text}] for text in questions["text"]], 32)
    accepted = [
        any(word.lower() in answer.lower() for word in words)
        for answer, words in zip(answers, questions["accept"], strict=True)
    ]
    return {"prose": losses, "questions": digits(pd.Series(accepted))}


def on_slices(model, tokenizer) -> dict:
    """What the model has right of each slice, and what it keeps of general language."""
    scores = {part: evaluate(model, tokenizer, Dataset.from_list(rows)) for part, rows in held_out().items()}
    right = {part: digits(of_part.rows["exact"]) for part, of_part in scores.items()}
    return {"slices": right, "general": general(model, tokenizer)}


def at_shares(name: str, folder: Path, saved: float) -> dict[str, dict]:
    """`on_slices` with each of SHARES of an adapter's change. saved: the share that the adapter in `folder` holds."""
    model, tokenizer = load(name)
    adapted = PeftModel.from_pretrained(model, folder).to(DEVICE)
    layers = [layer for layer in adapted.modules() if isinstance(getattr(layer, "scaling", None), dict)]
    usual = layers[0].scaling["default"]
    shares = {}
    for share in SHARES:
        for layer in layers:
            layer.scaling["default"] = usual * share / saved
        shares[str(share)] = on_slices(adapted, tokenizer)
    return shares
