"""Notebook 11 with a recorded run in the place of its training, for a class that cannot wait."""

import functools

import pytest

import lessons
from helpers.errors import CourseError
from helpers.training import run_log

PATH = next(path for path in lessons.LESSONS if path.name.startswith("11_"))
up_to = functools.partial(lessons.run_up_to, PATH)


def test_the_recorded_run_is_not_taken_for_a_file_of_the_reader_s(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="set use_recorded = False"):
        up_to("check-parameters", use_recorded=True, data_path="mine.csv")


@pytest.mark.slow
def test_a_recorded_run_takes_the_place_of_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_log, "RUNS", tmp_path)
    made = up_to("key-figures", record_as="11_full")
    recorded = (tmp_path / "11_full.json").read_bytes()
    gone_on = up_to("key-figures", use_recorded=True, record_as="11_full")
    assert made["trainer"].state.global_step > 0 and gone_on["trainer"].state.global_step == 0
    assert gone_on["log"]["step"].tolist() == made["log"]["step"].tolist()
    assert gone_on["answers"]["after training"] == made["answers"]["after training"]
    assert gone_on["answer_of"](gone_on["questions"][0])  # a model that answers
    assert any("recorded" in limit for limit in gone_on["limits"])
    assert (tmp_path / "11_full.json").read_bytes() == recorded
    with pytest.raises(CourseError, match="held out other rows"):
        up_to("evaluate", use_recorded=True, seed=7)


def test_the_run_that_use_recorded_takes_holds_all_that_it_needs():
    run = run_log.recorded("11_full")
    assert {"log", "asked", "answers"} <= set(run) and len(run["asked"]) == len(run["answers"])
