"""Notebook 05 under a reader's mistakes and accidents: each ends in one sentence, and nothing is lost."""

import functools
import os
import shutil
import subprocess

import pytest
from jupyter_client.manager import start_new_kernel

import lessons
from helpers.errors import CourseError
from helpers.training import run_log

PATH = next(path for path in lessons.LESSONS if path.name.startswith("05_"))
NOTEBOOK = lessons.read(PATH)
SOURCE = {cell.id: cell.source for cell in NOTEBOOK.cells}
NANO = lessons.nano_parameters(NOTEBOOK)


up_to = functools.partial(lessons.run_up_to, PATH)


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate", 0),
        ("learning_rate", -2e-4),
        ("learning_rate", "high"),
        ("max_steps", 0),
        ("batch_size", 0),
        ("epochs", 0.0),
        ("train_examples", -5),
    ],
)
def test_a_wrong_parameter_is_named(name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=rf"^{name} is {value!r}: make it a number above 0 and run the cell again\.$"):
        up_to("check-parameters", **{name: value})


def test_checkpoints_of_an_earlier_run_are_removed_unless_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old, mine = tmp_path / "outputs/05/checkpoint-7", tmp_path / "outputs/05/notes"
    old.mkdir(parents=True)
    mine.mkdir()
    up_to("check-parameters", resume=True)
    assert old.exists()
    up_to("check-parameters")
    assert not old.exists() and mine.exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_small_disk_is_refused_before_the_run(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(small)], check=True)
    try:
        with pytest.raises(CourseError, match="no room for the checkpoints.*change output_dir"):
            up_to("trainer", output_dir=str(small / "run"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


class Kernel:
    """A Jupyter kernel in a folder: runs cells and gives what they printed, or the error's sentence."""

    def __init__(self, folder):
        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=str(folder))

    def run(self, source: str, interrupt_when=None) -> str:
        printed, sent = [], False
        message = self.client.execute(source)
        while True:
            if interrupt_when and not sent and interrupt_when():
                self.manager.interrupt_kernel()
                sent = True
            try:
                reply = self.client.get_iopub_msg(timeout=0.2)
            except Exception:  # nothing within that time
                continue
            if reply["parent_header"].get("msg_id") != message:
                continue
            if reply["msg_type"] == "stream":
                printed.append(reply["content"]["text"])
            elif reply["msg_type"] == "error":
                printed.extend(reply["content"]["traceback"])
            elif reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                return "".join(printed)

    def up_to(self, last: str, interrupt_when=None, **changed) -> str:
        """Like lessons.run_up_to, in this kernel; gives what the cell `last` said."""
        for cell in lessons.code_cells(NOTEBOOK):
            if cell.id in ("before-commands", "score-before"):
                continue  # they take time and change nothing
            printed = self.run(cell.source, interrupt_when if cell.id == last else None)
            if cell.id == "parameters":
                self.run("\n".join(f"{k} = {v!r}" for k, v in (NANO | changed).items()))
            if cell.id == last:
                return printed
            assert "Error" not in printed, printed
        raise ValueError(last)

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    settings = dict(train_examples=1600, max_steps=96)
    checkpoint = tmp_path / "outputs/05/checkpoint-20"
    kernel = Kernel(tmp_path)
    try:
        printed = kernel.up_to("train", interrupt_when=lambda: (checkpoint / "trainer_state.json").exists(), **settings)
        assert printed.startswith("CourseError: You stopped the run at step ") and "resume = True" in printed
        assert "Traceback" not in printed
        stopped_at = int(printed.split("at step ")[1].split(":")[0])
        assert 20 <= stopped_at < 96
    finally:
        kernel.stop()


@pytest.mark.slow
def test_lora_is_one_parameter_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = up_to("save-and-reload", use_lora=True, max_steps=4, score_examples=8)
    assert known["trainable"] < known["total"] / 4
    assert known["config"].learning_rate == known["lora_learning_rate"]
    assert (tmp_path / "outputs/05/model/model.safetensors").exists()


def test_the_run_that_use_recorded_takes_holds_all_that_it_needs():
    run = run_log.recorded("05_full")
    assert set(run.get("answers", ())) == {"validation", "natural"}, "python -m tools.course record 05_full"
    assert any("valid" in line for line in run["log"])


@pytest.mark.slow
def test_a_recorded_run_takes_the_place_of_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("bench", "05_full", "05_lora"):
        shutil.copy(run_log.RUNS / f"{name}.json", tmp_path)
    monkeypatch.setattr(run_log, "RUNS", tmp_path)
    made = up_to("key-figures", record_as="05_full", score_examples=40)
    recorded = (tmp_path / "05_full.json").read_bytes()
    gone_on = up_to("key-figures", use_recorded=True, record_as="05_full", score_examples=60)
    assert gone_on["trainer"].state.global_step == 0
    assert gone_on["log"]["step"].tolist() == made["log"]["step"].tolist()
    assert gone_on["during"].round(3).equals(made["during"].round(3))
    for split, scores in gone_on["after"].items():
        assert scores.rows["answer"].tolist() == made["after"][split].rows["answer"].tolist()
    assert gone_on["reloaded"].num_parameters() == gone_on["tuned"].num_parameters()  # a model that answers
    assert (tmp_path / "05_full.json").read_bytes() == recorded
