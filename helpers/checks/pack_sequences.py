"""Checks of notebook 04, Pack sequences."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.training import packing


@check
def best_fit(answer: Sequence[Sequence[int]], lengths: Sequence[int], room: int) -> Verdict:
    """Rows as lists of documents' lengths, packed by best fit decreasing into rows of `room` tokens; in any order."""
    if not all(isinstance(row, list | tuple) for row in answer):
        return not_yet("a row is a list of lengths, and your answer a list of rows.")
    if Counter(length for row in answer for length in row) != Counter(lengths):
        return not_yet(f"each of the lengths {', '.join(map(str, lengths))} stands in one row, and nothing else does.")
    overfull = [list(row) for row in answer if sum(row) > room]
    if overfull:
        return not_yet(f"the row {overfull[0]} has {sum(overfull[0])} tokens, and room for {room}.")
    placed = packing.place(lengths, "bfd", room)
    expected = [sorted(row) for _, row in placed.groupby("row")["length"]]
    if sorted(sorted(row) for row in answer) != sorted(expected):
        return not_yet("begin with the longest; each next one goes where the least room is left over.")
    return right(f"{len(expected)} rows, {sum(lengths)} of {len(expected) * room} places filled.")


@check
def packed_epochs(answer: float, rows: int, batch: int, steps: int) -> Verdict:
    """The epochs that `steps` updates of `batch` packed rows make of a dataset of `rows` packed rows."""
    updates_an_epoch = ceil(rows / batch)
    epochs = steps / updates_an_epoch
    if abs(answer - epochs) > 0.01 * epochs:
        return not_yet("an update takes a batch of rows, not of documents; how many updates go through all rows once?")
    return right(f"{updates_an_epoch} updates an epoch, {epochs:.1f} epochs in {steps:,} updates.")


@check
def packing_length(answer: int, lengths, filled: float = 96, most: int = 400) -> Verdict:
    """A max_length for bfd: no token lost, at least `filled` percent of the rows' space used, at most `most`."""
    result = packing.summary(packing.place(lengths, "bfd", answer), lengths, answer)
    if result["tokens lost"]:
        return not_yet(f"{result['tokens lost']:,} tokens of {result['documents cut']} documents are cut off.")
    if result["row space filled (%)"] < filled:
        return not_yet(f"only {result['row space filled (%)']}% of the rows' space holds tokens.")
    if answer > most:
        return not_yet(f"that works; find one of at most {most}, as attention grows with the square of the row.")
    return right(f"{result['rows']} rows, {result['row space filled (%)']}% filled, nothing lost.")


@check
def formatting(answer: Callable[[dict], str], rows: Sequence[dict]) -> Verdict:
    """A formatting_func: from one row to the text of its topic, question and answer, a line for each."""
    for row in rows:
        lines = [f"### {field.capitalize()}: {row[field]}" for field in ("topic", "question", "answer")]
        expected = "\n".join(lines)
        try:
            text = answer(row)
        except (KeyError, TypeError, IndexError) as error:
            return not_yet(f"it fails on one example, a dictionary ({type(error).__name__}: {error}).")
        if not isinstance(text, str):
            return not_yet(f"it returns {type(text).__name__}; TRL wants one text for one example.")
        if text != expected and text.startswith(expected):
            return not_yet("something follows the answer; end with it, as TRL adds EOS itself.")
        if text != expected:
            return not_yet(f"it returns\n{text}\nand it should return\n{expected}")
    return right(f"{len(rows)} texts, one for each example.")


@check
def border(answer: Callable[[dict], dict], whole: Callable[[dict], str], rows: Sequence[dict]) -> Verdict:
    """A function from one row to {"prompt": str, "completion": str}: joined the text of `whole`, cut at the answer."""
    for row in rows:
        pair = answer(row)
        if not isinstance(pair, dict) or set(pair) != {"prompt", "completion"}:
            return not_yet("it should return a dictionary with prompt and completion.")
        prompt, completion = pair["prompt"], pair["completion"]
        if not (isinstance(prompt, str) and isinstance(completion, str)):
            return not_yet("prompt and completion are plain text here.")
        if prompt + completion != whole(row):
            return not_yet(f"joined, they are\n{prompt + completion}\nand should be\n{whole(row)}")
        if completion.strip() != row["answer"]:
            return not_yet("the completion should hold the answer and nothing else.")
        if prompt != prompt.rstrip():
            return not_yet("the prompt ends in a space, which the tokenizer joins with the next word.")
    return right(f"{len(rows)} pairs; only the answers are in the loss.")


@check
def block_mask(answer: Callable) -> Verdict:
    """A function from the documents' lengths in a row to the mask, a list of lists: who may attend to whom."""
    for lengths in ([3], [2, 3], [1, 4, 2]):
        owner = [i for i, n in enumerate(lengths) for _ in range(n)]
        hint = _wrong_place([[bool(cell) for cell in row] for row in answer(lengths)], owner)
        if hint:
            return not_yet(f"for lengths {lengths}, {hint}.")
    return right("each token sees its own document up to itself, and nothing else.")


def _wrong_place(mask: list[list[bool]], owner: list[int]) -> str:
    """The first cell of the mask that is wrong, in words; empty when none is. owner: the document of each token."""
    size = len(owner)
    if [len(row) for row in mask] != [size] * size:
        return f"the mask should be {size} by {size}"
    for query in range(size):
        for key in range(size):
            sees = owner[query] == owner[key] and key <= query
            if sees and not mask[query][key]:
                return f"token {query} should see token {key}"
            if mask[query][key] and not sees:
                where = "in another document" if owner[query] != owner[key] else "in its future"
                return f"token {query} sees token {key}, which is {where}"
    return ""
