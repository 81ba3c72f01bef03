"""Run logs in widgets: runs laid over one another, a game of diagnosis, a log that a reader drops in."""

import json
from datetime import datetime

from helpers.training import run_log
from helpers.ui import run_logs
from tests.ui.widgets import by_label


def test_run_explorer_lays_runs_over_one_another():
    runs = run_log.gallery()
    box = run_logs.compare_runs(runs)
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
    runs = {name: run for name, run in run_log.gallery().items() if name in ("overfit", "healthy_0")}
    box = run_logs.game(runs)
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
    box = run_logs.own_log()
    (upload,), picture, result = box.children[0].children, box.children[1], box.children[2]
    rest = {"type": "", "last_modified": datetime.now()}
    give = lambda name, content: setattr(
        upload, "value", ({"name": name, "size": len(content), "content": memoryview(content), **rest},)
    )
    give("trainer_state.json", json.dumps({"log_history": run_log.recorded("overfit")["log"]}).encode())
    assert "overfitting" in result.value and picture.value
    give("photo.json", b"\x89PNG")
    assert "does not read" in result.value and picture.layout.display == "none"  # it showed the log before
    give("short.csv", b"step,loss\n1,2")
    assert "cannot tell" in result.value and "lower logging_steps" in result.value
