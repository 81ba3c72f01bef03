"""Checks of notebook 02, Prepare data."""

import json
from collections.abc import Callable, Iterable

from jinja2.exceptions import TemplateError

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.paths import PLANTED


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
