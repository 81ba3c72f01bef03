"""Checks of notebook 01, When to use SFT."""

import json
import math
from collections.abc import Callable
from itertools import pairwise

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.evaluation.generation import generate
from helpers.evaluation.scores import score

# What each question about an answer asks, for a reader whose count is wrong.
QUESTIONS = {
    "valid": "an answer with a word before or after the JSON is not JSON.",
    "schema": "a call of the schema has only slots that the schema lists for it.",
    "intent": "the intent is the name of the call, and it can be right beside a wrong argument.",
    "exact": "an exact call has the right name and exactly the right arguments.",
}


@check
def judged(answer: dict[str, int], answers: list[str], record: dict) -> Verdict:
    """How many of the answers to one command pass each question: {"valid", "schema", "intent", "exact": int}."""
    rows = score(answers, [record] * len(answers)).rows
    for key, hint in QUESTIONS.items():
        if answer.get(key) != rows[key].sum():
            return not_yet(f"look at {key} again: {hint}")
    counts = ", ".join(f"{key} {rows[key].sum()}" for key in QUESTIONS)
    return right(f"of {len(answers)} answers, {counts}.")


@check
def turns(answer: list[dict], examples: list[dict]) -> Verdict:
    """The examples as earlier turns of a dialogue: for each, the user's message and the assistant's."""
    wanted = [message for row in examples for message in (row["prompt"][-1], row["completion"][0])]
    answer = list(answer)
    if answer == wanted:
        return right(f"{len(wanted)} messages, the user's and the assistant's in turn.")
    if not all(isinstance(message, dict) for message in answer):
        return not_yet("one flat list of messages is wanted, without lists in it.")
    if any(message["role"] == "system" for message in answer):
        return not_yet("the system message stands once, before all examples; leave it out here.")
    if len(answer) != len(wanted):
        return not_yet(f"{len(examples)} examples make {len(wanted)} messages; yours are {len(answer)}.")
    return not_yet("each user's message is followed by the assistant's answer to it, in the order of the examples.")


@check
def sentences(answer: int, exact: dict[int, float], price: float, worth: float) -> Verdict:
    """The largest size of `exact`, {sentences: percent of exact calls}, up to which each point costs `worth` at most.

    price: of one sentence.
    """
    sizes = sorted(exact)
    if answer not in sizes:
        return not_yet(f"choose one of the sizes of the curve: {', '.join(map(str, sizes))}.")
    costs = {}
    for size, larger in pairwise(sizes):
        gain = exact[larger] - exact[size]
        costs[larger] = (larger - size) * price / gain if gain > 0 else math.inf
    too_dear = [size for size in sizes[1:] if costs[size] > worth and size <= answer]
    if too_dear:
        size = too_dear[0]
        cost = "brings no point" if costs[size] == math.inf else f"costs {costs[size]:.1f} for each point"
        return not_yet(f"the step to {size} {cost}, and a point is worth {worth:g}.")
    larger = [size for size in sizes if size > answer]
    if larger and costs[larger[0]] <= worth:
        return not_yet(f"the step to {larger[0]} costs only {costs[larger[0]]:.1f} for each point.")
    return right(f"{answer} sentences cost {answer * price:.0f}, and the next step is not worth its price.")


@check
def break_even(answer, prompt_tokens: int, tuned_tokens: int, price: float, one_off: float) -> Verdict:
    """The requests after which a shorter prompt has paid `one_off`; `price` is for a million prompt tokens."""
    saved = (prompt_tokens - tuned_tokens) * price / 1e6
    if abs(answer - one_off / saved) <= 0.01 * one_off / saved:
        return right(f"each request saves {saved:.6f}, so {one_off:g} are paid back after {one_off / saved:,.0f}.")
    if abs(answer - one_off / (prompt_tokens * price / 1e6)) <= 0.01 * answer:
        return not_yet("the fine-tuned model reads a prompt as well; only the difference is saved.")
    return not_yet("what does one request save, and how often does that fit into the one-off cost?")


@check
def cascade(answer: Callable[..., str], rules: Callable, records, model_right: str) -> Verdict:
    """A function from (command, rules, model) to a call, which trusts `rules` only where they deserve it.

    `model_right` has a "1" for each record that the model answers exactly. The function gets a stand-in for the
    model, whose call says nothing but that the model was asked.
    """
    asked, by_rules, hits = 0, 0, 0
    by_model = [digit == "1" for digit in model_right]
    for number, row in enumerate(records):
        command = row["prompt"][-1]["content"]
        counter, model = _counted(command)
        call = answer(command, rules, model) or ""
        asked += bool(counter)
        if call == model(command):
            hits += by_model[number]
        elif call == "":
            return not_yet(f'{command!r} got no call; where the rules say "" the model has to answer.')
        else:
            by_rules += 1
            hits += bool(score([call], [row]).rows["exact"][0])
    total, alone = len(by_model), sum(by_model)
    if asked == total:
        return not_yet("the model was asked every time; leave it out where you trust the call of the rules.")
    told = f"{hits} of {total} calls are exact, and the model alone gets {alone}"
    if hits < alone:
        return not_yet(
            f"{told}. {by_rules} calls came from the rules; which argument do all wrong ones of validation have?"
        )
    return right(f"{told}; it rests for {total - asked} commands.")


@check
def retrieved(answer: Callable[[str], list[dict]], model, tokenizer, records, intent: float) -> Verdict:
    """A function from a command to its messages: over `intent` percent right intents with at most 400 tokens."""
    texts = [row["prompt"][-1]["content"] for row in records]
    prompts = [answer(text) for text in texts]
    longest = max(len(tokenizer.apply_chat_template(prompt)["input_ids"]) for prompt in prompts)
    examples = {message["content"] for prompt in prompts for message in prompt[:-1]}
    if longest > 400:
        return not_yet(f"a prompt has {longest} tokens; 400 are allowed, so choose fewer examples.")
    if examples & set(texts):
        return not_yet("a held-out command is among the examples, and its answer with it.")
    reached = score(generate(model, tokenizer, prompts), records).percent("intent")
    if reached <= intent:
        return not_yet(f"{reached:.0f}% right intents, and over {intent:.0f}% are possible.")
    return right(f"{reached:.0f}% right intents with at most {longest} tokens of prompt.")


def _counted(command: str) -> tuple[list[str], Callable[[str], str]]:
    """A list of what the model was asked, and a stand-in for the model that fills it."""
    asked = []

    def model(said: str) -> str:
        asked.append(said)
        return json.dumps({"name": "the model's call", "arguments": {"command": command}})

    return asked, model
