"""Packing: which tokens of which document land in which row, as TRL's own pack_dataset places them."""

from collections.abc import Sequence

import pandas as pd
from datasets import Dataset
from trl import pack_dataset

from helpers.errors import CourseError

STRATEGIES = {
    "bfd": "best fit decreasing: whole documents; what exceeds max_length is cut off and lost",
    "bfd_split": "the same, but what exceeds max_length becomes a document of its own",
    "wrapped": "one long stream, cut every max_length tokens, wherever that is",
}


def place(lengths: Sequence[int], strategy: str, max_length: int) -> pd.DataFrame:
    """One line for each piece of a document in a packed row: row, start (in the row), document, first, length, cut.

    lengths: tokens of each document; `first` is the place in its document of the piece's first token, and `cut` says
    that the piece is not all of it. The documents keep their order, which SFTConfig(shuffle_dataset=True) changes.
    Raises CourseError for an unknown strategy or a max_length below 1.
    """
    if strategy not in STRATEGIES:
        raise CourseError(f"There is no packing strategy {strategy!r}: choose one of {', '.join(STRATEGIES)}.")
    if not isinstance(max_length, int) or max_length < 1:
        raise CourseError(f"max_length is {max_length!r}: packing needs a whole number of tokens, 1 or more.")
    # pack_dataset moves whatever lists it is given, so each token carries the number of its document and its place.
    tokens = {"document": [[i] * n for i, n in enumerate(lengths)], "place": [list(range(n)) for n in lengths]}
    packed = pack_dataset(Dataset.from_dict(tokens), max_length, strategy)
    pieces = []
    for row, (documents, places) in enumerate(zip(packed["document"], packed["place"], strict=True)):
        for at, (document, first) in enumerate(zip(documents, places, strict=True)):
            if not at or document != documents[at - 1] or first != places[at - 1] + 1:
                pieces.append([row, at, document, first, 0])
            pieces[-1][-1] += 1
    frame = pd.DataFrame(pieces, columns=["row", "start", "document", "first", "length"])
    return frame.assign(cut=frame["length"].to_numpy() < pd.Series(lengths)[frame["document"]].to_numpy())


def summary(pieces: pd.DataFrame, lengths: Sequence[int], max_length: int) -> dict[str, float]:
    """What `place` did to documents of these lengths: counts of rows, documents and tokens, and shares in percent."""
    tokens, rows = int(pieces["length"].sum()), int(pieces["row"].max()) + 1
    return {
        "rows": rows,
        "documents in a row": round(len(lengths) / rows, 1),
        "row space filled (%)": round(100 * tokens / (rows * max_length), 1),
        "documents cut": pieces.loc[pieces["cut"], "document"].nunique(),
        "tokens lost": sum(lengths) - tokens,
    }
