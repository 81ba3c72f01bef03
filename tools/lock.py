"""`make lock`: writes requirements.lock, the packages of requirements.txt and all that they need, with their hashes.

One file serves Linux, macOS and Windows, and every Python from 3.11 on. What it locked before stays at its version
while requirements.txt allows it. PyTorch is left out, with what comes with its builds: each machine has its own build,
and the builds for CPUs have other hashes than those of the package index.
"""

import re
import subprocess
import sys

from helpers.paths import ROOT

LOCK = ROOT / "requirements.lock"
OF_PYTORCH = ("torch", "triton", "nvidia", "cuda")
HEADER = "# Written by `make lock` from requirements.txt, without PyTorch and what comes with its builds.\n"


def without_pytorch(lock: str) -> str:
    """The text of a lock without PyTorch's entries: an entry is a line `name==version` and the lines of its hashes."""
    entries = re.split(r"^(?=[a-zA-Z])", lock, flags=re.MULTILINE)
    return "".join(entry for entry in entries if re.split(r"[-=]", entry)[0] not in OF_PYTORCH)


def pins() -> list[str]:
    """The lines `name==version` of requirements.lock, with their markers and without their hashes."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line[:1].isalnum()]


def main() -> int:
    options = [
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
    ]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, "requirements.txt", "--output-file", str(LOCK)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if not done.returncode:
        LOCK.write_text(HEADER + without_pytorch(LOCK.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
