"""requirements.txt pins what the course imports, and requirements.lock is made from it."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

import lessons
from helpers.paths import ROOT

OWN = {"helpers", "tools", "tests", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
FOLDERS = ("helpers", "tools", "tests", "notebooks")
# Not locked, since each machine has a build of its own: PyTorch and what comes with its build for NVIDIA's GPUs.
OF_TORCH = ("torch", "triton", "nvidia-", "cuda-")


def pinned(text: str) -> dict[str, str]:
    """{name: version} of the lines `name==version` in a file of requirements; names as PyPI writes them."""
    pins = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


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
        packages = [re.sub(r"[-_.]+", "-", package).lower() for package in from_packages.get(module, [])]
        if not set(packages) & set(requirements):
            unpinned[module] = f"{path} imports it from {packages or 'a package that is not installed'}"
    assert not unpinned
