"""The checks of notebook 08, Scale up: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import scale_up as check
from helpers.model import load_config
from helpers.training.jobs import Job

LOSSES = [2.0, 1.5, 1.2]


def job(processes: str, losses=LOSSES, step: int = 1) -> Job:
    log = [{"step": step + i, "loss": loss} for i, loss in enumerate(losses)]
    return Job(stdout=f"{processes}, NO\n", log=log, seconds=1.0, peak_rss=1)


@pytest.mark.parametrize("answer, says", [(None, "Not tried"), (2, "Right: 8 rows x 4"), (8, "makes 256 rows")])
def test_same_update(answer, says, capsys):
    check.same_update(answer, update=64, batch=8, processes=4)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "any_method, all_weights, says",
    [
        (None, None, "Not tried yet"),
        (("QLoRA", 1, "DDP"), None, "any method: right, 1 L4.\nall weights: not tried yet."),
        (
            ("QLoRA", 1, "DDP"),
            ("all weights", 8, "FSDP"),
            "any method: right, 1 L4.\nall weights: right, 8 L4.",
        ),
        (("LoRA", 2, "FSDP"), ("all weights", 9, "FSDP"), "any method: it fits, and fewer GPUs would do"),
        (("QLoRA", 1, "DDP"), ("all weights", 6, "FSDP"), "right, 1 L4.\nall weights: it does not fit."),
        (("QLoRA", 2, "FSDP"), None, "any method: it fits, and fewer GPUs would do"),
        (("all weights", 1, "DDP"), ("QLoRA", 1, "DDP"), "it does not fit.\nall weights: that is another method."),
        (("QLoRA", 2, "DeepSpeed ZeRO-3"), None, "any method: a plan is (method, gpus, split)"),
        ("QLoRA", None, "any method: a plan is (method, gpus, split)"),
    ],
)
def test_fewest_gpus(any_method, all_weights, says, capsys):
    plans = {"any method": any_method, "all weights": all_weights}
    check.fewest_gpus(plans, load_config("Qwen/Qwen2.5-7B"), batch=4, length=1024)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried yet"),
        (job("2 processes", step=2), "should be of one process"),
        (job("11 processes", step=2), "should be of one process"),
        (job("1 process"), "that is the other job"),
        (job("1 process", LOSSES[:2]), "it logs 2 losses, not 3"),
        (job("1 process", [2.0, 1.5, 1.3]), "a loss differs by 0.1"),
        (job("1 process", step=2), "Right: no loss differs by more than 0.0001"),
    ],
)
def test_same_run(answer, says, capsys):
    check.same_run(answer, job("1 process"))
    assert says in capsys.readouterr().out
