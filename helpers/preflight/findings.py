"""Findings: everything that preflight has to say about a file, row by row, before anything is trained."""

from statistics import median

import pandas as pd
from transformers import PreTrainedTokenizerBase

from helpers.dataset import formats, validation
from helpers.dataset.files import DataFile
from helpers.dataset.turns import tools_as_text
from helpers.preflight import texts, tokens

# One plain name for each check, in the order of the report, and what it means.
CHECKS = {
    "malformed": "no row that can be read as an example",
    "no user turn": "nobody asks anything, so there is nothing to answer",
    "empty": "the answer, the question or the text is empty",
    "placeholder": "a blank that nobody filled in would be learned as it stands",
    "secret": "a key or token that the model would learn and tell",
    "reasoning deleted": "the chat template drops the reasoning of the answer",
    "EOS not in the loss": "nothing teaches the model to stop",
    "BOS twice": "the text begins with a token that the tokenizer or the template adds as well",
    "template refuses": "the model's chat template raises an error for this row",
    "leaked row": "the same question, exactly or nearly, as a held-out row",
    "leaked group": "its group, the column mapped as group, has held-out rows too",
    **{check: validation.CHECKS[check] for check in ("contradiction", "dropped", "truncated")},
    "duplicate": "the same prompt and answer as an earlier row",
    "near duplicate": validation.CHECKS["near duplicate"],
    "refused answer": "the answer is a refusal, which is learned as well",
    "mixed languages": "another language than most of the file, or the answer in another than the question",
    "leftover markup": "HTML, calculator marks, markers of a chat template or broken characters in an answer",
    "personal data": "an e-mail address, a telephone or account number",
    "long answer": "an answer far longer than the rest",
    "question in the loss": "the loss counts the questions of this text too",
    "turns joined": "two turns of one role follow each other; they are read as one",
    "unanswered turn": "the user has the last word; that turn is left out",
    "turns left out": "the assistant speaks before the user does; that turn is left out",
    "not chosen": "an answer that is marked as bad",
    "tools as text": "the model's chat template knows no tools; they are written into the text",
    "no chat template": "the model brings none; the course's plain one is taken",
    "few rows": "too few examples to hold some out",
    "configuration": "a key or a value that TRL does not know",
}
# One of these is enough to spoil training on the file as it stands; those IN_BULK are, in over a fifth of its rows.
SPOILS = {
    "malformed",
    "no user turn",
    "empty",
    "placeholder",
    "secret",
    "reasoning deleted",
    "EOS not in the loss",
    "BOS twice",
    "template refuses",
    "leaked row",
    "leaked group",
    "configuration",
}
IN_BULK = {"contradiction", "dropped", "truncated", "duplicate", "refused answer"}
BULK = 0.2  # share of the rows
FEW = 20  # rows
LONG, TIMES = 1000, 8  # an answer is far longer than the rest from so many characters and so many times the median
MAIN = 0.6  # share of the rows whose language is the file's
RENAMED = {"exact duplicate": "duplicate"}  # names of 02's checks that are plainer here


def inspect(
    file: DataFile, tokenizer: PreTrainedTokenizerBase, max_length: int | None = 1024, held_out: DataFile | None = None
) -> pd.DataFrame:
    """Every finding as one line: row, check (of CHECKS), detail; in the order of CHECKS.

    row: its place in the file, from 1; 0 is the file as a whole. max_length: tokens, as given to SFTConfig, or None.
    held_out: another file; none of its questions and groups may be trained on. Rows of tools are measured as text.
    `attrs["lengths"]` of the result holds the tokens of each row (see validation.lengths), which `plan` takes.
    """
    lines = [tuple(remark) for remark in (*file.unusable, *file.notes)]
    lines += _of_the_file(file, tokenizer)
    fit = {}
    for number, row, group in zip(file.numbers, file.rows, file.groups or [None] * len(file.rows), strict=True):
        as_text = tools_as_text(row) | {"group": group}
        found = tokens.problems(row if tokens.knows_tools(tokenizer) else as_text, tokenizer)
        if not any(check == "template refuses" for check, _ in found):
            fit[number] = as_text
        lines += [(number, *problem) for problem in found]
        lines += [(number, *problem) for problem in _of_texts(as_text)]
    lines += _of_languages(fit)
    lines += _of_lengths(fit)
    tokenizer = tokens.with_template(tokenizer)
    measured = validation.lengths(fit.values(), tokenizer)
    lines += _of_validation(fit, {"file": measured}, tokenizer, max_length, held_out)
    lines = _together(lines, len(file.rows))
    order = {check: place for place, check in enumerate(CHECKS)}
    lines.sort(key=lambda line: (order[line[1]], line[0]))
    found = pd.DataFrame(lines, columns=["row", "check", "detail"])
    found.attrs["lengths"] = measured
    return found


def spoils(findings: pd.DataFrame, rows: int) -> list[str]:
    """The checks that would spoil training on a file of so many rows, in the order of CHECKS."""
    counts = findings["check"].value_counts()
    found = [check for check in counts.index if check in SPOILS]
    found += [check for check in counts.index if check in IN_BULK and counts[check] > BULK * rows]
    return [check for check in CHECKS if check in found]


def usable(file: DataFile, findings: pd.DataFrame) -> int:
    """How many rows of the file can be trained on: neither unusable, nor dropped, nor refused by the template."""
    lost = findings[findings["check"].isin(["dropped", "template refuses"])]["row"]
    return 0 if (lost == 0).any() else len(set(file.numbers) - set(lost))


def question(row: dict) -> str:
    """What the user says last in a row; of a text, nothing."""
    asked = [message["content"] for message in row.get("prompt", []) if message["role"] == "user"]
    return asked[-1] if asked else ""


def answer(row: dict) -> str:
    """What the model would learn to say: the completion, or the text."""
    return row["text"] if "text" in row else row["completion"][0]["content"]


def _of_the_file(file: DataFile, tokenizer: PreTrainedTokenizerBase):
    if file.format == "text" and "text" in file.rows[0]:
        marker = formats.marker([row["text"] for row in file.rows])
        if marker:
            advice = f'pass --cut "{marker}" to train on what follows it alone'
            yield 0, "question in the loss", f'the loss counts what stands before "{marker}" too; {advice}'
    if file.format == "tool calling" and not tokens.knows_tools(tokenizer):
        yield 0, "tools as text", "take a model whose chat template knows tools to train on them in its own form"
    if not tokenizer.chat_template and "text" not in file.rows[0]:
        yield 0, "no chat template", "the course's plain one is taken; set SFTConfig(chat_template_path=...) likewise"
    if len(file.rows) < FEW:
        yield 0, "few rows", f"{len(file.rows)}: too few to hold some out and to measure what was learned"


def _of_texts(row: dict):
    asked, said = question(row), answer(row)
    found = texts.placeholder(said, asked)
    if not found and asked:
        found = texts.placeholder_in_question(asked)
    if found:
        yield "placeholder", found
    everything = "\n".join([*(message["content"] for message in row.get("prompt", [])), said])
    if kind := texts.secret(everything):
        yield "secret", kind
    if kind := texts.personal(everything):
        yield "personal data", kind
    if "text" not in row and texts.refused(said):
        yield "refused answer", said[:60]
    if kind := texts.markup(said, asked):
        yield "leftover markup", kind


def _of_languages(rows: dict[int, dict]):
    spoken = {number: texts.language(answer(row)) for number, row in rows.items()}
    known = [language for language in spoken.values() if language]
    main = max(sorted(set(known)), key=known.count) if known else ""
    of_main = sum(not texts.differ(language, main) for language in known)
    for number, language in spoken.items():
        asked = texts.language(question(rows[number]))
        if language and texts.differ(language, main) and of_main >= MAIN * len(known):
            yield number, "mixed languages", f"{language} in a file that is mostly {main}"
        elif language and asked and texts.differ(language, asked):
            yield number, "mixed languages", f"asked in {asked}, answered in {language}"


def _of_lengths(rows: dict[int, dict]):
    lengths = {number: len(answer(row)) for number, row in rows.items()}
    usual = median(lengths.values()) if lengths else 0
    for number, length in lengths.items():
        if length >= LONG and length > TIMES * usual:
            yield number, "long answer", f"{length:,} characters, the median has {usual:,.0f}"


def _of_validation(rows: dict[int, dict], measured: dict, tokenizer, max_length: int | None, held_out):
    splits, numbers = {"file": list(rows.values())}, {"file": list(rows)}
    if held_out:
        groups = held_out.groups or [None] * len(held_out.rows)
        others = [tools_as_text(row) | {"group": of} for row, of in zip(held_out.rows, groups, strict=True)]
        splits, numbers = {"held-out": others} | splits, {"held-out": held_out.numbers} | numbers
    found = validation.findings(splits, tokenizer, max_length, group="group", numbers=numbers, measured=measured)
    for line in found[found["split"] == "file"].itertuples():
        yield line.row, RENAMED.get(line.check, line.check), line.detail


def _together(lines: list[tuple], rows: int) -> list[tuple]:
    """What the chat template does to every single row is said once, of the file."""
    for check in ("EOS not in the loss", "template refuses"):
        same = [line for line in lines if line[1] == check]
        if rows > 1 and len(same) == rows:
            lines = [line for line in lines if line[1] != check]
            lines.append((0, check, f"in every row: {same[0][2]}"))
    return lines
