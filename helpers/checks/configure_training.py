"""Checks of notebook 03, Configure training."""

from collections.abc import Callable, Sequence
from math import ceil, isclose

from trl import SFTConfig

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.training import memory, schedule

RENAMED = {"max_seq_length": "max_length", "warmup_ratio": "warmup_steps", "evaluation_strategy": "eval_strategy"}


@check
def rate_reaches(rate: float, loss_at: Callable[[float], float], target: float) -> Verdict:
    """A learning rate at which `loss_at`, a short training run, ends with a loss of `target` or less."""
    if not isinstance(rate, int | float) or rate <= 0:
        return not_yet("a learning rate is a number above 0, such as 1e-3.")
    loss = loss_at(rate)
    if loss <= target:
        return right(f"the run ends at {loss:.2f} nats per token, and {target:g} was asked.")
    half = loss_at(rate / 2)
    way = "higher" if half >= loss else "lower"  # lower too where the loss is no number any more
    return not_yet(f"{loss:.2f} nats per token, with half the rate {half:.2f}; {target:g} is asked. Go {way}.")


@check
def linear_schedule(rates: Sequence[float], peak: float, warmup: int, updates: int) -> Verdict:
    """The learning rate of each update: `warmup` updates up from 0, then down, to be 0 at the update after the last."""
    rates = [float(rate) for rate in rates]
    wanted = [peak * min(k / warmup, (updates - k) / (updates - warmup)) for k in range(updates)]
    if len(rates) != updates:
        return not_yet(f"{updates} updates have {updates} rates; yours are {len(rates)}.")
    if rates[0]:
        return not_yet("the first update has a rate of 0.")
    if rates[-1] == 0:
        return not_yet(f"update {updates} is the last and still above 0; only the one after it would have 0.")
    for number, (rate, right_rate) in enumerate(zip(rates, wanted, strict=True), start=1):
        if not isclose(rate, right_rate, rel_tol=1e-6):
            return not_yet(f"update {number} has a rate of {right_rate:.3g}, not {rate:.3g}.")
    return right(f"update 1 changes nothing, update {warmup + 1} has the peak, and update {updates} {rates[-1]:.2g}.")


@check
def planned_config(config: SFTConfig, examples: int) -> Verdict:
    """An SFTConfig: 8 in memory and 32 an update, 3 epochs, warm-up of 5%, every 25 updates, the best kept."""
    plan, batch = schedule.plan(config, examples), config.per_device_train_batch_size
    wanted = [
        (batch == 8, "eight examples fit into memory: per_device_train_batch_size"),
        (batch * config.gradient_accumulation_steps == 32, "an update should learn from 32 examples"),
        (config.max_steps < 1, "max_steps overrules the epochs: leave it out"),
        (plan["epochs"] == 3, "three epochs: num_train_epochs"),
        (plan["warm-up updates"] == ceil(0.05 * plan["updates"]), "a warm-up of 5%: warmup_steps below 1 is a share"),
        (plan["evaluations"] == plan["updates"] // 25, "an evaluation every 25 updates takes a strategy and a number"),
        (config.save_steps == 25 and config.save_strategy == "steps", "a checkpoint at each evaluation: save_steps"),
        (config.load_best_model_at_end, "the best weights at the end: load_best_model_at_end"),
        (config.save_total_limit in (1, 2), "no more than two checkpoints on disk: save_total_limit"),
    ]
    for met, hint in wanted:
        if not met:
            return not_yet(f"{hint}.")
    warmup, evaluations = plan["warm-up updates"], plan["evaluations"]
    return right(f"{plan['updates']} updates, {warmup} of them warm-up, {evaluations} evaluations.")


@check
def brought_up_to_date(answer: dict, old: dict) -> Verdict:
    """Today's SFTConfig arguments for those of `old`, whose names are of TRL 0.12."""
    known = SFTConfig.__dataclass_fields__
    wanted = {RENAMED.get(name, name): value for name, value in old.items() if name != "group_by_length"}
    wanted["train_sampling_strategy"] = "group_by_length"
    wanted["learning_rate"] = known["learning_rate"].default  # TRL 0.12 has the same
    for name in answer:
        if name not in known:
            return not_yet(f"SFTConfig has no argument {name}; its docstring lists what it has.")
    for name, value in wanted.items():
        if name not in answer and value != known[name].default:
            return not_yet(f"nothing says {value!r}, which the old configuration did.")
    for name, value in answer.items():
        if name in wanted and value != wanted[name]:
            return not_yet(f"{name} should be {wanted[name]!r}, as before.")
    if answer.get("bf16") is not False:
        return not_yet("it would train in bf16, the default today; the old configuration trained in float32.")
    return right("the same settings, in arguments that exist.")


@check
def largest_batch(answer: Callable, config) -> Verdict:
    """A function of (configuration, tokens, bytes) that gives the largest batch whose planned peak fits."""

    def needs(batch: int, length: int) -> int:
        return memory.peak(memory.plan(config, batch, length))

    for batch, length in ((0, 64), (1, 512), (6, 512), (24, 256)):
        while batch and needs(batch, length) == needs(batch + 1, length):
            batch += 1  # while the backward pass is the fuller moment, one more row costs nothing
        room = needs(batch + 1, length) - 1  # one byte short of the next
        proposed = answer(config, length, room)
        if proposed != batch:
            return not_yet(
                f"at {length} tokens and {room:,} bytes, {batch} fits and {batch + 1} does not; not {proposed}."
            )
    return right("that is the batch to begin with.")
