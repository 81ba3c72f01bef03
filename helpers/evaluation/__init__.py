"""What a model answers to commands, and how often that is right."""

from helpers.evaluation.generation import LONGEST, answerer, generate, token_probabilities
from helpers.evaluation.latency import time_requests
from helpers.evaluation.measures import RESAMPLES, interval, wilson
from helpers.evaluation.scores import METRICS, Scores, difference, evaluate, patterns, score

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
    "time_requests",
    "token_probabilities",
    "wilson",
]
