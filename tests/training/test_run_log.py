"""A run's log as a table, a clock and a file, on a real training of nano."""

import pytest

from helpers.training import diagnosis, run_log


@pytest.fixture(scope="module")
def trained(nano_trainer):
    """(trainer, clock) after 8 steps of nano, logged every 2 and evaluated every 4."""
    clock = run_log.Clock()
    settings = dict(max_steps=8, learning_rate=1e-3, logging_steps=2, per_device_train_batch_size=4, disable_tqdm=True)
    trainer = nano_trainer(32, validation=8, callbacks=[clock], eval_strategy="steps", eval_steps=4, **settings)
    trainer.train()
    return trainer, clock


def test_table_has_a_row_per_step_with_both_losses_side_by_side(trained):
    log = run_log.table(trained[0].state.log_history)
    assert list(log["step"]) == [2, 4, 6, 8]
    assert log["loss"].notna().all()
    assert list(log["eval_loss"].notna()) == [False, True, False, True]
    assert set(log.columns) <= set(run_log.COLUMNS)
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]


def test_every_logged_column_is_explained(trained):
    log = run_log.table(trained[0].state.log_history)
    assert set(run_log.COLUMNS) == set(log.columns)


def test_speed_is_tokens_over_seconds_of_training(trained):
    trainer, clock = trained
    log = run_log.table(trainer.state.log_history)
    tokens = log["num_tokens"].diff().fillna(log["num_tokens"].iloc[0])
    assert (tokens / log["tokens_per_second"]).sum() == pytest.approx(clock.seconds, rel=1e-3)
    assert clock.seconds_left(trainer.state) == 0


def test_a_resumed_run_counts_its_tokens_from_zero(nano_trainer, tmp_path):
    """TRL's count is not part of a checkpoint: neither the speed nor the tokens of an update may go wrong for it."""
    settings = dict(max_steps=6, logging_steps=2, per_device_train_batch_size=4, disable_tqdm=True)
    saved = dict(save_strategy="steps", save_steps=4, output_dir=str(tmp_path))
    whole = nano_trainer(24, **settings, **saved)
    whole.train()
    resumed = nano_trainer(24, callbacks=[run_log.Clock()], **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    before, after = (run_log.table(trainer.state.log_history) for trainer in (whole, resumed))
    assert after["num_tokens"].iloc[-1] < after["num_tokens"].iloc[-2] == before["num_tokens"].iloc[-2]
    assert after["tokens_per_second"].iloc[-1] > 0
    tokens = "tokens in an update"
    assert diagnosis.measures(after)[tokens] == pytest.approx(diagnosis.measures(before)[tokens])


def test_an_empty_log_is_an_empty_table():
    assert run_log.table([]).empty


def test_a_saved_run_reads_back_with_its_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", tmp_path / "runs")
    run_log.save("tiny", minutes=1.5, log=[{"step": 1, "loss": 2.0}])
    run = run_log.recorded("tiny")
    assert run["minutes"] == 1.5 and run["versions"]["trl"]
    assert run_log.table(run["log"])["loss"].tolist() == [2.0]
