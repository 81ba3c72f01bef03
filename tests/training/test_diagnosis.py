"""Diagnosis: right on runs with a known fault that set no threshold, and clear about logs that it cannot use."""

import json
import math

import pandas as pd
import pytest

from helpers.errors import CourseError
from helpers.paths import RUNS
from helpers.training import diagnosis, run_log

GALLERY = run_log.gallery()
TESTED = {name: run for name, run in GALLERY.items() if run["recipe"]["use"] == "test"}
VISIBLE = [label for label, entry in diagnosis.diagnoses().items() if entry["in_the_log"]]


def line(step, loss, **more):
    return {"step": step, "loss": loss, **more}


FALLING = [line(10 * i, 4 / i, learning_rate=1e-4 / i) for i in range(1, 20)]


def test_at_least_nine_in_ten_unseen_runs_are_judged_rightly_and_no_healthy_one_called_ill():
    labels = {name: diagnosis.diagnose(run).label for name, run in TESTED.items()}
    visible = {name: run["recipe"]["fault"] for name, run in TESTED.items() if run["recipe"]["fault"] in VISIBLE}
    wrong = {name: labels[name] for name, fault in visible.items() if labels[name] != fault}
    assert len(wrong) <= 0.1 * len(visible), wrong
    assert not [name for name in wrong if visible[name] == "healthy"], wrong


def test_faults_that_leave_no_trace_look_healthy_but_score_badly():
    hidden = {name: run for name, run in TESTED.items() if run["recipe"]["fault"] not in VISIBLE}
    assert hidden
    assert all(diagnosis.diagnose(run).label == "healthy" for run in hidden.values())
    exact = {name: GALLERY[name]["test"]["exact"]["value"] for name in ("healthy_0", "no_end", "asked_plainly")}
    assert exact["no_end"] < exact["healthy_0"] / 2 and exact["asked_plainly"] < exact["healthy_0"] / 2


def test_the_gallery_is_as_large_as_promised_and_small_on_disk():
    model = lambda name: [run for run in GALLERY.values() if run["recipe"]["model"] == name]
    assert len(model("smollm2")) >= 14 and len(model("nano")) >= 20
    assert {run["recipe"]["fault"] for run in GALLERY.values()} == set(diagnosis.diagnoses())
    assert sum(path.stat().st_size for path in RUNS.glob("*.json")) < 3_000_000
    for name, run in GALLERY.items():
        assert run["recipe"]["fix"] in {"", *GALLERY}, name


def test_every_label_is_explained():
    for label, entry in diagnosis.diagnoses().items():
        assert all(entry[key].endswith(".") for key in ("see", "means", "do")), label


@pytest.mark.parametrize("name", ["overfit", "rate_noisy", "healthy_0"])
def test_the_same_log_is_judged_alike_wherever_it_comes_from(name, tmp_path):
    run = GALLERY[name]
    label = diagnosis.diagnose(run).label
    state, exported = tmp_path / "trainer_state.json", tmp_path / "log.csv"
    state.write_text(json.dumps({"log_history": run["log"], "global_step": 100}))
    assert diagnosis.diagnose(run_log.read(state)).label == label
    assert diagnosis.diagnose(json.loads(state.read_text())).label == label
    table = run_log.table(run["log"]).rename(columns={"loss": "train/loss", "eval_loss": "val_loss"})
    table.to_csv(exported, index=False)
    assert diagnosis.diagnose(run_log.read(exported)).label == label
    assert diagnosis.diagnose(run_log.read(json.dumps(run["log"]).encode())).label == label


def test_lines_out_of_order_are_put_in_order():
    assert diagnosis.diagnose(FALLING[::-1]).evidence == diagnosis.diagnose(FALLING).evidence
    assert run_log.table(run_log.read(json.dumps(FALLING[::-1]).encode()))["step"].is_monotonic_increasing


def test_a_log_without_validation_is_judged_on_what_there_is():
    diagnosed = diagnosis.diagnose([{k: v for k, v in e.items() if k in ("step", "loss")} for e in FALLING])
    assert diagnosed.label in VISIBLE
    assert not any(math.isnan(value) for value in diagnosed.evidence.values())


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", ["loss", "eval_loss", "grad_norm"])
def test_values_that_are_no_numbers_are_found(odd, column):
    assert diagnosis.diagnose([*FALLING, line(200, 1.0) | {column: odd}]).label == "not a number"


def test_a_nan_in_a_csv_is_no_empty_field():
    rows = "step,loss,eval_loss\n" + "".join(f"{i},{5 - i},\n" for i in range(1, 9))
    assert diagnosis.diagnose(run_log.read(rows.encode())).label != "not a number"
    assert diagnosis.diagnose(run_log.read((rows + "9,nan,\n").encode())).label == "not a number"


def test_a_spreadsheet_s_mark_of_its_encoding_is_no_part_of_the_first_name():
    assert run_log.read(b"\xef\xbb\xbfstep,loss\n1,2.5") == [{"step": 1.0, "loss": 2.5}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])  # as a spreadsheet and PowerShell write
def test_a_log_in_another_encoding_is_read(encoding):
    assert run_log.read('[{"step": 1, "loss": 2.5}]'.encode(encoding)) == [{"step": 1.0, "loss": 2.5}]


def test_an_encoding_that_cannot_be_known_is_said_in_one_sentence():
    with pytest.raises(CourseError, match="byte 22 is not UTF-8, save it in that encoding"):
        run_log.read("step,loss,note\n1,2.5,Übung".encode("cp1252"))


def test_a_constant_loss_is_judged_without_dividing_by_zero():
    assert diagnosis.diagnose([line(i, 2.0, eval_loss=2.0) for i in range(1, 12)]).label in VISIBLE


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "no training loss"),
        (b"[]", "no training loss"),
        (b"{", "does not read"),
        (b"\xff\xfe\x00", "does not read"),
        (b'{"weights": 1}', "no log_history"),
        (b'[{"step": 1, "eval_loss": 2}]', "no training loss"),
        (b'[{"loss": 2}]', "Line 1 of the log has no step"),
        (b'[{"step": 1, "loss": 2}, 7]', "Line 2 of the log has no step"),
        (b"step,loss\n1,high", "Line 1 of the log: loss is 'high', which is no number"),
        (b"step;loss\n1;2", "no training loss"),
    ],
)
def test_what_is_no_log_is_said_in_one_sentence(content, says):
    with pytest.raises(CourseError, match=says):
        run_log.read(content)


def test_a_missing_file_is_said_in_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="No such file"):
        run_log.read(tmp_path / "trainer_state.json")


@pytest.mark.parametrize("lines", [FALLING[:1], FALLING[:4], [], {"weights": 1}])
def test_a_log_too_short_to_tell_is_said_so(lines):
    with pytest.raises(CourseError, match="too few for a diagnosis: lower logging_steps"):
        diagnosis.diagnose(lines)


def test_phases_come_in_order_within_the_run():
    for name in ("healthy_0", "healthy_1", "healthy_2"):
        log = run_log.table(GALLERY[name]["log"])
        first, second = diagnosis.phases(log)
        assert 0 < first < second <= log["step"].max()


def test_the_closing_summary_of_a_run_is_no_line():
    log = run_log.read(json.dumps([*FALLING, {"step": 190, "train_runtime": 3.0, "train_loss": 9.0}]).encode())
    assert pd.Series([e["loss"] for e in log]).max() == 4
