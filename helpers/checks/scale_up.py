"""Checks of notebook 08, Scale up."""

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.errors import CourseError
from helpers.training import memory, planner
from helpers.training.jobs import Job

ALLOWED = {"any method": list(planner.METHODS), "all weights": ["all weights"]}


@check
def same_update(answer: int, update: int, batch: int, processes: int) -> Verdict:
    """The accumulation with which `processes` of `batch` rows each learn from `update` rows at once."""
    rows = answer * batch * processes
    if rows != update:
        return not_yet(f"that makes {rows} rows an update; it was {update}.")
    return right(f"{batch} rows x {processes} processes x {answer} passes = {rows} rows an update.")


@check
def fewest_gpus(plans: dict[str, tuple | None], config, batch: int, length: int, kind: str = "L4") -> Verdict:
    """Plans (method, GPUs, split) for GPUs of a kind, each with the fewest: for "any method" and for "all weights"."""
    lines, all_right = [], True
    for name, plan in plans.items():
        hint = _about_plan(plan, ALLOWED[name], config, batch, length, kind)
        all_right = all_right and not hint
        lines.append(f"{name}: {hint or f'right, {plan[1]} {kind}.'}")
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
