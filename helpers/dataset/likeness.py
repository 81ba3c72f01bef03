"""Likeness: which texts are nearly the same, all compared with all, or, where they are many, by MinHash."""

from collections.abc import Iterator

import numpy as np
from rapidfuzz import fuzz, process

ALIKE = 95  # likeness of two texts, 0 to 100, from which they are near duplicates
CHUNK = 1000  # texts compared or hashed at once, which bounds the memory
# Pairs that are all compared, in seconds, and their characters; of more, only the pairs that MinHash proposes.
MOST_PAIRS, MOST_CHARACTERS = 4_000_000, 400_000_000
LETTERS = 3  # in a row are a feature; two texts of likeness 95 share about three in four of them
READ = 1000  # characters of a text that MinHash looks at
# Two texts are compared that share WIDTH smallest hashes in one of BANDS: of those with 3 in 4 features, nearly all.
BANDS, WIDTH = 24, 4
NEIGHBOURS = 4  # of the texts that share a band, compared with each in the order of the alphabet


def pairs(texts: list[str], others: list[str]) -> Iterator[tuple[int, int, int]]:
    """(place, place in others, likeness from 0 to 100) of the pairs that are at least ALIKE.

    Up to MOST_PAIRS all are compared and found, (i, i) and (j, i) too where others is texts. Of more, each text is
    told with the first that equals it, and with those that MinHash proposes. It misses hardly any two texts that lie
    alone, but some among hundreds that are made from one pattern, and those that differ in their first READ
    characters by more than ALIKE allows and make up for it later.
    """
    compared = len(texts) * len(others)
    length = sum(map(len, texts)) / max(1, len(texts))
    if compared <= MOST_PAIRS and compared * length <= MOST_CHARACTERS:
        yield from all_pairs(texts, others)
        return
    same = texts is others
    every = texts if same else [*others, *texts]
    offset = 0 if same else len(others)  # where `texts` begin in `every`
    first: dict[str, int] = {}
    for place, text in enumerate(every):
        earlier = first.setdefault(text, place)
        if earlier < place and place >= offset and (same or earlier < offset):
            yield place - offset, earlier, 100
    places = np.array(list(first.values()))
    distinct = list(first)
    left, right = _proposed(distinct)
    scores = process.cpdist(
        [distinct[i] for i in left], [distinct[i] for i in right], scorer=fuzz.ratio, score_cutoff=ALIKE, workers=-1
    )
    for n in np.flatnonzero(scores):
        earlier, later = sorted((int(places[left[n]]), int(places[right[n]])))
        if same or earlier < offset <= later:
            yield later - offset, earlier, int(scores[n])


def all_pairs(texts: list[str], others: list[str], alike: int = ALIKE) -> Iterator[tuple[int, int, int]]:
    """What `pairs` gives, of all pairs that are at least `alike`: quadratic, yet a million short pairs a second."""
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        scores = process.cdist(part, others, scorer=fuzz.ratio, score_cutoff=alike, dtype=np.uint8, workers=-1)
        for i, j in zip(*np.nonzero(scores), strict=True):
            yield start + int(i), int(j), int(scores[i, j])


def _proposed(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of places of texts, all different, that share a band of their MinHash signatures."""
    signatures = np.concatenate([_signatures(texts[n : n + CHUNK]) for n in range(0, len(texts), CHUNK)])
    alphabet = np.argsort(np.argsort(np.array([text[:READ] for text in texts], object), kind="stable"))
    length = np.array([len(text) for text in texts])
    found = set()
    for band in signatures.reshape(len(texts), BANDS, WIDTH).transpose(1, 0, 2):
        key = np.unique(band, axis=0, return_inverse=True)[1].ravel()
        order = np.lexsort((alphabet, key))
        for step in range(1, min(NEIGHBOURS + 1, len(order))):
            one, other = order[:-step], order[step:]
            # Texts as alike as ALIKE differ in length by a tenth at most.
            shared = (key[one] == key[other]) & (np.abs(length[one] - length[other]) * 9 <= length[one] + 9)
            found.update(zip(one[shared].tolist(), other[shared].tolist(), strict=True))
    left, right = np.array(sorted(found), int).reshape(-1, 2).T
    return left, right


def _signatures(texts: list[str]) -> np.ndarray:
    """The smallest of the hashes of each text's features under BANDS x WIDTH hash functions (texts x functions)."""
    # Padded, so that a text of one or two letters has a feature too.
    padded = [text[:READ].ljust(LETTERS) for text in texts]
    letters = np.frombuffer("".join([*padded, " " * LETTERS]).encode("utf-32-le"), np.uint32).astype(np.uint64)
    features = (
        letters[:-2] * np.uint64(0x9E3779B97F4A7C15) ^ letters[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F) ^ letters[2:]
    )
    ends = np.cumsum([len(text) for text in padded])
    starts = np.concatenate([[0], ends[:-1]])
    borders = np.stack([starts, ends - (LETTERS - 1)], axis=1).ravel()  # of the features, none reaches the next text
    factors = np.random.default_rng(0).integers(2**32, 2**62, BANDS * WIDTH, dtype=np.uint64) | np.uint64(1)
    smallest = [np.minimum.reduceat(features * factor >> np.uint64(20), borders)[::2] for factor in factors]
    return np.stack(smallest, axis=1)
