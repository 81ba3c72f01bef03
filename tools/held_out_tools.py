"""Record whether nano reads descriptions of functions in the prompt, into data/runs/held_out_tools.json:
`python -m tools.held_out_tools`. It trains on commands whose prompt describes four functions, one of them the right
one, and has never seen the functions that are held out. Three seeds.
"""

import random
import time

import pandas as pd
from datasets import Dataset
from tqdm import tqdm

from helpers.dataset import calls, commands
from helpers.evaluation import generate
from helpers.training import nano_run, run_log
from tools.slices import digits

DESCRIBED, HELD_OUT = 4, 8  # functions in a prompt, and functions that training never sees
ROWS, UPDATES, SEEDS, ASKED = 1500, 250, 3, 100


def descriptions() -> dict[str, str]:
    """{function: its description}, in the schema's order."""
    branches = calls.schema()["oneOf"]
    return {branch["properties"]["name"]["const"]: branch["description"] for branch in branches}


def described(record: dict, others: list[str], rng: random.Random, names: dict[str, str] | None = None) -> dict:
    """The record with DESCRIBED functions in its system message: its own and some of `others`, in a random order.

    names: {function: another name for it}, in the prompt and in the answer.
    """
    told, names = descriptions(), names or {}
    functions = [record["intent"], *rng.sample([name for name in others if name != record["intent"]], DESCRIBED - 1)]
    rng.shuffle(functions)
    system, user = record["prompt"]
    lines = [system["content"], *[f"{names.get(name, name)}: {told[name]}" for name in functions]]
    name = names.get(record["intent"], record["intent"])
    text = record["completion"][0]["content"].replace(f'"{record["intent"]}"', f'"{name}"', 1)
    return {
        "prompt": [{**system, "content": "\n".join(lines)}, user],
        "completion": [{"role": "assistant", "content": text}],
        "intent": name,
    }


def split(rng: random.Random) -> tuple[list[dict], dict[str, list[dict]]]:
    """Training rows, and rows to ask: of functions that training saw, of those held out, and of seen ones renamed."""
    data = commands.load()
    train, validation = list(data["train"]), list(data["validation"])
    functions = sorted({row["intent"] for row in train} & {row["intent"] for row in validation})
    held = set(rng.sample(functions, HELD_OUT))
    seen = sorted({row["intent"] for row in train} - held)
    rows = [row for row in train if row["intent"] not in held]
    rng.shuffle(rows)
    known = [row for row in validation if row["intent"] in seen]
    unknown = [row for row in train + validation if row["intent"] in held]
    rng.shuffle(unknown)
    new_names = {name: f"Home{name.removeprefix('Hass')}" for name in seen}
    asked = {
        "seen": [described(row, seen, rng) for row in known[:ASKED]],
        "held out": [described(row, seen, rng) for row in unknown[:ASKED]],
        "seen, renamed": [described(row, seen, rng, new_names) for row in known[:ASKED]],
    }
    return [described(row, seen, rng) for row in rows[:ROWS]], asked


def main() -> None:
    began, runs = time.monotonic(), []
    for seed in tqdm(range(SEEDS), unit="seed"):
        rows, asked = split(random.Random(seed))
        settings = dict(max_steps=UPDATES, per_device_train_batch_size=16, logging_steps=50, seed=seed)
        trainer = nano_run.nano_trainer(Dataset.from_list(rows), **settings)
        trainer.train()
        right, answers = {}, {}
        for kind, of_kind in asked.items():
            said = generate(trainer.model, trainer.processing_class, [row["prompt"] for row in of_kind], 24)
            named = [row["intent"] for row in of_kind]
            hits = [answer.startswith(f'{{"name":"{name}"') for answer, name in zip(said, named, strict=True)]
            right[kind], answers[kind] = digits(pd.Series(hits)), said[:3]
        prompt = asked["seen"][0]["prompt"][0]["content"]
        runs.append({"seed": seed, "right": right, "answers": answers, "prompt": prompt})
        print(seed, {kind: hits.count("1") for kind, hits in right.items()}, flush=True)
    recipe = {"rows": ROWS, "updates": UPDATES, "batch": 16, "described": DESCRIBED, "held out": HELD_OUT}
    run_log.save("held_out_tools", recipe=recipe, minutes=(time.monotonic() - began) / 60, runs=runs, log=[])


if __name__ == "__main__":
    main()
