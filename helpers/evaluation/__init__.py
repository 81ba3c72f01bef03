"""What a model answers to commands, and how often that is right."""

from helpers.evaluation.generation import LONGEST, answerer, generate, token_probabilities
from helpers.evaluation.scores import (
    METRICS,
    RESAMPLES,
    Scores,
    difference,
    evaluate,
    interval,
    patterns,
    score,
    wilson,
)

__all__ = [
    "LONGEST",
    "METRICS",
    "RESAMPLES",
    "Scores",
    "answerer",
    "difference",
    "evaluate",
    "generate",
    "interval",
    "patterns",
    "score",
    "token_probabilities",
    "wilson",
]
