"""Diagnosis: right on recorded runs with a known fault, and clear about logs that it cannot use."""

import json
import math

import numpy as np
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


def test_hardly_any_healthy_run_is_called_ill_wherever_it_is_cut():
    called = []
    for run in GALLERY.values():
        if run["recipe"]["fault"] == "healthy":
            last = run["log"][-1]["step"]
            cuts = [[line for line in run["log"] if line["step"] <= last * share / 20] for share in range(4, 21)]
            called += [diagnosis.diagnose(cut).label for cut in cuts]
    ill = [label for label in called if label not in ("healthy", "too few steps", "cannot tell")]
    assert len(called) > 200 and len(ill) <= len(called) // 100, ill


def test_faults_that_leave_no_trace_look_healthy_but_score_badly():
    hidden = {name: run for name, run in TESTED.items() if run["recipe"]["fault"] not in VISIBLE}
    assert hidden
    assert all(diagnosis.diagnose(run).label == "healthy" for run in hidden.values())
    exact = {name: GALLERY[name]["test"]["exact"]["value"] for name in ("healthy_0", "no_end", "asked_plainly")}
    assert exact["no_end"] < exact["healthy_0"] / 2 and exact["asked_plainly"] < exact["healthy_0"] / 2


def test_the_gallery_is_as_large_as_promised_and_small_on_disk():
    model = lambda name: [run for run in GALLERY.values() if run["recipe"]["model"] == name]
    assert len(model("smollm2")) >= 14 and len(model("nano")) >= 20
    field = {"not comparable", "barely learning", "cannot tell"}  # which other people's logs show
    assert {run["recipe"]["fault"] for run in GALLERY.values()} == set(diagnosis.diagnoses()) - field
    assert sum(path.stat().st_size for path in RUNS.glob("*.json")) < 3_200_000
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
        (b"", "is empty"),
        (b"[]", "no training loss"),
        (b"{", "does not read"),
        (b"\xff\xfe\x00", "does not read"),
        (b'{"weights": 1}', "no log_history"),
        (b'[{"step": 1, "eval_loss": 2}]', "no training loss"),
        (b'[{"loss": 2}]', "Line 1 of the log has no step"),
        (b'[{"step": 1, "loss": 2}, 7]', "Line 2 of the log has no step"),
        (b"step,loss\n1,high", "Line 1 of the log: loss is 'high', which is no number"),
        (b"step|loss\n1|2", "no training loss"),
    ],
)
def test_what_is_no_log_is_said_in_one_sentence(content, says):
    with pytest.raises(CourseError, match=says):
        run_log.read(content)


def test_a_missing_file_is_said_in_one_sentence(tmp_path):
    with pytest.raises(CourseError, match="No such file"):
        run_log.read(tmp_path / "trainer_state.json")


@pytest.mark.parametrize("lines", [[], {"weights": 1}])
def test_a_log_without_a_training_loss_is_said_so(lines):
    with pytest.raises(CourseError, match="no line of training loss"):
        diagnosis.diagnose(lines)


def test_a_log_too_short_to_tell_is_refused_with_what_is_missing():
    diagnosed = diagnosis.diagnose(FALLING[:2])
    assert diagnosed.label == "cannot tell" and diagnosed.because == {"lines of training loss": "2, below 3"}
    assert any("lower logging_steps" in sentence for sentence in diagnosed.missing)


def decaying(n=40, start=2.0, end=1.0, rate=2e-5, epochs=1.0, noise=0.02, **more):
    """A log of `n` lines whose loss falls fast and flattens, with the noise of batches, without validation."""
    rng = np.random.default_rng(0)
    losses = end + (start - end) * np.exp(-8 * np.arange(n) / n) + noise * rng.standard_normal(n)
    return [
        line(10 * (i + 1), float(x), epoch=epochs * (i + 1) / n, learning_rate=rate * (1 - i / n), **more)
        for i, x in enumerate(losses)
    ]


def with_validation(log, ratio=1.0, every=5):
    return [*log, *({"step": e["step"], "eval_loss": ratio * e["loss"]} for e in log[every - 1 :: every])]


@pytest.mark.parametrize(
    "log, label",
    [
        (decaying(), "healthy"),  # linear decay without warm-up is no fault, nor is a single epoch without validation
        (decaying(noise=0.2), "healthy"),  # small batches
        (decaying(n=400, epochs=2), "healthy"),
        (with_validation(decaying(epochs=2)), "healthy"),
        (decaying(start=3.2, end=3.0), "barely learning"),
        (decaying(end=0.01, epochs=20, noise=0.001), "memorising"),
        (decaying(epochs=6), "cannot tell"),
        (with_validation(decaying(), ratio=0.1), "not comparable"),
        ([line(i, (-1) ** i * 0.01) for i in range(1, 30)], "not comparable"),
        ([line(i, 0.0001 * i) for i in range(30)], "not comparable"),  # as a policy's loss begins
        (decaying(end=0.001, epochs=2, noise=0.0001), "memorising"),
        (decaying(epochs=3), "healthy"),
        (decaying(rate=1e-8, start=0.2, end=0.13, noise=0.001)[::2], "healthy"),
        (decaying(start=1.0, end=2.0), "learning rate too high"),
    ],
)
def test_logs_at_the_scale_of_other_tasks(log, label):
    assert diagnosis.diagnose(log).label == label


def test_a_verdict_names_the_measures_that_decided():
    diagnosed = diagnosis.diagnose(GALLERY["overfit"])
    assert "validation loss, last to lowest" in diagnosed.because
    assert diagnosed.because["validation loss, last to lowest"].endswith("above 1.1")
    assert set(diagnosed.because) <= set(diagnosed.evidence)


def test_a_staircase_is_no_rate_too_high():
    """Where an epoch begins the loss steps down, as rows are seen again; within an epoch it may creep up."""
    rng = np.random.default_rng(0)
    creep = np.tile(np.linspace(0, 0.12, 100), 3)
    losses = np.repeat([1.2, 0.7, 0.4], 100) + creep + 0.02 * rng.standard_normal(300)
    log = [line(i + 1, float(x), epoch=(i + 1) / 100, learning_rate=2e-5) for i, x in enumerate(losses)]
    assert diagnosis.diagnose(log).label == "healthy"
    unknown = [{key: value for key, value in entry.items() if key != "epoch"} for entry in log]
    assert diagnosis.diagnose(unknown).label == "learning rate too high"


def test_what_the_loss_does_after_the_rate_has_decayed_is_no_fault_of_the_rate():
    falling = decaying(n=100)
    harder = [entry | {"loss": entry["loss"] + 0.3} if n >= 80 else entry for n, entry in enumerate(falling)]
    assert diagnosis.diagnose(harder).label == "healthy"
    steady = [entry | {"learning_rate": 2e-5} for entry in harder]
    assert diagnosis.diagnose(steady).label == "learning rate too high"


def test_one_infinite_gradient_norm_is_routine_under_fp16():
    log = decaying(grad_norm=1.0)
    log[5]["grad_norm"] = math.inf
    assert diagnosis.diagnose(log).label == "healthy"
    assert diagnosis.diagnose([entry | {"grad_norm": math.nan} for entry in log]).label == "not a number"


def test_lines_that_average_many_updates_hide_how_a_run_began():
    def coarse(log):
        return [entry | {"step": 100 * entry["step"]} for entry in log]

    leaping = [entry | {"loss": entry["loss"] + (0.6 if 0 < n < 4 else 0)} for n, entry in enumerate(decaying())]
    assert diagnosis.diagnose(leaping).label == "no warm-up"
    assert diagnosis.diagnose(coarse(leaping)).label != "no warm-up"
    slow = decaying(n=400, start=2.0, end=1.77, noise=0.01)
    assert diagnosis.diagnose(slow).label == "healthy"  # a fall of an eighth that no noise can hide


def test_an_absurdly_low_rate_is_told_at_any_scale():
    creeping = [line(10 * i, 0.2 - 0.002 * i, epoch=i / 30, learning_rate=1e-8) for i in range(1, 31)]
    assert diagnosis.diagnose(creeping).label == "learning rate too low"
    usual = [entry | {"learning_rate": 1e-4} for entry in creeping]
    assert diagnosis.diagnose(usual).label != "learning rate too low"


def test_a_run_shorter_than_its_logging_steps_is_not_judged():
    diagnosed = diagnosis.diagnose({"log_history": [], "max_steps": 6, "logging_steps": 50})
    assert diagnosed.label == "cannot tell" and any("lower logging_steps" in sentence for sentence in diagnosed.missing)


def test_every_rule_looks_at_a_measure_and_gives_a_label_that_is_explained():
    names = set(diagnosis.measures(run_log.table(FALLING)))
    for label, conditions in diagnosis.RULES:
        assert label in diagnosis.diagnoses()
        assert {condition.measure for condition in conditions} <= names, label


def test_the_closing_summary_of_a_run_is_no_line():
    log = run_log.read(json.dumps([*FALLING, {"step": 190, "train_runtime": 3.0, "train_loss": 9.0}]).encode())
    assert pd.Series([e["loss"] for e in log]).max() == 4


def test_near_nothing_a_ratio_names_no_fault():
    healthy = decaying(start=8.0, end=0.05, noise=0.002)
    last = healthy[-1]["step"]
    above = [*healthy, *({"step": e["step"], "eval_loss": 0.75 * e["loss"]} for e in healthy[4::5])]
    assert diagnosis.diagnose(above).label == "healthy"  # training loss a third above validation loss
    risen = [*with_validation(healthy), {"step": last + 1, "eval_loss": 0.06}]
    assert diagnosis.diagnose(risen).label == "healthy"  # validation loss a fifth above its lowest


def test_a_slow_rise_of_a_high_validation_loss_is_overfitting():
    falling = decaying(start=7.0, end=1.5, epochs=16)
    validation = [7.0, 5.0, 4.4, 4.24, 4.29, 4.34, 4.4, 4.45]
    log = [*falling, *({"step": 50 * i, "eval_loss": loss} for i, loss in enumerate(validation))]
    assert diagnosis.diagnose(log).label == "overfitting"


def test_a_few_coarse_lines_show_neither_jitter_nor_a_late_fall():
    lines = [
        line(50 * i, loss, epoch=0.2 * i, num_tokens=50 * i * 60) for i, loss in enumerate((2.8, 0.9, 0.5, 0.3), 1)
    ]
    assert diagnosis.diagnose(lines).label == "healthy"
