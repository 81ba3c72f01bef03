"""Notebook 05 under a reader's mistakes and accidents: each ends in one sentence, and nothing is lost."""

import shutil

import pytest

import cells
import lessons
from helpers.errors import CourseError
from helpers.training import run_log

PATH = next(path for path in lessons.LESSONS if path.name.startswith("05_"))
NOTEBOOK = lessons.read(PATH)
SOURCE = {cell.id: cell.source for cell in NOTEBOOK.cells}


def up_to(last: str, **changed) -> dict:
    return cells.up_to(NOTEBOOK, last, **changed)


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


def test_a_small_disk_is_refused_before_the_run(small_disk):
    with pytest.raises(CourseError, match="no room for the checkpoints.*change output_dir"):
        up_to("trainer", output_dir=str(small_disk / "run"))


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    settings = dict(train_examples=1600, max_steps=96)
    checkpoint = tmp_path / "outputs/05/checkpoint-20"
    with cells.Kernel(tmp_path) as kernel:
        printed = kernel.up_to(
            NOTEBOOK,
            "train",
            interrupt_when=lambda: (checkpoint / "trainer_state.json").exists(),
            skip=("before-commands", "score-before"),
            **settings,
        )
    assert printed.startswith("CourseError: You stopped the run at step ") and "resume = True" in printed
    assert "Traceback" not in printed
    stopped_at = int(printed.split("at step ")[1].split(":")[0])
    assert 20 <= stopped_at < 96


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
