"""Record what reasoning before the call buys nano, and what it costs, into data/runs/reasoning.json:
`python -m tools.reasoning`. Six runs, with traces and without, three seeds each.
"""

import time

import torch
from datasets import Dataset
from tqdm import tqdm

from helpers.dataset import commands, traces
from helpers.evaluation import generate, score
from helpers.training import nano_run, run_log
from tools.slices import digits

ROWS, UPDATES, SEEDS = 1500, 250, 3  # as the first round of notebook 08
LONGEST = 160  # tokens of an answer; nano needs about 60 for a long call
TIMED = 20  # commands that are asked one by one, as a home asks them


def asked(model, tokenizer, records: Dataset) -> dict:
    """What is right, how many tokens an answer has, and how long one takes, with one thread."""
    answers = generate(model, tokenizer, list(records["prompt"]), LONGEST)
    began = time.process_time()  # of the processor: other work on the machine does not count
    for prompt in records["prompt"][:TIMED]:
        generate(model, tokenizer, [prompt], LONGEST)
    seconds = time.process_time() - began
    tokens = [len(ids) + 1 for ids in tokenizer(answers, add_special_tokens=False)["input_ids"]]  # and the end token
    scores = score([traces.after(answer) for answer in answers], records)
    return {
        "right": digits(scores.rows["exact"]),
        "intent": digits(scores.rows["intent"]),
        "tokens": sum(tokens) / len(tokens),
        "milliseconds": 1000 * seconds / TIMED,
        "answer": answers[0],
    }


def main() -> None:
    torch.set_num_threads(1)  # so that the processor's time is the time that passes
    data, began, runs = commands.load(), time.monotonic(), {"without": [], "with": []}
    for seed in tqdm(range(SEEDS), unit="seed"):
        rows = list(data["train"].shuffle(seed=seed))[:ROWS]
        for kind, of_kind in {"without": rows, "with": [traces.with_trace(row) for row in rows]}.items():
            trainer = nano_run.nano_trainer(
                Dataset.from_list(of_kind),
                max_steps=UPDATES,
                per_device_train_batch_size=16,
                logging_steps=50,
                seed=seed,
            )
            trained = time.process_time()
            trainer.train()
            trained = time.process_time() - trained
            right = asked(trainer.model, trainer.processing_class, data["validation"])
            runs[kind].append({"seed": seed, "seconds": trained, **right})
            print(kind, seed, runs[kind][-1]["right"].count("1"), runs[kind][-1]["tokens"], flush=True)
    recipe = {"rows": ROWS, "updates": UPDATES, "batch": 16}
    run_log.save("reasoning", recipe=recipe, minutes=(time.monotonic() - began) / 60, runs=runs, log=[])


if __name__ == "__main__":
    main()
