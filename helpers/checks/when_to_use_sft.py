"""Checks of notebook 01, When to use SFT."""

from collections.abc import Callable

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.evaluation.generation import generate
from helpers.evaluation.scores import score


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
def cascade(answer: Callable[..., str], rules: Callable, model: Callable, records) -> Verdict:
    """A function from a command to a call that asks `rules` first and `model` where they are silent."""
    asked = []

    def watched(command: str) -> str:
        asked.append(command)
        return model(command)

    texts = [row["prompt"][-1]["content"] for row in records]
    both = score([answer(text, rules, watched) or "" for text in texts], records)
    alone = score([model(text) for text in texts], records)
    if len(asked) == len(texts):
        return not_yet("the model was asked every time; leave it out where the rules give a call.")
    if both.percent("valid") < alone.percent("valid"):
        return not_yet('some commands got no call; where the rules say "" the model has to answer.')
    spared = 1 - len(asked) / len(texts)
    better = f"{both.percent('exact'):.0f}% exact calls instead of the model's {alone.percent('exact'):.0f}%"
    return right(f"{better}, and the model rests for {spared:.0%} of the commands.")


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
