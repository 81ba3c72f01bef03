"""Splits: which rows are held out, so that what is nearly the same stays together."""

from collections.abc import Hashable, Sequence

import numpy as np
from rapidfuzz import utils
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.dataset import likeness
from helpers.errors import CourseError

ALIKE = 85  # likeness of two prompts, 0 to 100, from which they belong together
MOST = 5_000  # rows that are all compared with each other, in seconds; of more, only equal prompts belong together


def clusters(prompts: Sequence[str], groups: Sequence[Hashable] | None = None) -> np.ndarray:
    """A number from 0 for each row; rows with one number must not be parted.

    Rows belong together when their prompts are alike, letters and digits compared, or when they have the same entry of
    `groups`, such as a customer or a document; None there belongs to no group. Chains count: if A is like B and B like
    C, all three are one cluster.
    """
    texts = [utils.default_process(prompt) for prompt in prompts]
    pairs = [_equal(texts)]
    if groups is not None:
        pairs.append(_equal([None if group is None else str(group) for group in groups]))
    if len(texts) <= MOST:
        alike = [(row, other) for row, other, _ in likeness.all_pairs(texts, texts, ALIKE)]
        pairs.append(np.array(alike, int).reshape(-1, 2).T)
    rows, others = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), int)
    graph = coo_array((np.ones(len(rows)), (rows, others)), shape=(len(texts), len(texts)))
    return connected_components(graph, directed=False)[1]


def split(cluster: np.ndarray, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> dict[str, np.ndarray]:
    """Rows of "train", "validation" and "test", as sorted numbers, by whole clusters in an order drawn by `seed`.

    test, validation: shares of the rows, reached as nearly as clusters allow; a cluster that is larger than a share is
    trained on. Raises CourseError when a split stays empty: too few rows, or nearly all of them alike.
    """
    sizes, order = np.bincount(cluster), np.random.default_rng(seed).permutation(cluster.max() + 1)
    room = {"test": test * len(cluster), "validation": validation * len(cluster)}
    place = dict.fromkeys(order, "train")
    for number in order:
        for name in room:
            if sizes[number] <= room[name] + 0.5:
                place[number] = name
                room[name] -= sizes[number]
                break
    where = np.array([place[number] for number in cluster])
    rows = {name: np.flatnonzero(where == name) for name in ("train", "validation", "test")}
    if empty := [name for name, numbers in rows.items() if not len(numbers)]:
        raise CourseError(
            f"Nothing is left for {' and '.join(empty)}: the {len(cluster)} rows form {len(sizes)} groups of like "
            "prompts. Bring more different rows, or hold out another file of yours."
        )
    return rows


def _equal(keys: Sequence[Hashable | None]) -> np.ndarray:
    """Each row with the first row of the same key, as two lines of numbers."""
    first: dict = {}
    pairs = [(row, first.setdefault(key, row)) for row, key in enumerate(keys) if key is not None]
    return np.array(pairs, int).reshape(-1, 2).T
