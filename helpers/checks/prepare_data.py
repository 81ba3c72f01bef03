"""Checks of notebook 02, Prepare data."""

import json
from collections.abc import Callable, Iterable, Sequence

from jinja2.exceptions import TemplateError

from helpers.checks.protocol import Verdict, about, check, not_yet, right
from helpers.model.chat import IGNORED
from helpers.paths import PLANTED


@check
def formats(answer: dict[str, dict | None], system: str, user: str, assistant: str) -> Verdict:
    """One example in two formats: {"messages": example, "prompt and completion": example}, both made of messages."""
    texts = {"system": system, "user": user, "assistant": assistant}
    dialogue = [{"role": role, "content": content} for role, content in texts.items()]
    expected = {
        "messages": {"messages": dialogue},
        "prompt and completion": {"prompt": dialogue[:-1], "completion": dialogue[-1:]},
    }
    for name, example in expected.items():
        if hint := _unlike(answer.get(name), example):
            return not_yet(about(name, f"{hint}."))
    return right("the same three messages; the second format says where the answer begins.")


def _unlike(given: dict | None, example: dict[str, list]) -> str:
    """How an example differs from the one that is asked for, in words; empty when it does not."""
    if given is None:
        return "still to be written"
    if not isinstance(given, dict):
        return f"an example is a dictionary with {' and '.join(example)}"
    if set(given) != set(example):
        return f"the keys of the dictionary are {' and '.join(example)}"
    for key, messages in example.items():
        if not isinstance(given[key], list):
            return f"{key} is a list of messages, even if there is only one"
        if not all(isinstance(message, dict) and set(message) == {"role", "content"} for message in given[key]):
            return "each message is a dictionary with role and content"
        roles = [message["role"] for message in messages]
        if [message["role"] for message in given[key]] != roles:
            return f"the roles of {key} are {', '.join(roles)}"
        if given[key] != messages:
            return f"a content of {key} is not the text of its role"
    return ""


@check
def padded_labels(answer: Sequence[int], ids: Sequence[int], real: int, eos: int) -> Verdict:
    """The labels of one padded row: the ids of its first `real` tokens, and -100 for the padding, which is EOS too."""
    answer, ids = [int(label) for label in answer], [int(token) for token in ids]
    if len(answer) != len(ids):
        return not_yet(f"there are {len(ids)} tokens, so {len(ids)} labels; yours are {len(answer)}.")
    if answer[real:] != [IGNORED] * (len(ids) - real):
        return not_yet("padding is still counted; the label of a token that is not counted is -100.")
    if answer == [IGNORED if token == eos else token for token in ids]:
        return not_yet("the EOS that ends an answer is hidden too; go by the token's place, not by its id.")
    if answer != ids[:real] + [IGNORED] * (len(ids) - real):
        return not_yet(f"each of the first {real} labels is the id of its token.")
    return right(f"{len(ids) - real} tokens of padding are hidden, EOS is counted {answer.count(eos)} times.")


@check
def shortest_length(answer: int, lengths: Iterable[int]) -> Verdict:
    """The smallest max_length that truncates none of the examples. lengths: their tokens."""
    lengths = list(lengths)
    over = sum(length > answer for length in lengths)
    if over:
        return not_yet(f"{over:,} of {len(lengths):,} examples are longer.")
    if answer > max(lengths):
        return not_yet("it truncates nothing; a smaller one does so too.")
    return right(f"the longest example has {answer} tokens.")


@check
def planted_defects(answer: Iterable[int]) -> Verdict:
    """The numbers (from 0) of the rows of data/planted/rows.jsonl that have a defect."""
    key = json.loads((PLANTED / "key.json").read_text(encoding="utf-8"))
    hints = {int(row): defect["hint"] for row, defect in key.items()}
    named = {int(row) for row in answer}
    if named == set(hints):
        return right(f"all {len(hints)} of them, and no sound row among them.")
    lines = [f"{len(named & set(hints))} of {len(hints)} defects are named."]
    lines += [f"Row {row} is sound." for row in sorted(named - set(hints))]
    lines += [f"Still hidden: {hints[row]}." for row in sorted(set(hints) - named)]
    return not_yet("\n".join(lines))


@check
def training_template(answer: str, tokenizer, dialogue: list[dict]) -> Verdict:
    """A chat template: it renders `dialogue` as the tokenizer's own does, and EOS is in the assistant mask."""
    own = tokenizer.apply_chat_template(dialogue, tokenize=False)
    try:
        rendered = tokenizer.apply_chat_template(dialogue, tokenize=False, chat_template=answer)
        encoded = tokenizer.apply_chat_template(
            dialogue, chat_template=answer, return_dict=True, return_assistant_tokens_mask=True
        )
    except (TemplateError, TypeError, ValueError) as error:
        return not_yet(f"the template does not render ({error}).")
    counted = [i for i, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    ends, turns = counted.count(tokenizer.eos_token_id), sum(m["role"] == "assistant" for m in dialogue)
    if rendered != own:
        return not_yet("it renders another text than the model knows; move the markers only.")
    if not counted:
        return not_yet("no token is counted; {% generation %} and {% endgeneration %} enclose what is.")
    if ends != turns:
        return not_yet(f"EOS is counted {ends} times for {turns} answers.")
    return right(f"{len(counted)} of {len(encoded['input_ids'])} tokens are counted, the EOS of each answer too.")


@check
def split_by_pattern(answer: Callable, rows, share: float = 0.2) -> Verdict:
    """A function from rows to (training rows, held-out rows): whole patterns, and every intent in training."""
    train, held_out = (list(part) for part in answer(rows))
    shared = {row["template"] for row in train} & {row["template"] for row in held_out}
    lacking = {row["intent"] for row in held_out} - {row["intent"] for row in train}
    if len(train) + len(held_out) != len(rows):
        return not_yet(f"{len(train)} and {len(held_out)} rows do not make {len(rows)}.")
    if shared:
        return not_yet(f"{len(shared)} patterns are on both sides.")
    if lacking:
        return not_yet(f"{', '.join(sorted(lacking)[:3])} would be tested and never trained on.")
    if abs(len(held_out) / len(rows) - share) > 0.05:
        return not_yet(f"{len(held_out) / len(rows):.0%} are held out, not about {share:.0%}.")
    return right(f"{len(held_out)} of {len(rows)} rows held out, no pattern shared, every intent trained on.")
