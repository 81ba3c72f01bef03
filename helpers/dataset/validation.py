"""Validation: what is wrong with a dataset, row by row and as a whole, before a trainer sees it."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import pandas as pd
from rapidfuzz import utils

from helpers.dataset.likeness import pairs
from helpers.language import _

ROLES = ("system", "user", "assistant")
# One name for each check, in the order in which `report` lists them, and what it means.
CHECKS = {
    "malformed": "no dialogue of user and assistant in turn",
    "wrong label": "the answer is not what the task allows",
    "repeated id": "two rows with one id",
    "truncated": "longer than max_length: the end is cut off, and mostly EOS with it",
    "dropped": "the prompt alone fills max_length: nothing is left to learn from",
    "exact duplicate": "the same prompt and answer as an earlier row",
    "near duplicate": "nearly the same prompt as an earlier row, and the same answer",
    "contradiction": "the same prompt as an earlier row, and another answer",
    "leaked row": "a duplicate, exact or near, of a training row in another split",
    "leaked group": "its group, such as its sentence pattern, is in the training split too",
}


def dialogue(row: dict) -> list[dict]:
    """The messages of a row in any format that SFTTrainer takes but plain text; ValueError says what is wrong.

    Checked: roles are known and alternate, the assistant has the last word, every content is text and not empty.
    """
    if "messages" in row:
        messages = row["messages"]
    elif missing := {"prompt", "completion"} - row.keys():
        raise ValueError(f"no {' and no '.join(sorted(missing))}")
    elif isinstance(row["prompt"], str) and isinstance(row["completion"], str):
        pair = zip(("user", "assistant"), (row["prompt"], row["completion"]), strict=True)
        messages = [{"role": role, "content": content} for role, content in pair]
    elif isinstance(row["prompt"], list) and isinstance(row["completion"], list):
        messages = row["prompt"] + row["completion"]
    else:
        raise ValueError("prompt and completion are neither both text nor both lists of messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError(_("no messages"))
    for message in messages:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise ValueError("a message without role and content")
        role, content = message["role"], message["content"]
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}")
        if not isinstance(content, str):
            raise ValueError(f"the {role}'s content is {type(content).__name__}, not text")
        if not content.strip():
            raise ValueError(f"the {role}'s content is empty")
    roles = [message["role"] for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if turns != ["user", "assistant"] * (len(turns) // 2) or not turns:
        raise ValueError(f"the roles do not alternate: {', '.join(roles)}")
    return messages


def findings(
    splits: dict[str, Iterable[dict]],
    tokenizer,
    max_length: int | None,
    label_problem: Callable[[str], str | None] = lambda answer: None,
    group: str = "template",
    numbers: dict[str, Sequence[int]] | None = None,
    measured: dict[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Every finding as one line: split, row, check (of CHECKS), detail.

    splits: {"train": rows, "test": rows}; "train", or the first one, is what the others may have leaked from.
    max_length: tokens, or None, as given to SFTConfig; prompts are counted with the chat template's generation prompt.
    label_problem: what is wrong with an assistant's text, or None. group: the field that splits must not share.
    numbers: what the rows of a split are called in the result; without it they are counted from 0. Rows
    that are all {"text": …} are compared and measured as they stand. measured: what `lengths` gave for the rows of a
    split that are all well-formed, where it has been called already.
    """
    lines, tables = [], {}
    for split, rows in splits.items():
        rows, good = list(rows), []
        called = numbers[split] if numbers else range(len(rows))
        plain = all(isinstance(row.get("text"), str) for row in rows)
        repeated = _repeated([row.get("id") for row in rows])
        lines += [(split, called[n], "repeated id", f"id {rows[n]['id']!r}") for n in repeated]
        for number, row in zip(called, rows, strict=True):
            try:
                messages = dialogue(row) if not plain else row["text"]
            except ValueError as error:
                lines.append((split, number, "malformed", str(error)))
                continue
            good.append((number, messages, row.get(group)))
            if not plain and (reason := label_problem(messages[-1]["content"])):
                lines.append((split, number, "wrong label", reason))
        tables[split] = _compared(good, plain).reset_index(drop=True)
        known = (measured or {}).get(split)
        counted = _counted(good, tokenizer, plain) if known is None else known.reset_index(drop=True)
        tables[split] = pd.concat([tables[split], counted], axis=1)
        lines += [(split, *finding) for finding in _too_long(tables[split], max_length)]
        lines += [(split, *finding) for finding in _repetitions(tables[split])]
    source = "train" if "train" in tables else next(iter(tables))
    for split in set(tables) - {source}:
        lines += [(split, *finding) for finding in _leaks(tables[split], tables[source], source)]
    order = {check: place for place, check in enumerate(CHECKS)}
    lines.sort(key=lambda line: (list(splits).index(line[0]), order[line[2]], line[1]))
    return pd.DataFrame(lines, columns=["split", "row", "check", "detail"])


def table(lines: pd.DataFrame, splits: Iterable[str]) -> pd.DataFrame:
    """Findings counted: a row for each check, a column for each split, and what the check means."""
    counts = pd.crosstab(lines["check"], lines["split"]).reindex(index=list(CHECKS), columns=list(splits), fill_value=0)
    return counts.assign(meaning=pd.Series(CHECKS)).rename_axis(index=None, columns=None)


def lengths(rows: Iterable[dict], tokenizer) -> pd.DataFrame:
    """Tokens of each row: of the prompt with the generation prompt, and in all; plain texts have no prompt."""
    rows = list(rows)
    plain = all(isinstance(row.get("text"), str) for row in rows)
    return _counted(
        [(n, row["text"] if plain else dialogue(row), None) for n, row in enumerate(rows)], tokenizer, plain
    )


def _compared(good: list[tuple], plain: bool) -> pd.DataFrame:
    """One line for each well-formed row: its number, its group, and its texts as they are compared."""
    frame = pd.DataFrame(good, columns=["row", "messages", "group"])
    if plain:
        exactly = frame["messages"].astype(object)
        numbers = exactly.str.replace(r"\D", "", regex=True)  # texts alike but for a number are no duplicates
        return frame.assign(asked=exactly.map(utils.default_process), exactly=exactly, answer=numbers)
    dialogues = list(frame["messages"])
    prompts = [messages[:-1] for messages in dialogues]
    turns = [[m["content"] for m in prompt if m["role"] != "system"] for prompt in prompts]
    return frame.assign(
        asked=[utils.default_process("\n".join(contents)) for contents in turns],
        exactly=["\n".join(m["content"] for m in prompt) for prompt in prompts],
        answer=[messages[-1]["content"] for messages in dialogues],
    )


def _counted(good: list[tuple], tokenizer, plain: bool) -> pd.DataFrame:
    """Tokens of each row: `prompt` and `total`."""
    dialogues = [messages for _, messages, _ in good]
    if not dialogues:
        return pd.DataFrame({"prompt": [], "total": []}, dtype=int)
    if plain:
        return pd.DataFrame({"prompt": 0, "total": [len(ids) for ids in tokenizer(dialogues)["input_ids"]]})
    prompts = _token_counts(tokenizer, [messages[:-1] for messages in dialogues], add_generation_prompt=True)
    return pd.DataFrame({"prompt": prompts, "total": _token_counts(tokenizer, dialogues)})


def _token_counts(tokenizer, dialogues: list[list[dict]], **options) -> list[int]:
    return [len(ids) for ids in tokenizer.apply_chat_template(dialogues, **options)["input_ids"]]


def _repeated(values: list) -> list[int]:
    """Places of values that occurred before; None does not count."""
    seen, places = Counter(), []
    for place, value in enumerate(values):
        if value is not None and seen[str(value)]:
            places.append(place)
        seen[str(value)] += 1
    return places


def _too_long(frame: pd.DataFrame, max_length: int | None):
    for row in frame[frame["total"] > (max_length or math.inf)].itertuples():
        check = "dropped" if row.prompt >= max_length else "truncated"
        yield row.row, check, f"{row.prompt} tokens of prompt, {row.total} in all"


def _repetitions(frame: pd.DataFrame):
    """Duplicates and contradictions, each reported once, at the later row."""
    reported = set()
    rows, asked = list(frame.itertuples()), frame["asked"].tolist()
    for i, j, likeness in pairs(asked, asked):
        if j >= i or i in reported:
            continue
        if rows[i].answer == rows[j].answer:
            check = "exact duplicate" if rows[i].exactly == rows[j].exactly else "near duplicate"
        elif rows[i].asked == rows[j].asked:
            check = "contradiction"
        else:
            continue
        reported.add(i)
        yield rows[i].row, check, f"row {rows[j].row}, {likeness}% alike"


def _leaks(frame: pd.DataFrame, source: pd.DataFrame, name: str):
    groups, reported = set(source["group"].dropna()), set()
    rows, originals = list(frame.itertuples()), source["row"].tolist()
    for i, j, likeness in pairs(frame["asked"].tolist(), source["asked"].tolist()):
        same = rows[i].asked == source["asked"].iloc[j] or rows[i].answer == source["answer"].iloc[j]
        if same and i not in reported:  # "mute the radio" and "unmute the radio" are alike, and no leak
            reported.add(i)
            yield rows[i].row, "leaked row", f"{name} row {originals[j]}, {likeness}% alike"
    for row in rows:
        if row.group in groups:
            yield row.row, "leaked group", f"group {row.group!r}"
