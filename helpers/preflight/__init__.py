"""Preflight: what is wrong with a file of other people's, and what training on it will take, before it begins."""

from helpers.preflight.findings import CHECKS, IN_BULK, SPOILS, inspect, spoils, usable
from helpers.preflight.planning import measure, plan
from helpers.preflight.tokens import mask

__all__ = ["CHECKS", "IN_BULK", "SPOILS", "inspect", "mask", "measure", "plan", "spoils", "usable"]
