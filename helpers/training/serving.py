"""Serving a model to other programs, on this machine, while a block of code runs."""

import contextlib
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import torch

from helpers.errors import CourseError
from helpers.training.jobs import end, reason, start


@contextlib.contextmanager
def serve(model: Path | str, port: int = 0, wait: float = 120) -> Iterator[str]:
    """Serves the model in a folder with `transformers serve` while the block runs; gives the address for a client.

    port: 0 takes one that the operating system says is free. Raises CourseError if the port is taken or is none, or if
    the server does not answer within `wait` seconds. A proxy that the environment names is not asked for the server.
    """
    port = _free_port(port)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    command = ("transformers", "serve", str(Path(model).resolve()), "--host", "127.0.0.1", "--port", str(port))
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        env = {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}  # all is in the folder; it would ask the hub all the same
        process = start((*command, "--device", device, "--dtype", "float32"), model, env, output)
        try:
            until = time.monotonic() + wait
            while not _answers(f"http://127.0.0.1:{port}/health"):
                if process.poll() is not None or time.monotonic() > until:
                    output.seek(0)
                    raise CourseError(f"The server did not start ({reason(output.read())}): is that a model's folder?")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            end(process)


def _free_port(port: int) -> int:
    """The port, or for 0 one of the operating system's choice, once this machine lets a server have it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will: a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
        except OSError:
            raise CourseError(f"Port {port} is taken by another program: pass another, or 0 for a free one.") from None
        except (OverflowError, TypeError):
            raise CourseError(f"{port!r} is no port: pass a number up to 65535, or 0 for a free one.") from None


def _answers(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy for itself
    try:
        return direct.open(address, timeout=2).status == 200
    except (urllib.error.URLError, OSError):
        return False
