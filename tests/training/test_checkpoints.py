"""Checkpoints: a run goes on from the last whole one, as the same run or not at all, and accidents are sentences."""

import json
import subprocess
import sys
import textwrap

import pytest

from helpers.errors import CourseError
from helpers.training import checkpoints

MADE_OF = {"file": "my.csv", "sha256": "abc", "model": "nano", "seed": 0}


def saved(folder, step, state='{"global_step": 1}'):
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    if state is not None:
        (checkpoint / "trainer_state.json").write_text(state)
    return checkpoint


def test_half_a_checkpoint_is_passed_over(tmp_path):
    whole = saved(tmp_path, 40)
    (
        saved(tmp_path, 5),
        saved(tmp_path, 60, state='{"global_st'),
        saved(tmp_path, 100, state=None),
        saved(tmp_path, 80, ""),
    )
    (tmp_path / "checkpoint-last").mkdir()
    assert checkpoints.last_whole(tmp_path) == whole and checkpoints.step_of(whole) == 40
    assert checkpoints.last_whole(tmp_path / "nowhere") is None and checkpoints.step_of(None) == 0


def test_a_new_run_removes_old_checkpoints_and_notes_what_it_is_made_of(tmp_path):
    saved(tmp_path / "run", 20)
    assert checkpoints.begin(tmp_path, tmp_path / "run", False, MADE_OF) is None
    assert not (tmp_path / "run").exists()
    assert json.loads((tmp_path / "started.json").read_text()) == MADE_OF


def test_the_same_run_goes_on(tmp_path):
    checkpoints.begin(tmp_path, tmp_path / "run", False, MADE_OF)
    whole = saved(tmp_path / "run", 20)
    assert checkpoints.begin(tmp_path, tmp_path / "run", True, MADE_OF) == whole


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"sha256": "def"}, "my.csv has changed since the run in .* began: set resume = False"),
        ({"file": "your.csv", "sha256": "def"}, "your.csv is another file since the run"),
        ({"model": "smollm2"}, "model is 'smollm2', and was 'nano' when the run began: put it back"),
        ({"seed": 1}, "seed is 1, and was 0 when"),
    ],
)
def test_another_run_does_not_go_on_and_loses_nothing(changed, says, tmp_path):
    checkpoints.begin(tmp_path, tmp_path / "run", False, MADE_OF)
    whole = saved(tmp_path / "run", 20)
    with pytest.raises(CourseError, match=says):
        checkpoints.begin(tmp_path, tmp_path / "run", True, MADE_OF | changed)
    assert checkpoints.last_whole(tmp_path / "run") == whole
    assert json.loads((tmp_path / "started.json").read_text()) == MADE_OF


def test_a_marker_that_does_not_read_is_no_obstacle(tmp_path):
    (tmp_path / "started.json").write_text("{")
    assert checkpoints.begin(tmp_path, tmp_path / "run", True, MADE_OF) is None


LIMITED = """
    import resource, sys
    from pathlib import Path
    from helpers.errors import CourseError
    from helpers.training import checkpoints
    from helpers.training.nano_run import nano_trainer
    from helpers.dataset import commands

    folder = Path(sys.argv[1])
    rows = commands.load()["train"].select(range(16))
    saving = dict(save_strategy="steps", save_steps=1, save_total_limit=1)
    trainer = nano_trainer(rows, output_dir=str(folder), max_steps=3, **saving)
    {limit}
    try:
        with checkpoints.accidents_explained(trainer):
            trainer.train()
    except CourseError as error:
        print(error)
    print(checkpoints.last_whole(folder))
"""
# A limit on the size of a file makes the kernel refuse a write halfway, as a full disk does; it comes with the second
# checkpoint, so that there is a first one to keep.
FULL = """
    from transformers import TrainerCallback
    class Fill(TrainerCallback):
        def on_save(self, *args, **kwargs):
            resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
    trainer.add_callback(Fill())
"""
# The address space may not grow, and the step asks for a block that is far too large.
NO_MEMORY = """
    import torch
    from transformers import TrainerCallback
    class Grow(TrainerCallback):
        def on_step_end(self, *args, **kwargs):
            resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
            torch.empty(2**42, dtype=torch.uint8)
    trainer.add_callback(Grow())
"""


def of_a_process_with(limit: str, folder) -> list[str]:
    code = textwrap.dedent(LIMITED).replace("{limit}", textwrap.dedent(limit))
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-2:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="these limits are Linux's")
class TestAccidents:
    def test_a_full_disk_says_how_to_go_on_and_keeps_the_checkpoint_before(self, tmp_path):
        sentence, kept = of_a_process_with(FULL, tmp_path)
        assert sentence.startswith("Could not write") and "free some space, set resume = True" in sentence
        assert kept == str(tmp_path / "checkpoint-1")

    def test_no_memory_says_what_needs_less(self, tmp_path):
        sentence, _ = of_a_process_with(NO_MEMORY, tmp_path)
        assert sentence.startswith("There is not enough memory") and "lower batch_size" in sentence
