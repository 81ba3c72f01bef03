"""Workflows and the dev container call commands that there are; how they are linted, CONTRIBUTING.md says."""

import importlib.util
import json
import os
import re

import pytest
import yaml

from helpers.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path) -> list[dict]:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def assert_there_is(command: str) -> None:
    """`make target`, `.venv/bin/python -m module` or a script of the project."""
    words = command.split()
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), command
    elif words[0] == ".venv/bin/python":
        assert words[1] == "-m" and importlib.util.find_spec(words[2]), command
    else:
        assert os.access(ROOT / words[0], os.X_OK), command


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_what_there_is_and_may_only_read(path):
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert commands
    for command in commands:
        assert_there_is(command)
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert all(re.search(r"@[0-9a-f]{40}$", action) for action in used), "an action is pinned by its commit"


def test_one_workflow_checks_the_course_and_one_the_newest_libraries():
    commands = {step.get("run", "").split(" --")[0] for path in WORKFLOWS for step in steps(path)}
    assert commands >= {".ci/run", ".venv/bin/python -m tools.newest"}


def test_the_dev_container_calls_make_setup():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert container["postCreateCommand"] == "make setup"
    assert_there_is(container["postCreateCommand"])
