"""Who asks for another machine: a guard in every Python process, and a network namespace that counts for all others."""

import os
import subprocess
from pathlib import Path

# Python runs it before a program's own first line, in each process that inherits PYTHONPATH.
GUARD = """
import os, sys

HERE = ("127.", "::1", "localhost", "0.0.0.0")
NAMES = ("socket.getaddrinfo", "socket.gethostbyname")
ADDRESSES = ("socket.connect", "socket.sendto", "socket.sendmsg")


def note(event, arguments):
    if event in NAMES:
        host = arguments[0]
    elif event in ADDRESSES and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host and not host.startswith(HERE):
        with open(os.environ["GUARD_LOG"], "a", encoding="utf-8") as log:
            log.write(f"{host} ({event} in {' '.join(sys.orig_argv)[:200]})\\n")


sys.addaudithook(note)
"""
# Only the loopback is up, so the kernel counts each packet for another machine as one without a route.
COUNT = 'ip link set lo up && "$@"; code=$?; cat /proc/net/snmp /proc/net/snmp6 > "$COUNTED"; exit $code'


def guarded(folder: Path) -> dict[str, str]:
    """Variables for a process whose Python, and that of its children, writes who asks for another machine to a log."""
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    paths = [str(folder / "guard"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "GUARD_LOG": str(folder / "guard.log")}


def asked_for(folder: Path) -> list[str]:
    """What the guard of `guarded(folder)` has written: one line for each time another machine was asked for."""
    log = folder / "guard.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def can_isolate() -> bool:
    """Whether this machine lets its users make network namespaces: Linux with unshare and ip, where not forbidden."""
    try:
        return not subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True).returncode
    except OSError:
        return False


def isolated(command: list[str], counts: Path, **options) -> tuple[subprocess.CompletedProcess, int]:
    """Run the command without any network but the loopback; what became of it, and how many packets had no route."""
    env = options.pop("env", os.environ) | {"COUNTED": str(counts)}
    done = subprocess.run(["unshare", "-rn", "sh", "-c", COUNT, "sh", *command], env=env, **options)
    lines = [line.split() for line in counts.read_text(encoding="utf-8").splitlines()]
    names, values = [line for line in lines if line[0] == "Ip:"]
    version_6 = dict(line for line in lines if len(line) == 2)
    return done, int(values[names.index("OutNoRoutes")]) + int(version_6.get("Ip6OutNoRoutes", 0))
