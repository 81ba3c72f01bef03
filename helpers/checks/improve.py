"""Checks of notebook 08, Improve."""

import json
from collections.abc import Callable, Sequence

import pandas as pd
from rapidfuzz import fuzz, process

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.dataset import calls

FOLLOW_UP = "and now on again"


@check
def most_errors(intents: Sequence[str], rows: pd.DataFrame) -> Verdict:
    """The three intents with the most wrong calls. rows: judged answers, with the columns expected and exact."""
    if isinstance(intents, str) or len(set(intents)) != 3:
        return not_yet("write a list of three different names.")
    wanted = [json.loads(call)["name"] for call in rows.loc[~rows["exact"].astype(bool), "expected"]]
    counts = pd.Series(wanted).value_counts()
    if unknown := [name for name in intents if name not in counts]:
        return not_yet(f"{unknown[0]} has no wrong call; count the names in `expected` of the wrong rows.")
    fewest, third = min(counts[name] for name in intents), counts.iloc[2]
    if fewest >= third:
        share = sum(counts[name] for name in intents) / len(wanted)
        return right(f"these three make {share:.0%} of the {len(wanted)} wrong calls.")
    shares = rows.assign(intent=[json.loads(call)["name"] for call in rows["expected"]]).groupby("intent")["exact"]
    if set(intents) <= set(shares.mean().nsmallest(3).index):
        return not_yet("those have the highest share of wrong calls; what costs the score is their number.")
    return not_yet("another intent has more wrong calls than one of these.")


@check
def clean_of(kept: Sequence[str], bought: Sequence[str], held_out: Sequence[str], alike: float) -> Verdict:
    """The bought sentences without those whose likeness to a held-out one is at least `alike` (fuzz.ratio)."""
    likeness = process.cdist(list(bought), list(held_out), scorer=fuzz.ratio).max(axis=1)
    expected = [text for text, value in zip(bought, likeness, strict=True) if value < alike]
    if list(kept) == expected:
        return right(f"{len(bought) - len(expected)} of {len(bought)} sentences would have told the answers.")
    if set(kept) & set(held_out):
        return not_yet("a sentence that is held out is still among them.")
    if len(kept) > len(expected):
        return not_yet(f"you keep {len(kept)}; some that are nearly equal to a held-out one are among them.")
    if set(kept) <= set(expected):
        return not_yet(f"you keep {len(kept)} of {len(expected)}: one held-out sentence alike decides, not all.")
    return not_yet("keep a sentence when its highest likeness to any held-out one is below `alike`.")


@check
def replay_rows(rows: int, others: int, share: float) -> Verdict:
    """How many rows of general text make `share` of all rows, beside `others`."""
    if not isinstance(rows, int):
        return not_yet("rows come whole: round the number.")
    expected = share * others / (1 - share)
    if abs(rows - expected) <= 1:
        return right(f"{rows} of {rows + others} rows are {rows / (rows + others):.1%}.")
    if abs(rows - share * others) <= 1:
        return not_yet(f"that is {share:.0%} of the others; it should be {share:.0%} of all rows, these ones included.")
    return not_yet("with x rows of general text, x / (x + others) is the share.")


@check
def slip(function: Callable[[str], str], texts: Sequence[str]) -> Verdict:
    """A function that leaves one letter of a sentence out, the same one each time it is asked."""
    for text in texts:
        new = function(text)
        if not isinstance(new, str):
            return not_yet("the function should return the new sentence.")
        if new != function(text):
            return not_yet("asked twice, it gives two sentences: seed the choice, with the sentence itself, say.")
        shorter = {text[:i] + text[i + 1 :] for i in range(len(text)) if text[i].isalpha()}
        if new not in shorter:
            return not_yet(f"{text!r} became {new!r}: one letter less, and everything else as it was.")
        if new.split()[0][:1] != text[0]:
            return not_yet("leave the first letter of a sentence: few people miss that one.")
    return right(f"{len(texts)} sentences, one letter less in each, and the calls stay as they are.")


@check
def follow_up(record: dict, first: dict) -> Verdict:
    """A record of a second turn: after the command of `first` and its call, somebody says FOLLOW_UP.

    first: a record whose call is HassTurnOff.
    """
    if not isinstance(record, dict) or not {"prompt", "completion"} <= set(record):
        return not_yet("a record has a prompt and a completion, both lists of messages.")
    roles = [message.get("role") for message in record["prompt"]]
    if roles != ["system", "user", "assistant", "user"]:
        return not_yet(f"the prompt's roles are {roles}: system, the first command, its call, then the follow-up.")
    if record["prompt"][:2] != first["prompt"] or record["prompt"][2] != first["completion"][0]:
        return not_yet("the first three messages are those of the first record: its prompt, then its completion.")
    if record["prompt"][3]["content"] != FOLLOW_UP:
        return not_yet(f"the last user message is {FOLLOW_UP!r}.")
    call, before = calls.parse(record["completion"][0]["content"]), calls.parse(first["completion"][0]["content"])
    if reason := calls.problem(call):
        return not_yet(f"the answer is no valid call: {reason}.")
    if call["arguments"] != before["arguments"]:
        return not_yet("the follow-up names no device: its arguments are those of the first call.")
    if call["name"] != "HassTurnOn":
        return not_yet(f"it should switch on again, and {call['name']} does not.")
    return right("the answer can only be read from the first turn, so the loss teaches the model to look there.")
