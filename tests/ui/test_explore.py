"""Explorers, driven in the kernel: a changed choice redraws picture and numbers."""

import io
import json
from datetime import datetime

import pytest
from PIL import Image

from helpers import curves, explorers, models


def by_label(box):
    """{description: widget} of all that a box holds."""
    found = {}
    for child in getattr(box, "children", ()):
        found |= by_label(child)
        if getattr(child, "description", ""):
            found[child.description] = child
    return found


def test_schedule_explorer_counts_as_the_trainer_does():
    box = explorers.schedule_explorer(600)
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    choices["batch"].value, choices["accumulation"].value = 8, 4
    before = picture.value
    assert "<td>19</td>" in result.value.replace("19.0", "19")
    choices["epochs"].value = 2
    assert "<td>38</td>" in result.value.replace("38.0", "38") and picture.value != before
    for kind in explorers.SCHEDULES:
        choices["scheduler"].value = kind
        assert Image.open(io.BytesIO(picture.value)).width > 500


@pytest.mark.parametrize("end", ["min", "max"])
def test_sliders_of_the_schedule_at_their_ends(end):
    box = explorers.schedule_explorer(2392)
    for choice in by_label(box).values():
        if hasattr(choice, "min"):
            choice.value = getattr(choice, end)
    assert "updates" in box.children[2].value


def test_memory_explorer_says_what_fits():
    box = explorers.memory_explorer({"small": models.config("nano"), "7B": models.config("Qwen/Qwen2.5-7B")})
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    before, small = picture.value, result.value
    choices["model"].value = "7B"
    assert result.value != small and picture.value != before
    whole = result.value
    choices["train"].value = "LoRA, rank 8"
    assert result.value != whole
    for slider in (choices["batch"], choices["tokens"]):
        slider.value = slider.max
    choices["gradient checkpointing"].value = True
    largest = result.value
    for slider in (choices["batch"], choices["tokens"]):
        slider.value = slider.min
    assert "activations (GB)" in largest and result.value != largest


def test_run_explorer_lays_runs_over_one_another():
    runs = curves.gallery()
    box = explorers.run_explorer(runs)
    choices, picture, result = by_label(box), box.children[1], box.children[2]
    choices["runs"].value = ("healthy_0", "overfit")
    assert "healthy_0: healthy" in result.value and "overfit: overfitting" in result.value
    plain = picture.value
    choices["mean of lines"].value = 9
    choices["logarithmic loss"].value = True
    assert picture.value != plain
    choices["runs"].value = ()
    assert result.value == ""


def test_game_scores_an_answer_once_and_explains_it():
    runs = {name: run for name, run in curves.gallery().items() if name in ("overfit", "healthy_0")}
    box = explorers.game(runs)
    choices, score, result = by_label(box), box.children[2], box.children[3]
    choices["Answer"].click()
    assert result.value == "Choose an answer first." and score.value == ""
    for asked in (1, 2):
        choices["It is"].value = "overfitting"
        choices["Answer"].click()
        assert f"of {asked} right" in score.value and "the rules say" in result.value
        choices["Answer"].click()  # a second click on the same run counts for nothing
        assert result.value == "Answered: press Next run." and f"of {asked} right" in score.value
        choices["Next run"].click()
        assert choices["It is"].value == "choose" and result.value == ""
    assert score.value == "1 of 2 right"


def test_a_log_that_is_dropped_in_is_judged():
    box = explorers.own_log()
    upload, picture, result = box.children
    rest = {"type": "", "last_modified": datetime.now()}
    give = lambda name, content: setattr(
        upload, "value", ({"name": name, "size": len(content), "content": memoryview(content), **rest},)
    )
    give("trainer_state.json", json.dumps({"log_history": curves.recorded("overfit")["log"]}).encode())
    assert "overfitting" in result.value and picture.value
    give("photo.json", b"\x89PNG")
    assert "does not read" in result.value and picture.layout.display == "none"  # it showed the log before
    give("short.csv", b"step,loss\n1,2")
    assert "too few for a diagnosis" in result.value
