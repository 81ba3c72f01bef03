"""Logs as people have them: exports of trackers, lines from a console, checkpoints, and files that are no log."""

import contextlib
import io
import json
import math
import os

import pandas as pd
import pytest

from helpers.errors import CourseError
from helpers.training import diagnosis, log_files, run_log

RUN = run_log.recorded("overfit")
TABLE = run_log.table(RUN["log"])
LABEL = diagnosis.diagnose(RUN).label


def losses(log) -> dict[float, float]:
    return {line["step"]: line["loss"] for line in log if "loss" in line}


def evaluations(log) -> dict[float, float]:
    return {line["step"]: line["eval_loss"] for line in log if "eval_loss" in line}


def line(step, loss, **more):
    return {"step": step, "loss": loss, **more}


def panel(column, measure) -> bytes:
    """One chart as the page of Weights & Biases exports it."""
    points = TABLE[["step", column]].dropna()
    name = f"calm-lake-3 - {measure}"
    return (
        pd.DataFrame(
            {
                "Step": points["step"],
                name: points[column],
                f"{name}__MIN": points[column],
                f"{name}__MAX": points[column],
            }
        )
        .to_csv(index=False, quoting=1)
        .encode()
    )


def curve(column) -> bytes:
    """One curve as TensorBoard exports it."""
    points = TABLE[["step", column]].dropna()
    return pd.DataFrame({"Wall time": 1.7e9, "Step": points["step"], "Value": points[column]}).to_csv().encode()


def long(key, step) -> bytes:
    """A row for each value, as MLflow's history and tbparse give it, with the mean of the run as HF adds it."""
    frame = TABLE[["step", "loss", "eval_loss", "learning_rate", "epoch"]].melt("step", var_name=key).dropna()
    summary = pd.DataFrame({"step": [100], key: ["train_loss"], "value": [9.0]})
    return pd.concat([frame, summary]).rename(columns={"step": step}).to_csv(index=False).encode()


def history() -> bytes:
    """run.history() of Weights & Biases: its own count beside the trainer's, and rows of other things."""
    names = {"loss": "train/loss", "eval_loss": "eval/loss", "step": "train/global_step", "learning_rate": "train/lr"}
    frame = TABLE.rename(columns=names)
    frame.insert(0, "_step", range(len(frame)))
    frame["train/train_loss"] = [math.nan] * (len(frame) - 1) + [9.0]
    return pd.concat([frame, pd.DataFrame({"_step": [999], "system/gpu": [80]})]).to_csv().encode()


EXPORTS = {
    "W&B charts": {"export_1.csv": panel("loss", "train/loss"), "export_2.csv": panel("eval_loss", "eval/loss")},
    "W&B history": history(),
    "TensorBoard": {"run-.-tag-train_loss.csv": curve("loss"), "run-.-tag-eval_loss.csv": curve("eval_loss")},
    "MLflow": long("key", "step"),
    "tbparse": long("tag", "step"),
    "pandas": pd.DataFrame([*RUN["log"], {"step": 100, "train_runtime": 9.0, "train_loss": 9.0}]).to_csv().encode(),
    "Lightning": TABLE.rename(columns={"loss": "train_loss", "eval_loss": "val_loss"}).to_csv(index=False).encode(),
    "table in a notebook": TABLE[["step", "loss", "eval_loss"]]
    .set_axis(["Step", "Training Loss", "Validation Loss"], axis=1)
    .to_csv(index=False, sep="\t", na_rep="No log")
    .encode(),
    "JSON Lines": "\n".join(json.dumps(entry) for entry in RUN["log"]).encode(),
    "printed history": repr(RUN["log"]).encode(),
}  # fmt: skip


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_exports_of_trackers_give_the_same_log(export):
    log = run_log.read(export)
    assert losses(log) == pytest.approx(losses(RUN["log"]))
    assert evaluations(log) == pytest.approx(evaluations(RUN["log"]))
    assert diagnosis.diagnose(log).label == LABEL


PRINTED = """
Map: 100%|##########| 800/800 [00:00<00:00, 9000 examples/s]
  0%|          | 0/40 [00:00<?, ?it/s]
 25%|##5       | 10/40 [00:02<00:06, 4.9it/s]
{'loss': '2.5', 'grad_norm': '1.5', 'learning_rate': '2e-05', 'epoch': '0.25'}
 50%|#####     | 20/40 [00:04<00:04, 4.9it/s]
{'loss': '1.5', 'grad_norm': '1', 'learning_rate': '1e-05', 'epoch': '0.5'}
  0%|          | 0/6 [00:00<?, ?it/s]
100%|##########| 6/6 [00:01<00:00, 5.5it/s]
{'eval_loss': '1.75', 'eval_runtime': '1.1', 'eval_steps_per_second': '5.5', 'epoch': '0.5'}
 75%|#######5  | 30/40 [00:06<00:02, 4.9it/s]
{'loss': nan, 'grad_norm': 'nan', 'epoch': '0.75'}
{'train_runtime': '9.9', 'train_steps_per_second': '4.1', 'train_loss': '1.75', 'epoch': '1'}
"""


def test_lines_from_a_console_take_their_steps_from_the_progress_bar():
    log = run_log.read(PRINTED)
    assert [entry["step"] for entry in log] == [10, 20, 20, 30]
    assert losses(log) == pytest.approx({10: 2.5, 20: 1.5, 30: math.nan}, nan_ok=True)
    assert evaluations(log) == {20: 1.75}
    assert diagnosis.diagnose(log).label == "not a number"


def test_lines_from_a_console_without_a_bar_are_counted():
    log = run_log.read("\n".join(row for row in PRINTED.splitlines() if row.startswith("{")))
    assert [entry["step"] for entry in log] == [log_files.EVERY * n for n in (1, 2, 2, 3)]


@pytest.mark.parametrize("bar", [True, False])
def test_the_console_of_a_real_run_is_its_log(nano_trainer, bar):
    """With a bar the steps are its own. Updates of nano are so fast that the bar before a line is often late."""
    if bar and os.environ.get("TQDM_DISABLE", "0") not in ("", "0"):
        pytest.skip("TQDM_DISABLE is set, so there is no bar to read")
    every = 2 if bar else log_files.EVERY
    settings = dict(max_steps=3 * every, logging_steps=every, eval_strategy="steps", eval_steps=every)
    trainer = nano_trainer(8, 4, per_device_train_batch_size=1, disable_tqdm=not bar, **settings)
    console = io.StringIO()
    with contextlib.redirect_stdout(console), contextlib.redirect_stderr(console):
        trainer.train()
    log, wanted = run_log.read(console.getvalue()), trainer.state.log_history
    assert list(losses(log)) == list(losses(wanted)) == list(evaluations(log)) == list(evaluations(wanted))
    assert list(losses(log).values()) == pytest.approx(list(losses(wanted).values()), rel=1e-3)


@pytest.mark.parametrize("late", [(0, 3, 6), (1, 3, 5)])
def test_a_bar_that_is_late_by_even_steps_is_not_the_step_of_a_line(late):
    """Every two updates a line, and after it the bar is right."""
    bar = "\r{0:>3}%|###   | {1}/6 [00:00<00:01, 9.00it/s]"
    text = ""
    for n, old in enumerate(late, 1):
        text += f"{bar.format(17 * old, old)}\n{{'loss': '{9 - n}'}}\n{bar.format(34 * n, 2 * n)}"
    assert list(losses(run_log.read(text))) == [2, 4, 6]


@pytest.mark.parametrize("number", ["NaN", "nan", "Infinity", "-inf"])
def test_not_a_number_as_text_is_found(number):
    log = run_log.read(f'[{{"step": 1, "loss": "2.5"}}, {{"step": 2, "loss": "{number}"}}]')
    assert losses(log)[1] == 2.5 and diagnosis.diagnose(log).label == "not a number"


def test_checkpoints_of_one_run_make_one_log(tmp_path):
    paths = []
    for step in (20, 60, 100):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        history = [entry for entry in RUN["log"] if entry["step"] <= step]
        (folder / "trainer_state.json").write_text(json.dumps({"log_history": history}))
        paths.append(folder / "trainer_state.json")
    once = run_log.read(paths[-1])
    assert run_log.read(tmp_path) == once and run_log.read(paths[::-1]) == once
    assert evaluations(once) == pytest.approx(evaluations(RUN["log"])) and losses(once) == losses(RUN["log"])


def test_two_files_of_one_run_follow_one_another():
    first, second = ([line(step, 9 - step / 20) for step in steps] for steps in (range(10, 60, 10), range(60, 120, 10)))
    log = run_log.read([json.dumps(second), json.dumps(first)])
    assert list(losses(log)) == list(range(10, 120, 10))


def test_what_a_resumed_run_did_again_counts_once():
    before = [line(step, 10.0) for step in range(10, 110, 10)]
    again = [line(step, 1.0) for step in range(65, 155, 10)]
    log = run_log.read(json.dumps(before + again))
    assert list(losses(log)) == [*range(10, 70, 10), *range(65, 155, 10)]
    early = [line(step, 10.0) for step in (10, 20, 30)] + [line(step, 1.0) for step in (20, 30, 40)]
    assert losses(run_log.read(json.dumps(early))) == {10: 10, 20: 1, 30: 1, 40: 1}


def test_a_count_that_starts_again_goes_on_where_the_loss_does():
    first = [line(10 * n, 4 - 0.3 * n) for n in range(1, 11)]
    on = [line(10 * n, 1 - 0.05 * n) for n in range(1, 11)]
    log = run_log.read(json.dumps(first + on))
    assert list(losses(log)) == list(range(10, 210, 10)) and log[-1]["loss"] == 0.5
    begun_anew = run_log.read(json.dumps(first + [line(10 * n, 4 - 0.2 * n) for n in range(1, 9)]))
    assert losses(begun_anew) == pytest.approx({10 * n: 4 - 0.2 * n for n in range(1, 9)})


def test_a_step_that_stands_twice_counts_once_and_as_it_stood_last():
    log = run_log.read("step,loss,eval_loss\n1,3,\n1,3,\n2,2,\n2,,2.5\n2,1.5,\n")
    assert losses(log) == {1: 3, 2: 1.5} and evaluations(log) == {2: 2.5} and len(log) == 3


@pytest.mark.parametrize(
    "content, says",
    [
        (b" \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary file"),
        (b"step,loss,epoch\n1,2.5,0.1\n2,2", "row 3 has 2 fields, the first row 3"),
        (b"step,loss\n1,2.5,7", "row 2 has 3 fields, the first row 2"),
        (b"{'loss': 2.5, 'epoch': 0.1}\n{'loss': 2.4, 'ep", "line 2 is cut off"),
        (b'{"log_history": [{"step": 1, "loss": 2.5}, {"st', "does not read"),
        (b'[{"step": 1, "loss": 2.5}, {"st', "does not read"),
        (b"step,accuracy\n1,0.5\n2,0.6", "no training loss"),
        (b"{'eval_loss': 2.5, 'epoch': 0.1}", "no training loss"),
        (b"step,loss", "no training loss"),
        (b"nothing of the kind", "no training loss"),
        (b'"Step","one - train/loss","two - train/loss"\n1,2.5,2.4', "holds 2 runs: export one"),
        (b"run_id,key,step,value\na,loss,1,2.5\nb,loss,1,2.4", "holds 2 runs: export one"),
    ],
)
def test_a_file_that_is_no_log_is_said_in_one_sentence(content, says):
    with pytest.raises(CourseError, match=says) as raised:
        run_log.read(content)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


def test_folders_and_files_of_another_kind_are_named(tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="folder without a trainer_state.json or a CSV"):
        run_log.read(tmp_path)
    with pytest.raises(CourseError, match="TensorBoard's own binary format"):
        run_log.read({"events.out.tfevents.17.host": b"\0"})
    (tmp_path / "large.csv").write_text("step,loss\n1,2.5\n")
    assert run_log.read(tmp_path) == [line(1, 2.5)]
    monkeypatch.setattr(log_files, "LARGEST", 3)
    with pytest.raises(CourseError, match="large.csv has 0.0 GB"):
        run_log.read(tmp_path / "large.csv")


def test_one_line_of_loss_is_read_and_not_judged():
    diagnosed = diagnosis.diagnose(run_log.read(b"step,loss\n1,2.5"))
    assert diagnosed.label == "cannot tell" and "logging_steps" in diagnosed.missing[0]
