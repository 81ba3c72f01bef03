"""Live pictures follow a real run; the experiment starts, stops, compares and exports real runs of nano."""

import io
import time

import pandas as pd
import pytest
from PIL import Image

from helpers.dataset import commands
from helpers.ui import live


@pytest.fixture(scope="module")
def data():
    rows = commands.load()
    return rows["train"], rows["validation"].select(range(16))


@pytest.fixture
def lab(data):
    made = live.Experiment(*data)
    made.steps.value, made.batch.value = 6, 4
    yield made
    made.stop.set()
    if made.thread:
        made.thread.join(60)


def run_to_its_end(lab):
    lab.run.click()
    lab.thread.join(60)
    assert not lab.thread.is_alive()


def test_a_run_is_drawn_and_kept_beside_the_one_before(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lab.export.click()
    assert lab.status.value == "There is no run to export yet."
    run_to_its_end(lab)
    first = lab.picture.value
    lab.rate.value = 1e-3
    run_to_its_end(lab)
    assert lab.status.value.startswith("run 2: done after 6 updates")
    assert list(lab.table["learning_rate"]) == [pytest.approx(10**-2.5, rel=0.3), pytest.approx(1e-3)]
    assert lab.picture.value not in (b"", first) and "run 2" in lab.shown.value
    assert not lab.run.disabled and lab.halt.disabled
    lab.export.click()
    assert lab.status.value == "Written to experiments.csv."
    assert len(pd.read_csv("experiments.csv")) == 2


@pytest.mark.alone
def test_stop_is_heard_at_once_and_twice_is_no_harm(lab):
    lab.steps.value = 120
    lab.run.click()
    while not lab.status.value.startswith("run 1: update") and lab.thread.is_alive():
        time.sleep(0.05)
    began = time.monotonic()
    lab.halt.click()
    lab.halt.click()
    lab.thread.join(60)
    assert time.monotonic() - began < 5
    assert "stopped after" in lab.status.value and lab.table["updates done"][0] < 120


def test_run_pressed_while_running_starts_no_second_run(lab):
    lab.steps.value = 60
    lab.run.click()
    thread = lab.thread
    lab.start()  # a click that came before the button was greyed
    assert lab.thread is thread and lab.status.value == "A run is going on: press Stop, or wait for its end."
    lab.halt.click()
    thread.join(60)
    assert len(lab.table) == 1


@pytest.mark.parametrize("end", ["min", pytest.param("max", marks=pytest.mark.slow)])
def test_sliders_at_their_ends_give_a_run(lab, end):
    for slider in (lab.rate, lab.batch, lab.warmup, lab.examples):
        value = getattr(slider, end)
        slider.value = 10**value if slider is lab.rate else value
    run_to_its_end(lab)
    assert lab.status.value.startswith("run 1: done after 6 updates"), lab.status.value
    lab.batch.value, lab.steps.value = 4, getattr(lab.steps, end)
    run_to_its_end(lab)
    assert lab.status.value.startswith("run 2: "), lab.status.value
    assert 0 < lab.table["updates done"][1] <= lab.steps.value


def test_a_run_that_fails_says_why(lab):
    lab.model_name = "no-such-folder/model"
    run_to_its_end(lab)
    assert lab.status.value.startswith("The run failed: ") and "no-such-folder" in lab.status.value
    assert not lab.run.disabled


def test_a_run_is_ended_when_its_time_is_up(lab, monkeypatch):
    monkeypatch.setattr(live, "SECONDS", 0.3)
    lab.steps.value = 120
    run_to_its_end(lab)
    assert "ended by the limit of 0.3 s, after" in lab.status.value


def test_a_disk_that_cannot_be_written_is_said(lab, tmp_path):
    run_to_its_end(lab)
    lab.write(tmp_path / "no" / "such" / "folder.csv")
    assert "directory" in lab.status.value


@pytest.fixture(scope="module")
def picture(nano_trainer):
    """The live picture after a real run of nano."""
    trainer = nano_trainer(24, max_steps=6, logging_steps=1, per_device_train_batch_size=4)
    shown = live.LivePicture()
    shown.instead_of_printing(trainer)
    trainer.train()
    return shown


def test_live_picture_follows_the_run_to_its_end(picture):
    assert picture.bar.value == picture.bar.max == 6
    assert picture.status.value == "step 6 of 6 · done"
    assert Image.open(io.BytesIO(picture.image.value)).width > 600


def test_live_picture_replaces_what_the_trainer_prints(picture, capsys):
    assert "loss" not in capsys.readouterr().out
