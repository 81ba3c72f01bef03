"""Checks of the exercises: each looks at the reader's answer and prints what is right, or what to look at next."""

from collections.abc import Callable
from math import ceil

from helpers import scoring
from helpers.errors import CourseError

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
