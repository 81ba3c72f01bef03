"""Install the course from this folder, without network: python3 install.py [FOLDER]. It needs Python 3.11 or newer."""

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

STICK = Path(__file__).resolve().parent
OWN = "%d.%d" % sys.version_info[:2]  # noqa: UP031  an older Python must get far enough to be told


def run(step, command, **options):
    """Run one command of the installation; end with one sentence if it fails."""
    done = subprocess.run([str(part) for part in command], **options)
    if done.returncode:
        platforms = (STICK / "platforms.txt").read_text(encoding="utf-8").strip().replace("\n", "; ")
        sys.exit(
            f"{step} failed, see above. This is Python {OWN} on {sys.platform}; the stick's wheels are for: "
            f"{platforms}. If that is another Python or system, ask the instructor for a stick that fits."
        )


def quoted(path):
    return f'"{path}"' if " " in str(path) else str(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path.home() / "sft-course", help="a new folder")
    folder = parser.parse_args().folder.absolute()
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(f"This course needs Python 3.11 or newer, and this is {OWN}: install one, then run this with it.")
    if (folder / ".venv" / "ready").exists():
        sys.exit(f"The course is in {folder} already: choose another folder, or delete that one first.")
    print(f"Copying the course to {folder} ...", flush=True)
    shutil.copytree(STICK / "course", folder, dirs_exist_ok=True)

    print("Installing the packages, which takes some minutes ...", flush=True)
    environment = folder / ".venv"
    # Without pip: some systems' Python cannot bring its own. The wheel of pip can run as it is.
    venv.create(environment, clear=True, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wheels = STICK / "wheels"
    pip = [python, next(wheels.glob("pip-*.whl")) / "pip", "--disable-pip-version-check", "install", "--quiet"]
    # Nobody's settings may send pip elsewhere, and the model is taken from the same folder.
    offline = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # As an address, since pip takes a space in a path for the beginning of another one.
    offline.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels.as_uri(), PIP_CONFIG_FILE=os.devnull, HF_HUB_OFFLINE="1")
    offline["PYTHONWARNINGS"] = "ignore"  # setuptools advises whoever builds packages; nobody here does
    packages = ["pip", "setuptools", "--requirement", STICK / "requirements.txt", "--editable", folder]
    run("Installing the packages", [*pip, *packages], env=offline)

    if (STICK / "cache").is_dir():
        run("Copying the dataset", [python, "-m", "tools.stick", "--unpack-cache", STICK], cwd=folder, env=offline)
        run("Preparing the model", [python, "-m", "helpers.model"], cwd=folder, env=offline)
    (environment / "ready").touch()  # what make looks for, so that make lab installs nothing again
    print("Ready. To open the course:")
    print(f"    cd {quoted(folder)}")
    print(f"    {quoted(python.with_name('jupyter'))} lab notebooks")


if __name__ == "__main__":
    main()
