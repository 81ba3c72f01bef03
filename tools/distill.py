"""Record what a bigger model's answers buy nano as labels, for notebook 08: `python -m tools.distill [SEED ...]`.

SmolLM2 learns from a few labelled rows and answers the other training sentences; nano learns from these answers.
Each seed is a file of outputs/distilled/, which `--join` joins into data/runs/distilled.json; a call without seeds does
so at its end. What is there is not made again.
"""

import argparse
import time

from datasets import Dataset, concatenate_datasets
from tqdm import tqdm

from helpers.dataset import commands
from helpers.evaluation import Scores, evaluate, generate, score
from helpers.model import load
from helpers.training import nano_run
from tools import pieces
from tools.second_round import SETTINGS as SECOND_ROUND
from tools.second_round import train_on
from tools.slices import DEVICE, digits

RECORDING = "distilled"
SEEDS = range(3)  # a seed decides which rows are labelled, and the order of training
LABELLED = 400
TEACHER = SECOND_ROUND | dict(num_train_epochs=2)  # there are fewer rows
STUDENT = dict(max_steps=400, per_device_train_batch_size=16, logging_steps=50)


def drawn(seed: int, labelled: int = LABELLED) -> tuple[Dataset, Dataset]:
    """The rows whose labels are used, and the others, whose sentences alone are."""
    train = commands.load()["train"].shuffle(seed=seed)
    return train.select(range(labelled)), train.select(range(labelled, len(train)))


def taught(rows: Dataset, answers: list[str], valid: list[bool]) -> list[dict]:
    """The rows with the answers as labels, as far as these are valid calls."""
    return [
        {"prompt": row["prompt"], "completion": [{"role": "assistant", "content": answer}]}
        for row, answer, is_valid in zip(rows, answers, valid, strict=True)
        if is_valid
    ]


def right(scores: Scores) -> dict:
    return {"right": digits(scores.rows["exact"]), "intent": digits(scores.rows["intent"])}


def student(rows: Dataset, seed: int, validation: Dataset, settings: dict) -> dict:
    """What nano has right after training on the rows."""
    columns = rows.select_columns(["prompt", "completion"])
    trainer = nano_run.nano_trainer(columns, seed=seed, **settings)
    trainer.train()
    return {"rows": len(rows), **right(evaluate(trainer.model, trainer.processing_class, validation))}


def students(gold: Dataset, by_teacher: list, everything: Dataset, seed: int, validation: Dataset, settings) -> dict:
    """The three students: few gold labels, these and the teacher's, and a gold label for each row."""
    few = gold.select_columns(["prompt", "completion"])
    kinds = {"gold": few, "distilled": Dataset.from_list([*few, *by_teacher]), "all_gold": everything}
    return {kind: student(rows, seed, validation, settings) for kind, rows in kinds.items()}


def run(
    seed: int,
    teacher_name: str = "smollm2",
    labelled: int = LABELLED,
    teacher_settings: dict = TEACHER,
    student_settings: dict = STUDENT,
) -> dict:
    """Teacher and students of one seed. The gold labels of the other rows only count how often the teacher is right."""
    began, data = time.monotonic(), commands.load()
    gold, others = drawn(seed, labelled)
    model, tokenizer = load(teacher_name)
    model, _, _ = train_on(gold, model.to(DEVICE), tokenizer, teacher_settings | {"seed": seed})
    teacher = right(evaluate(model, tokenizer, data["validation"]))
    answers = generate(model, tokenizer, list(others["prompt"]))
    judged = score(answers, others).rows
    return {
        "seed": seed,
        "teacher": teacher | {"seconds": time.monotonic() - began},
        "asked": len(others),
        "left_out": int((~judged["schema"]).sum()),  # answers that are no valid call
        "like_gold": int(judged["exact"].sum()),  # of those that are left
        **students(
            gold,
            taught(others, answers, list(judged["schema"])),
            concatenate_datasets([gold, others]),
            seed,
            data["validation"],
            student_settings,
        ),
        "seconds": time.monotonic() - began,
    }


def record(seed: int) -> None:
    pieces.record(RECORDING, str(seed), lambda: run(seed))


def join() -> None:
    pieces.join(RECORDING, {"labelled": LABELLED, "teacher": TEACHER, "student": STUDENT})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", help="0 to 2, when none is given")
    parser.add_argument("--join", action="store_true", help="only join what is there into data/runs/distilled.json")
    options = parser.parse_args()
    if not options.join:
        for seed in tqdm(options.seeds or SEEDS, unit="seed"):
            record(seed)
    if not options.seeds:
        join()
        if not options.join:
            pieces.discard(RECORDING)


if __name__ == "__main__":
    main()
