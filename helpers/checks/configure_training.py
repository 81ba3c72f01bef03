"""Checks of the exercises: each looks at the reader's answer and prints what is right, or what to look at next."""

import json
from collections.abc import Callable
from math import ceil

from jinja2.exceptions import TemplateError
from trl import SFTConfig

from helpers import curves, memory, packing, planner, schedule, scoring
from helpers.commands import DATA
from helpers.errors import CourseError

PLANTED = DATA / "planted"
UNTRIED = "Not tried yet: replace None with your answer and run the cell again."


def optimizer_steps(answer, examples: int, batch: int, accumulation: int, epochs: int) -> None:
    """Checks the number of optimiser steps of a run without packing."""
    batches = ceil(examples / batch)
    right = ceil(batches / accumulation) * epochs
    if answer is None:
        print(UNTRIED)
    elif answer == right:
        print(f"Right: {batches} batches an epoch, {right // epochs} updates an epoch, {right} in all.")
    elif answer == batches * epochs:
        print("Not yet: that counts batches; an update waits for gradient_accumulation_steps of them.")
    elif answer == examples * epochs // (batch * accumulation):
        print("Not yet: the last update of an epoch takes what is left, so each epoch rounds up, not the sum down.")
    else:
        print("Not yet: how many batches make an epoch, and how many of them make an update?")


def monitoring(config) -> None:
    """Checks an SFTConfig: 60 steps, logged every 5, evaluated four times, best checkpoint kept and loaded."""
    if config is None:
        print(UNTRIED)
        return
    wanted = [
        (config.max_steps == 60, "the run should take 60 steps: max_steps"),
        (config.logging_steps == 5, "the loss should be logged every 5 steps: logging_steps"),
        (config.eval_strategy == "steps", "evaluation is off until eval_strategy says when"),
        (config.eval_steps == 15, "four evaluations in 60 steps: eval_steps"),
        (config.load_best_model_at_end, "the best weights should be the ones you end with: load_best_model_at_end"),
        (config.save_steps % 15 == 0, "the best model can only be loaded if its step was saved: save_steps"),
        (config.save_total_limit == 1, "one checkpoint beside the last is enough on disk: save_total_limit"),
    ]
    missing = [hint for met, hint in wanted if not met]
    print(f"Not yet: {missing[0]}." if missing else "Right: this run is watched, and keeps its best weights.")


def fine_tuned_nano(trainer, records, intent: float = 60, steps: int = 150) -> None:
    """Checks a trained SFTTrainer: at least `intent` percent right intents on `records` after at most `steps`."""
    if trainer is None:
        print(UNTRIED)
        return
    if trainer.state.global_step == 0:
        raise CourseError("This trainer has not trained yet: call trainer.train() first.")
    if trainer.state.global_step > steps:
        print(f"Not yet: {trainer.state.global_step} steps; {steps} have to do.")
        return
    reached = scoring.evaluate(trainer.model, trainer.processing_class, records).percent("intent")
    if reached < intent:
        print(f"Not yet: {reached:.0f}% right intents. A model of 1M parameters bears a far higher learning rate.")
    else:
        print(f"Right: {reached:.0f}% right intents in {trainer.state.global_step} steps.")


def break_even(answer, prompt_tokens: int, tuned_tokens: int, price: float, one_off: float) -> None:
    """Checks the requests after which a shorter prompt has paid `one_off`; `price` is for a million prompt tokens."""
    saved = (prompt_tokens - tuned_tokens) * price / 1e6
    if answer is None:
        print(UNTRIED)
    elif abs(answer - one_off / saved) <= 0.01 * one_off / saved:
        print(f"Right: each request saves {saved:.6f}, so {one_off:g} are paid back after {one_off / saved:,.0f}.")
    elif abs(answer - one_off / (prompt_tokens * price / 1e6)) <= 0.01 * answer:
        print("Not yet: the fine-tuned model reads a prompt as well; only the difference is saved.")
    else:
        print("Not yet: what does one request save, and how often does that fit into the one-off cost?")


def cascade(answer: Callable[[str], str] | None, rules: Callable, model: Callable, records) -> None:
    """Checks a function from a command to a call that asks `rules` first and `model` where they are silent."""
    if answer is None:
        print(UNTRIED)
        return
    asked = []
    said = [row["prompt"][-1]["content"] for row in records]
    both = scoring.score([answer(c, rules, lambda c: asked.append(c) or model(c)) or "" for c in said], records)
    alone = scoring.score([model(c) for c in said], records)
    if len(asked) == len(said):
        print("Not yet: the model was asked every time; leave it out where the rules give a call.")
    elif both.percent("valid") < alone.percent("valid"):
        print('Not yet: some commands got no call; where the rules say "" the model has to answer.')
    else:
        spared = 1 - len(asked) / len(said)
        better = f"{both.percent('exact'):.0f}% exact calls instead of the model's {alone.percent('exact'):.0f}%"
        print(f"Right: {better}, and the model rests for {spared:.0%} of the commands.")


def retrieved(answer: Callable[[str], list[dict]] | None, model, tokenizer, records, intent: float) -> None:
    """Checks a function from a command to its messages: over `intent` percent right intents with at most 400 tokens."""
    if answer is None:
        print(UNTRIED)
        return
    prompts = [answer(row["prompt"][-1]["content"]) for row in records]
    long = max(len(tokenizer.apply_chat_template(p)["input_ids"]) for p in prompts)
    given = {m["content"] for p in prompts for m in p[:-1]}
    if long > 400:
        print(f"Not yet: a prompt has {long} tokens; 400 are allowed, so choose fewer examples.")
    elif given & {row["prompt"][-1]["content"] for row in records}:
        print("Not yet: a held-out command is among the examples, and its answer with it.")
    else:
        reached = scoring.score(scoring.generate(model, tokenizer, prompts), records).percent("intent")
        verdict = "Right" if reached > intent else f"Not yet, over {intent:.0f}% are possible"
        print(f"{verdict}: {reached:.0f}% right intents with at most {long} tokens of prompt.")


def sample_size(answer, share: float, margin: float) -> None:
    """Checks how many commands it takes for a 95% interval of `share` plus or minus `margin`."""
    right = ceil(share * (1 - share) * (1.96 / margin) ** 2)
    if answer is None:
        print(UNTRIED)
    elif abs(answer - right) <= 0.02 * right:
        print(f"Right: {right:,} commands. For half the margin it takes four times as many.")
    else:
        print("Not yet: the half-width of the interval is 1.96 times the square root of share × (1 - share) / n.")


def threshold(answer, on_commands, on_others, at_most: float = 0.1) -> None:
    """Checks a probability below which a call is withheld: few false activations, and no command lost needlessly."""
    if answer is None:
        print(UNTRIED)
        return
    false = sum(p >= answer for p in on_others) / len(on_others)
    kept = sum(p >= answer for p in on_commands) / len(on_commands)
    lowest = sorted(on_others, reverse=True)[int(at_most * len(on_others))]  # just above it is enough
    best = sum(p > lowest for p in on_commands) / len(on_commands)
    if false > at_most:
        print(f"Not yet: {false:.0%} of what is no command still acts; raise the threshold.")
    elif kept < best - 0.02:
        print(f"Not yet: only {kept:.0%} of the commands act, and {best:.0%} could; lower the threshold.")
    else:
        print(f"Right: {false:.0%} false activations, and {kept:.0%} of the commands still act.")


def weak_slice(answer: Callable | None, rows, points: float = 15, least: int = 10) -> None:
    """Checks a function from a row to True or False: the rows it picks must score `points` below all of them."""
    if answer is None:
        print(UNTRIED)
        return
    picked = rows[[bool(answer(row)) for row in rows.itertuples()]]
    if len(picked) < least:
        print(f"Not yet: {len(picked)} rows are too few to tell; find at least {least}.")
    elif (gap := 100 * (rows["exact"].mean() - picked["exact"].mean())) < points:
        print(f"Not yet: {len(picked)} rows, {gap:.0f} points below the whole; look at the failures by kind.")
    else:
        print(f"Right: {len(picked)} rows, {gap:.0f} points below the whole.")


def planted_defects(answer) -> None:
    """Checks the numbers (from 0) of the rows of data/planted/rows.jsonl that have a defect, and hints at the rest."""
    key = json.loads((PLANTED / "key.json").read_text(encoding="utf-8"))
    if answer is None:
        print(UNTRIED)
        return
    named = {int(row) for row in answer}
    known = {int(row): defect for row, defect in key.items()}
    print(f"{len(named & set(known))} of {len(known)} found.")
    for row in sorted(named - set(known)):
        print(f"Row {row} is sound.")
    for row in sorted(set(known) - named):
        print(f"Still hidden: {known[row]['hint']}.")
    if named == set(known):
        print("Right: all of them, and no sound row among them.")


def training_template(answer, tokenizer, dialogue: list[dict]) -> None:
    """Checks a chat template: it renders `dialogue` as the tokenizer's own does, and EOS is in the assistant mask."""
    if answer is None:
        print(UNTRIED)
        return
    own = tokenizer.apply_chat_template(dialogue, tokenize=False)
    try:
        same = tokenizer.apply_chat_template(dialogue, tokenize=False, chat_template=answer) == own
        found = tokenizer.apply_chat_template(
            dialogue, chat_template=answer, return_dict=True, return_assistant_tokens_mask=True
        )
    except (TemplateError, TypeError, ValueError) as error:
        print(f"Not yet: the template does not render ({error}).")
        return
    counted = [i for i, mask in zip(found["input_ids"], found["assistant_masks"], strict=True) if mask]
    turns = sum(message["role"] == "assistant" for message in dialogue)
    if not same:
        print("Not yet: it renders another text than the model knows; move the markers only.")
    elif not counted:
        print("Not yet: no token is counted; {% generation %} and {% endgeneration %} enclose what is.")
    elif counted.count(tokenizer.eos_token_id) != turns:
        print(f"Not yet: EOS is counted {counted.count(tokenizer.eos_token_id)} times for {turns} answers.")
    else:
        print(f"Right: {len(counted)} of {len(found['input_ids'])} tokens are counted, the EOS of each answer too.")


def split_by_template(answer: Callable | None, rows, share: float = 0.2) -> None:
    """Checks a function from rows to (training rows, held-out rows): whole templates, and every intent in training."""
    if answer is None:
        print(UNTRIED)
        return
    train, held = (list(part) for part in answer(rows))
    shared = {r["template"] for r in train} & {r["template"] for r in held}
    if len(train) + len(held) != len(rows):
        print(f"Not yet: {len(train)} and {len(held)} rows do not make {len(rows)}.")
    elif shared:
        print(f"Not yet: {len(shared)} templates are on both sides.")
    elif lacking := {r["intent"] for r in held} - {r["intent"] for r in train}:
        print(f"Not yet: {', '.join(sorted(lacking)[:3])} would be tested and never trained on.")
    elif abs(len(held) / len(rows) - share) > 0.05:
        print(f"Not yet: {len(held) / len(rows):.0%} are held out, not about {share:.0%}.")
    else:
        print(f"Right: {len(held)} of {len(rows)} rows held out, no template shared, every intent trained on.")


def packed_epochs(answer, rows: int, batch: int, steps: int) -> None:
    """Checks the epochs that `steps` updates of `batch` packed rows make of a dataset of `rows` packed rows."""
    right = steps / ceil(rows / batch)
    if answer is None:
        print(UNTRIED)
    elif abs(answer - right) <= 0.01 * right:
        print(f"Right: {ceil(rows / batch)} updates an epoch, {right:.1f} epochs in {steps:,} updates.")
    else:
        print("Not yet: an update takes a batch of rows, not of documents; how many updates go through all rows once?")


def packing_length(answer, lengths, filled: float = 96, most: int = 400) -> None:
    """Checks a max_length for bfd: no token lost, at least `filled` percent of the rows' space used, at most `most`."""
    if answer is None:
        print(UNTRIED)
        return
    result = packing.summary(packing.place(lengths, "bfd", answer), lengths, answer)
    if result["tokens lost"]:
        print(f"Not yet: {result['tokens lost']:,} tokens of {result['documents cut']} documents are cut off.")
    elif result["row space filled (%)"] < filled:
        print(f"Not yet: only {result['row space filled (%)']}% of the rows' space holds tokens.")
    elif answer > most:
        print(f"Not yet: that works; find one of at most {most}, as attention grows with the square of the row.")
    else:
        print(f"Right: {result['rows']} rows, {result['row space filled (%)']}% filled, nothing lost.")


def block_mask(answer: Callable | None) -> None:
    """Checks a function from the documents' lengths in a row to the mask, a list of lists: who may attend to whom."""
    if answer is None:
        print(UNTRIED)
        return
    for lengths in ([3], [2, 3], [1, 4, 2]):
        owner = [i for i, n in enumerate(lengths) for _ in range(n)]
        right = [[owner[q] == owner[k] and k <= q for k in range(len(owner))] for q in range(len(owner))]
        given = [[bool(cell) for cell in row] for row in answer(lengths)]
        if given != right:
            print(f"Not yet, for lengths {lengths}:", _mask_hint(given, right, owner))
            return
    print("Right: each token sees its own document up to itself, and nothing else.")


def _mask_hint(given: list[list[bool]], right: list[list[bool]], owner: list[int]) -> str:
    size = len(owner)
    if [len(row) for row in given] != [size] * size:
        return f"the mask should be {size} by {size}."
    wrong = [(q, k) for q in range(size) for k in range(size) if given[q][k] != right[q][k]]
    q, k = wrong[0]
    if not given[q][k]:
        return f"token {q} should see token {k}."
    return f"token {q} sees token {k}, which is {'in another document' if owner[q] != owner[k] else 'in its future'}."


def planned_config(config, examples: int) -> None:
    """Checks an SFTConfig: 8 in memory and 32 an update, 3 epochs, warm-up of 5%, every 25 updates, the best kept."""
    if config is None:
        print(UNTRIED)
        return
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
    missing = [hint for met, hint in wanted if not met]
    counts = f"{plan['updates']} updates, {plan['warm-up updates']} of them warm-up, {plan['evaluations']} evaluations"
    print(f"Not yet: {missing[0]}." if missing else f"Right: {counts}.")


def brought_up_to_date(answer: dict | None, old: dict) -> None:
    """Checks today's SFTConfig arguments for those of `old`, whose names are of TRL 0.12."""
    renamed = {"max_seq_length": "max_length", "warmup_ratio": "warmup_steps", "evaluation_strategy": "eval_strategy"}
    if answer is None:
        print(UNTRIED)
        return
    known = SFTConfig.__dataclass_fields__
    right = {renamed.get(name, name): value for name, value in old.items() if name != "group_by_length"}
    right["train_sampling_strategy"] = "group_by_length"
    if unknown := [name for name in answer if name not in known]:
        print(f"Not yet: SFTConfig has no argument {unknown[0]}; its docstring lists what it has.")
    elif missing := [name for name in right if name not in answer and right[name] != known[name].default]:
        print(f"Not yet: nothing says {right[missing[0]]!r}, which the old configuration did.")
    elif wrong := [name for name in answer if name in right and answer[name] != right[name]]:
        print(f"Not yet: {wrong[0]} should be {right[wrong[0]]!r}, as before.")
    else:
        print("Right: the same run, in arguments that exist.")


def largest_batch(answer: Callable | None, config) -> None:
    """Checks a function of (configuration, tokens, bytes) that gives the largest batch whose planned peak fits."""
    if answer is None:
        print(UNTRIED)
        return
    needs = lambda batch, length: memory.peak(memory.plan(config, batch, length))
    for batch, length in ((0, 64), (1, 512), (6, 512), (24, 256)):
        while batch and needs(batch, length) == needs(batch + 1, length):
            batch += 1  # while the backward pass is the fuller moment, one more row costs nothing
        room = needs(batch + 1, length) - 1  # one byte short of the next
        given = answer(config, length, room)
        if given != batch:
            print(
                f"Not yet: at {length} tokens and {room:,} bytes, {batch} fits and {batch + 1} does not; not {given}."
            )
            return
    print("Right: that is the batch to begin with.")


def named_faults(answers: dict[str, str | None], runs: dict[str, dict]) -> None:
    """Checks the fault that the reader names for each recorded run; answers and runs have the same keys."""
    labels = [label for label, entry in curves.diagnoses().items() if entry["in_the_log"]]
    for name, answer in answers.items():
        fault, see = runs[name]["recipe"]["fault"], curves.diagnoses().get(answer, {}).get("see")
        if answer is None:
            print(f"{name}: {UNTRIED}")
        elif answer not in labels:
            print(f"{name}: {answer!r} is no label; choose one of {', '.join(labels)}.")
        elif answer == fault:
            print(f"{name}: right, {runs[name]['recipe']['about']}.")
        else:
            print(f"{name}: not yet. That would look so: {see}")


def repaired(answer: dict | None, train: Callable[[dict], list[dict]], most: float = 1.5) -> None:
    """Checks SFTConfig settings by training with them: the log that `train` gives has to be healthy, and to end low."""
    if answer is None:
        print(UNTRIED)
        return
    log = train(answer)
    found, last = curves.diagnose(log), [e["eval_loss"] for e in log if "eval_loss" in e][-1]
    if found.label != "healthy":
        print(f"Not yet: {found.label}. {found.do}")
    elif last > most:
        print(f"Not yet: nothing looks wrong, but validation loss ends at {last:.2f}; below {most} is possible.")
    else:
        print(f"Right: a healthy run, and validation loss ends below {most:g}.")


def overfitting_rule(answer: Callable | None, runs: dict[str, dict]) -> None:
    """Checks a function from a log's table to the update with the lowest validation loss, or None if it never rises.

    A rise counts from the limit of a diagnosis on, and only while training loss falls.
    """
    if answer is None:
        print(UNTRIED)
        return
    for name, run in runs.items():
        log = curves.table(run["log"])
        if "eval_loss" not in log or curves.diagnose(run).label in ("not a number", "nothing in the loss"):
            continue  # a broken run has no lowest point
        measured = log.dropna(subset=["eval_loss"])
        rises = curves.measures(log)["validation loss, last to lowest"] > curves.THRESHOLDS["rise"]
        right = measured["step"][measured["eval_loss"].idxmin()] if rises else None
        given = answer(log)
        if given != right:
            says = f"overfits from update {right:g} on" if rises else "does not overfit"
            print(f"Not yet: {name} ({run['recipe']['about']}) {says}; your function gives {given}.")
            return
    print(f"Right, for all {len(runs)} runs.")


def same_update(answer, update: int, batch: int, processes: int) -> None:
    """Checks the accumulation with which `processes` of `batch` rows each learn from `update` rows at once."""
    if answer is None:
        print(UNTRIED)
    elif answer * batch * processes == update:
        print(f"Right: {batch} rows x {processes} processes x {answer} passes = {update} rows an update.")
    else:
        print(f"Not yet: that makes {answer * batch * processes} rows an update; it was {update}.")


def fewest_gpus(answer, all_weights, config, batch: int, length: int, kind: str = "L4") -> None:
    """Checks two plans (method, GPUs, split) for GPUs of a kind: any method, and all weights, each with the fewest."""
    room = planner.ROOM * planner.GPUS[kind]["GB"] * 1e9
    fits = lambda method, n, split: memory.peak(planner.need(config, method, batch, length, n, split)) < room
    for name, plan, methods in (("any method", answer, planner.METHODS), ("all weights", all_weights, ["all weights"])):
        if plan is None:
            print(f"{name}: {UNTRIED}")
            continue
        try:
            enough = fits(*plan)
        except (CourseError, KeyError, TypeError) as error:
            print(f"{name}: not yet. A plan is (method, gpus, split), such as ('LoRA', 2, 'FSDP'): {error}")
            continue
        able = [(m, s) for m in methods for s in planner.SPLITS if m != "QLoRA" or not planner.SPLITS[s]]
        fewest = next(n for n in range(1, 65) if any(fits(m, n, s) for m, s in able))
        if plan[0] not in methods or not enough:
            print(f"{name}: not yet, it does not fit." if plan[0] in methods else f"{name}: that is another method.")
        elif plan[1] > fewest:
            print(f"{name}: it fits, and fewer GPUs would do. Which split divides what does not fit?")
        else:
            print(f"{name}: right, {fewest} {'GPU' if fewest == 1 else 'GPUs'}.")


def same_run(answer, other, tolerance: float = 1e-4) -> None:
    """Checks a finished job: one process, never more than half of the other's batch at once, the same losses."""
    if answer is None:
        print(UNTRIED)
        return
    lines = [[line for line in job.log if "loss" in line] for job in (answer, other)]
    mine, theirs = ([line["loss"] for line in log] for log in lines)
    if "1 processes" not in answer.said:
        print("Not yet: the job should be of one process.")
    elif answer.log == other.log:
        print("Not yet: that is the other job.")
    elif len(mine) != len(theirs):
        print(f"Not yet: it logs {len(mine)} losses, not {len(theirs)}; does it make as many updates?")
    elif (apart := max(abs(a - b) for a, b in zip(mine, theirs, strict=True))) > tolerance:
        print(f"Not yet: a loss differs by {apart:.2g}. Batch times accumulation should be what it was.")
    else:
        print(f"Right: no loss differs by more than {tolerance:g}.")
