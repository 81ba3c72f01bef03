"""Checks of notebook 09, Scale up."""

import tempfile
from pathlib import Path

from helpers.checks.protocol import Verdict, about, check, not_yet, right
from helpers.errors import CourseError
from helpers.language import _
from helpers.training import jobs, memory, planner
from helpers.training.jobs import Job

ALLOWED = {"any method": list(planner.METHODS), "all weights": ["all weights"]}
SHORT_TEXTS = ("any method", "AdamW's averages")
RANK = 16
BYTES = {"weights": 4, "gradients": 4, "AdamW's averages": 8}  # of each trained parameter
ROWS, BATCH, ACCUMULATION, GPUS = 6_400, 8, 8, 4  # of the run that a friend starts on several GPUs


@check
def lora_yaml(lines: str) -> Verdict:
    """Lines for sft.yaml that train an adapter of rank RANK on all linear layers."""
    if not isinstance(lines, str):
        return not_yet("write the lines as one text.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "yours.yaml"
        file.write_text(lines, encoding="utf-8")
        try:
            settings = jobs.check(file)
        except CourseError as problem:
            return not_yet(str(problem))
    if settings.get("use_peft") is not True:
        return not_yet("without use_peft: true TRL trains all weights, whatever the other lines say.")
    if settings.get("lora_r", RANK) != RANK:  # TRL's default is RANK too
        return not_yet(f"the rank is {settings['lora_r']}; r in Python is lora_r here.")
    if settings.get("lora_target_modules") not in ("all-linear", ["all-linear"]):
        return not_yet("name the layers: what is target_modules in Python begins with lora_ here.")
    return right(f"TRL knows all {len(settings)} lines.")


@check
def bytes_of_training(gigabytes: dict[str, float | None], parameters: float) -> Verdict:
    """GB of each of BYTES for so many trained parameters."""
    for part, given in gigabytes.items():
        expected = BYTES[part] * parameters / 1e9
        if given is None:
            return not_yet(f"{part}: not tried yet.")
        if abs(given - expected) > 0.03 * expected:
            return not_yet(f"{part}: {given:g} GB would be {given * 1e9 / parameters:.2g} bytes for each parameter.")
    return right(f"together {sum(BYTES.values()) * parameters / 1e9:.0f} GB, before any activation.")


@check
def faq_text(text: str, row: dict[str, str]) -> Verdict:
    """One text with the question and the answer of a row."""
    expected = f"### Question: {row['question']}\n### Answer: {row['answer']}"
    if not isinstance(text, str):
        return not_yet("return one text.")
    for part in ("question", "answer"):
        if row[part] not in text:
            return not_yet(f"the {part} of the row is not in the text.")
    if text.strip() != expected:
        return not_yet(f"it should read\n{expected}\nand it reads\n{text}")
    return right("the trainer adds the end token itself.")


@check
def four_gpus(answers: dict[str, int | None]) -> Verdict:
    """What a run of one GPU becomes on GPUS of them, and the accumulation that brings it back."""
    rows = BATCH * ACCUMULATION * GPUS
    expected = {
        "rows of an update": (rows, "each GPU brings a batch of its own, and accumulates as before."),
        "updates of the epoch": (ROWS // rows, "the epoch still has 6,400 rows."),
        "gradient_accumulation_steps": (
            ACCUMULATION // GPUS,
            "an update should learn from as many rows as on one GPU.",
        ),
    }
    for name, given in answers.items():
        number, hint = expected[name]
        if given is None:
            return not_yet(f"{name}: not tried yet.")
        if given != number:
            return not_yet(f"{name} is not {given}: {hint}")
    return right("four times the rows and a quarter of the updates, until the accumulation is divided as well.")


@check
def fewest_gpus(plans: dict[str, tuple | None], config, batch: int, length: int, kind: str = "L4") -> Verdict:
    """Plans (method, GPUs, split) for GPUs of a kind, each with the fewest: for "any method" and for "all weights"."""
    lines, all_right = [], True
    for name, plan in plans.items():
        hint = _about_plan(plan, ALLOWED[name], config, batch, length, kind)
        all_right = all_right and not hint
        lines.append(about(name, hint or _("right, {} {}.").format(plan[1], kind)))
    return right("\n" + "\n".join(lines)) if all_right else not_yet("\n" + "\n".join(lines))


@check
def same_run(answer: Job, other: Job, tolerance: float = 1e-4) -> Verdict:
    """A finished job of one process that logs the same losses as the `other`, without being it."""
    mine, theirs = ([line["loss"] for line in job.log if "loss" in line] for job in (answer, other))
    if answer.processes != 1:
        return not_yet("the job should be of one process.")
    if answer.log == other.log:
        return not_yet("that is the other job.")
    if len(mine) != len(theirs):
        return not_yet(f"it logs {len(mine)} losses, not {len(theirs)}; does it make as many updates?")
    apart = max(abs(a - b) for a, b in zip(mine, theirs, strict=True))
    if apart > tolerance:
        return not_yet(f"a loss differs by {apart:.2g}. Batch times accumulation should be what it was.")
    return right(f"no loss differs by more than {tolerance:g}.")


def _about_plan(plan, methods: list[str], config, batch: int, length: int, kind: str) -> str:
    """What is wrong with one plan; empty when it fits with the fewest GPUs."""
    room = planner.ROOM * planner.GPUS[kind]["GB"] * 1e9

    def fits(method: str, gpus: int, split: str) -> bool:
        return memory.peak(planner.need(config, method, batch, length, gpus, split)) < room

    if plan is None:
        return "not tried yet."
    try:
        enough = fits(*plan)
    except (CourseError, KeyError, TypeError) as error:
        return f"a plan is (method, gpus, split), such as ('LoRA', 2, 'FSDP'): {error}"
    if plan[0] not in methods:
        return "that is another method."
    if not enough:
        return "it does not fit."
    possible = [(m, split) for m in methods for split in planner.SPLITS if (m, split) not in planner.NOT_PLANNED]
    fewest = next(n for n in range(1, 65) if any(fits(method, n, split) for method, split in possible))
    return "" if plan[1] == fewest else "it fits, and fewer GPUs would do. Which split divides what does not fit?"
