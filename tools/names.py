"""Names on a tool's command line."""

import sys
from collections.abc import Collection


def require_known(names: Collection[str], known: Collection[str], kind: str) -> None:
    """End the program with a sentence if one of `names` is none of `known`. kind: what they are names of."""
    if unknown := set(names) - set(known):
        sys.exit(f"There is no {kind} {', '.join(sorted(unknown))}; choose from {', '.join(known)}.")
