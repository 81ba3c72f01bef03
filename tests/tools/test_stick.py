"""A stick made by `make stick` installs the course where there is no network, and says for whom its wheels are."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment

from lessons import ROOT
from tools import lock, stick

FEW = (
    "filelock==4.2.11  # pins with a reason, as in requirements.txt\n\n# two that need nothing\nplatformdirs==4.14.7\n"
)


def command(folder: Path, *options: str) -> subprocess.CompletedProcess:
    call = [sys.executable, "-m", "tools.stick", str(folder), *options]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True)


def require_registry(tmp_path: Path) -> None:
    """Skip where pip reaches no packages at all: a stick is made with a network."""
    probe = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--dest",
        str(tmp_path / "probe"),
        "filelock==4.2.11",
    ]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("pip reaches no package here, and a stick is made where it does")


def offline(call: list[str], **options) -> subprocess.CompletedProcess:
    """Run where there is no network but the loopback; skip where no namespace of one's own is allowed."""
    tools = [tool for tool in ("unshare", "ip") if not shutil.which(tool)]
    if tools:
        pytest.skip(f"this system has no {tools[0]}, so the network cannot be taken away")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this system allows no network namespace of one's own (unshare -rn)")
    inside = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *call]
    return subprocess.run(inside, capture_output=True, text=True, **options)


@pytest.mark.slow
def test_a_stick_installs_without_network(tmp_path):
    """A short list of packages stands in for requirements.txt, whose wheels are large; all else is the real thing."""
    require_registry(tmp_path)
    few, folder, target = tmp_path / "few.txt", tmp_path / "a stick", tmp_path / "a laptop"
    few.write_text(FEW, encoding="utf-8")
    made = command(folder, "--requirements", str(few), "--no-model")
    assert made.returncode == 0, made.stderr
    names = {path.name.partition("-")[0] for path in (folder / "wheels").glob("*.whl")}
    assert names == {"filelock", "platformdirs", "pip", "setuptools"}
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]}" in made.stdout.splitlines()[-1]

    base = Path(sys.base_prefix) / "bin" / "python3"  # no pip of the tests' environment can help
    own = os.environ | {"PYTHON": str(base), "HOME": str(tmp_path), "SFT_COURSE_CACHE": str(tmp_path / "cache")}
    installed = offline(["sh", str(folder / "install.sh"), str(target)], env=own)
    assert installed.returncode == 0, installed.stderr
    assert installed.stdout.splitlines()[-1].endswith('jupyter" lab notebooks') and not installed.stderr
    python = target / ".venv" / "bin" / "python"
    script = "import helpers, helpers.cache, filelock; print(helpers.__file__, filelock.__file__)"
    seen = subprocess.run([python, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert seen.stdout.count(str(target)) == 2, seen.stderr
    assert (target / ".venv" / "ready").stat().st_mtime >= (target / "requirements.txt").stat().st_mtime

    again = subprocess.run(["sh", folder / "install.sh", target], env=own, capture_output=True, text=True)
    assert again.returncode == 1 and "is in " in again.stderr and again.stderr.count("\n") == 1


@pytest.mark.slow
def test_wheels_have_the_locked_versions_and_not_the_newest(tmp_path, monkeypatch):
    require_registry(tmp_path)
    older, wanted = tmp_path / "requirements.lock", tmp_path / "requirements.txt"
    older.write_text("# a lock\nmarkupsafe==3.0.1 \\\n    --hash=sha256:0\n", encoding="utf-8")
    wanted.write_text("jinja2\n", encoding="utf-8")
    monkeypatch.setattr(lock, "LOCK", older)
    stick.fetch_here(wanted, tmp_path / "wheels")
    assert [path.name.split("-")[1] for path in (tmp_path / "wheels").glob("[Mm]arkup[Ss]afe-*.whl")] == ["3.0.1"]


def test_wheels_for_a_python_run_on_its_first_release_too(tmp_path, monkeypatch):
    locked = tmp_path / "requirements.lock"
    pins = "a==2 ; python_full_version < '3.11.5'", "a==4 ; python_full_version >= '3.11.5'", "b==1 ; os_name == 'nt'"
    locked.write_text("".join(f"{pin} \\\n    --hash=sha256:0\n" for pin in pins), encoding="utf-8")
    monkeypatch.setattr(lock, "LOCK", locked)
    known = default_environment() | {"os_name": "posix"}
    assert stick._locked(known | {"python_full_version": "3.11.0"}) == {"a": "==2"}
    assert stick._locked(known | {"python_full_version": "3.12.0", "os_name": "nt"}) == {"a": "==4", "b": "==1"}


@pytest.mark.slow
def test_a_stick_for_another_python_says_which(tmp_path):
    require_registry(tmp_path)
    few, folder = tmp_path / "few.txt", tmp_path / "stick"
    few.write_text("filelock==4.2.11\n", encoding="utf-8")
    assert command(folder, "--requirements", str(few), "--no-model").returncode == 0
    (folder / "platforms.txt").write_text("windows, Python 3.13\n", encoding="utf-8")
    next((folder / "wheels").glob("filelock*")).unlink()
    failed = offline([str(Path(sys.base_prefix) / "bin" / "python3"), str(folder / "install.py"), str(tmp_path / "x")])
    assert failed.returncode == 1
    assert "the stick's wheels are for: windows, Python 3.13" in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr and not (tmp_path / "x" / ".venv" / "ready").exists()


@pytest.mark.slow
def test_wheels_for_windows_hold_what_only_windows_needs(tmp_path):
    require_registry(tmp_path)
    few, folder = tmp_path / "few.txt", tmp_path / "stick"
    few.write_text("tqdm==4.70.1\npsutil==7.2.2\n", encoding="utf-8")  # tqdm needs colorama there and nowhere else
    made = command(folder, "--requirements", str(few), "--no-model", "--platform", "windows", "--python", "3.12")
    assert made.returncode == 0, made.stderr
    names = sorted(path.name for path in (folder / "wheels").glob("*.whl"))
    assert [name.partition("-")[0] for name in names] == ["colorama", "pip", "psutil", "setuptools", "tqdm"]
    assert names[2].endswith("win_amd64.whl")
    assert made.stdout.splitlines()[-1] == "windows, Python 3.12"


def test_the_copied_course_is_what_git_tracks_and_no_file_of_a_reader(tmp_path):
    mine = ROOT / "outputs" / "test_stick_private.csv"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("private", encoding="utf-8")
    try:
        stick.copy_course(tmp_path / "course")
    finally:
        mine.unlink()
    assert (tmp_path / "course" / "notebooks" / "glossary.md").exists()
    assert (tmp_path / "course" / "data" / "nano" / "model.safetensors").exists()
    assert not list(tmp_path.rglob("test_stick_private.csv")) and not (tmp_path / "course" / ".git").exists()


def test_a_copy_without_git_leaves_out_what_gitignore_names(tmp_path, monkeypatch):
    """As on a machine that was installed from a stick and now makes another."""
    course = tmp_path / "course"
    for name in ("helpers/a.py", "outputs/mine.csv", ".venv/bin/python", "helpers/__pycache__/a.pyc", ".gitignore"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text("", encoding="utf-8")
    monkeypatch.setattr(stick, "ROOT", course)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    stick.copy_course(tmp_path / "copy")
    copied = {
        path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*") if path.is_file()
    }
    assert copied == {"helpers/a.py", ".gitignore"}


def test_the_dataset_reaches_the_other_machine_s_cache_whole(tmp_path, monkeypatch):
    stick.copy_dataset(tmp_path / "stick" / "cache")
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path / "new"))
    stick.unpack_cache(tmp_path / "stick")
    (there,) = [path for path in (tmp_path / "new").iterdir() if path.is_dir()]
    assert {path.name for path in there.glob("*.jsonl")} == {"train.jsonl", "validation.jsonl", "test.jsonl"}
    stick.unpack_cache(tmp_path / "stick")  # a second time changes nothing


def test_what_a_wheel_needs_is_read_from_it(tmp_path):
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.dist-info/METADATA", 'Name: a\nRequires-Dist: b>=2\nRequires-Dist: c; os_name == "nt"\n')
    assert stick._needs(wheel) == ["b>=2", 'c; os_name == "nt"']


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder, options, says",
    [
        ("stick", ["--platform", "amiga"], "There is no platform amiga: choose one of linux, macos, windows."),
        (ROOT / "outputs" / "stick", [], "That folder lies inside the course: choose another"),
        ("file", ["--no-model"], "Could not write"),
    ],
)
def test_bad_input_gets_one_sentence(folder, options, says, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = command(tmp_path / folder, *options)
    assert done.returncode == 2 and done.stderr.startswith(says) and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.slow
def test_pip_s_own_reason_ends_in_one_sentence(tmp_path):
    none = tmp_path / "none.txt"
    none.write_text("filelock==0.0.0.0\n", encoding="utf-8")
    own = os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    call = [sys.executable, "-m", "tools.stick", str(tmp_path / "stick"), "--requirements", str(none), "--no-model"]
    done = subprocess.run(call, cwd=ROOT, env=own, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("pip could not bring every wheel (ERROR: No matching")
    assert done.stderr.count("\n") == 1


def test_make_without_a_folder_says_what_to_call():
    call = ["make", "--silent", "--old-file=.venv/ready", "--old-file=setup", "stick"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("Call make stick FOLDER=")
