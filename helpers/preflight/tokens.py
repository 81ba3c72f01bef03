"""Tokens: what a model's chat template and tokenizer make of a row, and which of it the loss counts."""

import copy
import json

import pandas as pd
from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerBase

from helpers.dataset.turns import tools_as_text
from helpers.model import chat

GREEN, PLAIN = "\x1b[30;42m", "\x1b[0m"  # black on green, and back


def with_template(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer, or, of a base model that has no chat template, a copy with the course's plain one."""
    if tokenizer.chat_template:
        return tokenizer
    copied = copy.deepcopy(tokenizer)
    copied.chat_template = chat.PLAIN
    return copied


def knows_tools(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template renders tools and tool calls."""
    return "tool_calls" in json.dumps(tokenizer.chat_template or "")


def rendered(row: dict, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """(the text of a row up to the completion, the text of the whole row), as SFTTrainer feeds it to the tokenizer.

    A row of messages has no prompt, as TRL counts all of it; a text gets EOS at its end. Raises TemplateError or
    TypeError where the template refuses the row.
    """
    if "text" in row:
        end = tokenizer.eos_token or ""
        return "", row["text"] if row["text"].endswith(end) else row["text"] + end
    options = {"tokenize": False, "tools": row.get("tools") or None}
    if "messages" in row:
        return "", tokenizer.apply_chat_template(row["messages"], **options)
    prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, **options)
    return prompt, tokenizer.apply_chat_template(row["prompt"] + row["completion"], **options)


def problems(row: dict, tokenizer: PreTrainedTokenizerBase) -> list[tuple[str, str]]:
    """(check, detail) of what the chat template does to a row that its author did not mean."""
    tokenizer = with_template(tokenizer)
    try:
        prompt, whole = rendered(row, tokenizer)
    except (TemplateError, TypeError, ValueError) as error:
        return [("template refuses", " ".join(str(error).split())[:120])]
    bos, eos, found = tokenizer.bos_token, tokenizer.eos_token, []
    if "text" in row:
        adds_bos = bool(bos) and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
        if adds_bos and whole.startswith(bos):
            found.append(("BOS twice", f"the text begins with {bos}, and the tokenizer puts one before it"))
        return found
    messages = row.get("messages") or row["prompt"] + row["completion"]
    if bos and whole.startswith(bos) and any(m["content"].lstrip().startswith(bos) for m in messages):
        found.append(("BOS twice", f"a message begins with {bos}, and the chat template writes one of its own"))
    learned = messages if "messages" in row else row["completion"]
    for message in learned:
        thought = message["role"] == "assistant" and "</think>" in message["content"]
        if thought and message["content"].strip() not in whole:
            found.append(("reasoning deleted", "the chat template drops what stands before </think>"))
            break
    answer = messages[-1]["content"].strip().rpartition("</think>")[2].strip()
    end = whole[whole.rfind(answer) + len(answer) :] if answer and answer in whole else whole[len(prompt) :]
    if eos is None or eos not in end:
        found.append(
            ("EOS not in the loss", f"no {eos or 'EOS'} follows the answer, so nothing teaches the model to stop")
        )
    return found


def mask(row: dict, tokenizer: PreTrainedTokenizerBase) -> pd.DataFrame:
    """The tokens of a row as SFTTrainer sees them: `token`, its text, and `counted`, whether it is in the loss."""
    tokenizer = with_template(tokenizer)
    if not knows_tools(tokenizer):
        row = tools_as_text(row)
    prompt, whole = rendered(row, tokenizer)
    special = "text" in row  # a template writes its special tokens itself
    ids = tokenizer(whole, add_special_tokens=special)["input_ids"]
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"] if prompt else []
    start = next((n for n, (one, other) in enumerate(zip(before, ids, strict=False)) if one != other), len(before))
    counted = [place >= start for place in range(len(ids))]
    return pd.DataFrame({"token": [tokenizer.decode([token]) for token in ids], "counted": counted})


def marked(masked: pd.DataFrame, colour: bool) -> str:
    """The tokens of `mask` as plain text in which those that the loss counts stand out.

    colour: whether a terminal sets them on green; otherwise they stand between ⟦ and ⟧.
    """
    marks = (GREEN, PLAIN) if colour else "⟦⟧"
    parts = []
    for _, group in masked.groupby((masked["counted"] != masked["counted"].shift()).cumsum()):
        begin, end = marks if group["counted"].iloc[0] else ("", "")
        parts.append(begin + "".join(group["token"]) + end)
    return "".join(parts)
