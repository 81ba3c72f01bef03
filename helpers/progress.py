"""Progress bars that are gone when they are done, and that TQDM_DISABLE hides."""

import os
from collections.abc import Iterable

from tqdm.auto import tqdm


def progress(items: Iterable | None = None, shown: bool = True, **options) -> tqdm:
    """A bar over `items`, or one of `total` steps to be moved by `update`; the options are those of tqdm.

    tqdm's bar for notebooks does not look at TQDM_DISABLE itself, which keeps bars out of stored outputs and tests.
    """
    hidden = not shown or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(items, **{"leave": False, "disable": hidden, **options})
