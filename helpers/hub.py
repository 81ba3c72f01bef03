"""The Hugging Face hub: one short request before anything that would retry for a minute when offline."""

import contextlib

from huggingface_hub import HfApi, errors, snapshot_download

from helpers.errors import CourseError


def confirm(name: str, kind: str = "model", instead: str = "") -> str:
    """`name` once the hub knows it as a "model" or "dataset", or the folder of a copy that is on this machine already.

    instead: what the reader can pass without the hub. Raises CourseError when there is neither.
    """
    ask = {"model": HfApi().model_info, "dataset": HfApi().dataset_info}[kind]
    try:
        ask(name, timeout=10)
        return name
    except errors.HFValidationError:
        raise CourseError(f'"{name}" is neither a folder nor a {kind} id: {instead}.') from None
    except errors.RepositoryNotFoundError:
        raise CourseError(f'The Hugging Face hub has no public {kind} "{name}": {instead}.') from None
    except Exception:  # unreachable: which error it is depends on the HTTP client that the hub library uses
        with contextlib.suppress(errors.LocalEntryNotFoundError):
            return snapshot_download(name, repo_type=kind, local_files_only=True)
    raise CourseError(f'"{name}" is not on this machine and the Hugging Face hub is out of reach: {instead}.')
