"""Checks of notebook 04, Pack sequences."""

from collections.abc import Callable
from math import ceil

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.training import packing


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
