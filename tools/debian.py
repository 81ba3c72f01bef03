"""Installs a Debian package where this user may; needs nothing but Python, since it runs before there is a .venv."""

import os
import shutil
import subprocess
import sys


def install(package: str) -> bool:
    """Whether apt-get installed the package: as root, or by sudo where that asks for no password."""
    root = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if not all(map(shutil.which, [*root[:1], "apt-get"])):
        return False
    print(f"Installing {package} ...", flush=True)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    for action in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        done = subprocess.run([*apt, *action], capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            print(done.stderr.strip(), file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(not install(sys.argv[1]))
