"""Formats: which format of the field the records of a file have, and the rows that TRL trains on."""

import re

from helpers.dataset import preferences
from helpers.dataset.columns import (
    ANSWER_ENDINGS,
    ANSWERS,
    CHATS,
    CONTEXTS,
    LABELS,
    PROMPT_ENDINGS,
    PROMPTS,
    SYSTEMS,
    TEXTS,
    Format,
    Unknown,
    answer_of,
    as_pair,
    ending,
    first,
    named,
    plain,
    turns_of,
    value_of,
)
from helpers.dataset.records import HALF
from helpers.dataset.turns import ROLE_KEYS, ROLES, Unfit, calls_of, is_turn, listed, messages_of, text_of, tools_of
from helpers.language import _

NOTHING = ("<noinput>", "noinput", "nan", "none", "n/a")  # what an input says that is empty
# What stands before the answer in a plain text, the longer ones first.
MARKERS = ("### Response:", "### Assistant:", "### Answer:", "<|im_start|>assistant", "<|assistant|>", "[/INST]")
MARKERS += ("<start_of_turn>model", "Assistant:", "ASSISTANT:", "Answer:", "Response:", "Output:", "Bot:", "AI:", "A:")
MARKERS += ("答案：", "回答：", "答：", "答:")


def recognise(
    records: list[dict], mapping: dict[str, str] | None = None, chosen: bool = False, cut: str = ""
) -> Format:
    """The format of the records; Unknown when none fits, when a mapping names no column, and for preference data."""
    columns = list(dict.fromkeys(column for record in records for column in record if column != HALF))
    mapping = mapping or {}
    _check(columns, mapping)
    if mapping.keys() - {"group"}:
        return _mapped(records, mapping, cut)
    known = {plain(column): column for column in reversed(columns)}
    label = preferences.mark(records, known)
    if label and not chosen:
        raise Unknown(preferences.KTO, "preference")
    rest = {name: column for name, column in known.items() if column != label}
    format = (
        preferences.of_pairs(records, known, chosen)
        or _chat(records, rest)
        or _tool_question(rest)
        or _two_columns(rest)
        or _text(rest, cut)
    )
    if format is None:
        raise Unknown(_no_format(columns, known, len(records)))
    return preferences.only_good(format, label) if label else format


def marker(texts: list[str]) -> str:
    """What stands before the answer in at least nine of ten texts, at the beginning of a line or as a chat marker."""
    for candidate in MARKERS:
        found = re.compile(r"(^|\n)\s*" + re.escape(candidate) if candidate[0] not in "<[#" else re.escape(candidate))
        if texts and sum(bool(found.search(text)) for text in texts) >= 0.9 * len(texts):
            return candidate
    return ""


def _check(columns: list[str], mapping: dict[str, str]) -> None:
    allowed = ("prompt", "completion", "system", "text", "messages", "tools", "group")
    for key, column in mapping.items():
        if key not in allowed:
            raise Unknown(f"no {key} to map: the names before = are {', '.join(allowed)}")
        if column not in columns and column.split(".")[0] not in columns:
            raise Unknown(f"no column {column!r}: it has {named(columns)}")


def _mapped(records: list[dict], mapping: dict[str, str], cut: str) -> Format:
    if "messages" in mapping:
        column, tools = mapping["messages"], mapping.get("tools")
        kind = "tool calling" if tools or any(map(_is_call, _turns(records, column))) else "messages"
        return _chat_format(column, tools, mapping.get("system"), kind)
    if {"prompt", "completion"} <= mapping.keys():
        system = mapping.get("system")
        return _pair("prompt-completion", mapping["prompt"], mapping["completion"], system=system)
    if "text" in mapping:
        return _text_format(mapping["text"], cut)
    raise Unknown("a mapping with one side only: pass both --map prompt=COLUMN and --map completion=COLUMN")


def _chat(records: list[dict], known: dict) -> Format | None:
    for name in (*CHATS, "data"):
        turns = next((turns for r in records[:100] if (turns := listed(r.get(known.get(name))))), None)
        if not turns or (name == "data" and not all(isinstance(turn, str) for turn in turns)):
            continue
        every = _turns(records, known[name])
        tools = first(known, ("tools", "functions"))
        with_tools = tools or any(_is_call(turn) for turn in every)
        by_from = any("from" in turn or not is_turn(turn) for turn in every) or not every
        kind = "tool calling" if with_tools else "sharegpt" if by_from else "messages"
        return _chat_format(known[name], tools, first(known, SYSTEMS), kind)
    return None


def _turns(records: list[dict], column: str) -> list[dict]:
    return [turn for record in records for turn in listed(record.get(column)) or () if isinstance(turn, dict)]


def _is_call(turn: dict) -> bool:
    named = str(next((turn[key] for key in ROLE_KEYS if key in turn), "")).strip().lower()
    return ROLES.get(named) in ("call", "tool") or bool(turn.get("tool_calls") or turn.get("function_call"))


def _chat_format(column: str, tools: str | None, system: str | None, kind: str) -> Format:
    def row(record: dict):
        turns = listed(value_of(record, column))
        if not turns:
            raise Unfit(
                "empty",
                _("{} is empty").format(column) if not record.get(column) else f"{column} is no list of messages",
            )
        messages, changes = messages_of(turns, text_of(record.get(system)) if system else "")
        if kind == "tool calling":
            return {"messages": messages, "tools": tools_of(record.get(tools)) if tools else []}, changes
        return as_pair(messages, changes)

    words = _(f"{column} holds the turns") + (_(", {} the tools").format(tools) if tools else "")
    words += f", {system}" if system else ""
    return Format(kind, words, frozenset(filter(None, (column, tools, system))), row)


def _tool_question(known: dict) -> Format | None:
    """One question, the tools at hand and the calls that answer it, each in a column of its own."""
    asked, tools = first(known, ("query", "question", "prompt")), known.get("tools")
    answer = first(known, ("answers", "toolcalls", "answer"))
    if not (asked and tools and answer):
        return None

    def row(record: dict):
        call = {"role": "assistant", "content": "", "tool_calls": calls_of(record.get(answer))}
        messages, changes = messages_of([{"role": "user", "content": text_of(record.get(asked))}, call])
        return {"messages": messages, "tools": tools_of(record.get(tools))}, changes

    words = _(f"{asked} is the prompt, {answer} the calls, {tools} the tools")
    return Format("tool calling", words, frozenset((asked, tools, answer)), row)


def _two_columns(known: dict) -> Format | None:
    answer = first(known, ANSWERS) or ending(known, ANSWER_ENDINGS)
    rest = {name: column for name, column in known.items() if column != answer}
    asked = first(rest, PROMPTS) or ending(rest, PROMPT_ENDINGS)
    system, history = first(rest, SYSTEMS), rest.get("history")
    if not answer or not asked:
        return None
    context = first({name: column for name, column in rest.items() if column != asked}, CONTEXTS)
    kind = "question-answer"
    if plain(asked) in ("instruction", "指令"):
        kind = "alpaca"
    elif plain(asked) == "prompt":
        kind = "prompt-completion"
    return _pair(kind, asked, answer, context, system, history)


def _pair(
    kind: str,
    asked: str,
    answer: str,
    context: str | None = None,
    system: str | None = None,
    history: str | None = None,
) -> Format:
    def row(record: dict):
        question = turns_of(value_of(record, asked))
        more = text_of(record.get(context)).strip() if context else ""
        more = "" if more.lower() in NOTHING else more
        if more and not isinstance(value_of(record, asked), list):
            # An instruction comes before what it is about; a question after the passage that answers it.
            parts = [question[-1]["content"], more] if kind == "alpaca" else [more, question[-1]["content"]]
            question[-1] = question[-1] | {"content": "\n\n".join(part for part in parts if part)}
        earlier = listed(record.get(history)) if history else None
        reply = turns_of(answer_of(value_of(record, answer), plain(answer) == "answers"), "assistant")
        turns = [*_pairs(earlier or []), *question, *reply]
        return as_pair(*messages_of(turns, text_of(record.get(system)) if system else ""))

    words = _(f"{asked} is the prompt, {answer} the completion")
    words += _(", {} what the prompt is about").format(context) if context else ""
    words += _(", {} the system message").format(system) if system else ""
    words += _(", {} the turns before").format(history) if history else ""
    return Format(kind, words, frozenset(filter(None, (asked, answer, context, system, history))), row)


def _pairs(history: list) -> list:
    return [pair for pair in history if isinstance(pair, list) and len(pair) == 2] or history


def _text(known: dict, cut: str) -> Format | None:
    column = first(known, TEXTS)
    return None if not column or first(known, LABELS) else _text_format(column, cut)


def _text_format(column: str, cut: str) -> Format:
    def row(record: dict):
        text = text_of(value_of(record, column))
        if not text.strip():
            raise Unfit("empty", "its text is empty")
        if not cut:
            return {"text": text}, []
        before, found, after = text.rpartition(cut)
        if not found:
            raise Unfit("malformed", f"there is no {cut!r} to cut it at")
        sides = (("user", before.strip()), ("assistant", after.strip()))
        return as_pair(*messages_of([{"role": role, "content": side} for role, side in sides]))

    words = _(f"{column} is the text") + (_(", cut at {}").format(repr(cut)) if cut else "")
    return Format("text", words, frozenset((column,)), row)


def _no_format(columns: list[str], known: dict, rows: int) -> str:
    if rows == 1 and len(columns) > 20:
        return _("one row of {} columns: write it as a list of rows").format(len(columns))
    which = f'--map text="{columns[0]}"' if columns else "--map text=COLUMN"
    if len(columns) > 1:
        if any(len(str(column)) > 60 or str(column).endswith((".", "?", "!", "。", "？")) for column in columns):
            return f"{named(columns)}, which look like a row: write a line with the names of the columns above it"
        asked = first(known, PROMPTS)
        if asked:
            answer = f'--map prompt="{asked}" --map completion=COLUMN'
            return f"{named(columns)}, of which none is known as the answer: pass {answer} if there is one"
        which = f'--map prompt="{columns[0]}" --map completion="{columns[1]}"'
    return f"{named(columns)}, of which no format for SFT is known: say which column is what, such as {which}"
