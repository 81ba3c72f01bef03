"""requirements.txt pins what the course imports, and requirements.lock is made from it."""

import ast
import re
import sys
from importlib.metadata import distribution, packages_distributions

import pytest
from packaging.requirements import Requirement

import lessons
from helpers.paths import ROOT
from tools.lock import without_pytorch

OWN = {"helpers", "tools", "tests", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
FOLDERS = ("helpers", "tools", "tests", "notebooks")


def plain(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> dict[str, str]:
    """{name: version} of the lines `name==version` in a file of requirements."""
    return {plain(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def requirements():
    return pinned((ROOT / "requirements.txt").read_text("utf-8"))


@pytest.fixture(scope="module")
def lock():
    return (ROOT / "requirements.lock").read_text("utf-8")


def imported() -> dict[str, str]:
    """{module of another project: a file that imports it}, notebooks included."""
    trees = [(path, ast.parse(path.read_text("utf-8"))) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    for path in lessons.LESSONS + lessons.SOLUTIONS:
        trees += [(path, lessons.tree(cell)) for cell in lessons.code_cells(lessons.read(path))]
    found = {}
    for path, tree in trees:
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {module: path for module, path in found.items() if module not in OWN | sys.stdlib_module_names}


def test_whatever_is_imported_is_pinned_by_name(requirements):
    from_packages = packages_distributions()
    unpinned = {}
    for module, path in imported().items():
        packages = [plain(package) for package in from_packages.get(module, [])]
        if not set(packages) & set(requirements):
            unpinned[module] = f"{path} imports it from {packages or 'a package that is not installed'}"
    assert not unpinned


def test_the_lock_agrees_with_the_requirements(requirements, lock):
    locked = pinned(lock)
    parted = {name for name, version in requirements.items() if locked.get(name) != version}
    assert parted == {"torch"}, "call make lock"


def test_the_lock_holds_whatever_the_installed_packages_need(requirements, lock):
    locked = {*pinned(lock), "torch"}
    missing = {}
    for name in requirements:
        for line in distribution(name).requires or []:
            needed = Requirement(line)
            wanted = not needed.marker or needed.marker.evaluate({"extra": ""})
            if wanted and name != "torch" and plain(needed.name) not in locked:
                missing[needed.name] = name
    assert not missing, "call make lock"


def test_each_locked_package_has_a_hash(lock):
    entries = re.split(r"^(?=[a-zA-Z])", lock, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(pinned(lock)) > 150
    assert not [entry for entry in entries if not re.search(r"^    --hash=sha256:[0-9a-f]{64}\b", entry, re.MULTILINE)]


def test_pytorch_and_its_builds_are_left_out(lock):
    entry = "{}==1.0 \\\n    --hash=sha256:00\n"
    names = ["torch", "triton", "nvidia-nvtx", "cuda-toolkit", "tornado"]
    assert without_pytorch("".join(map(entry.format, names))) == entry.format("tornado")
    assert without_pytorch(lock) == lock
