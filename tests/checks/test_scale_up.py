"""The checks of notebook 09, Scale up: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import scale_up as check
from helpers.model import load_config
from helpers.training.jobs import Job

LOSSES = [2.0, 1.5, 1.2]


def job(processes: str, losses=LOSSES, step: int = 1) -> Job:
    log = [{"step": step + i, "loss": loss} for i, loss in enumerate(losses)]
    return Job(stdout=f"{processes}, NO\n", log=log, seconds=1.0, peak_rss=1)


@pytest.mark.parametrize(
    "lines, says",
    [
        (None, "Not tried yet"),
        ("use_peft: true\nlora_r: 16\nlora_target_modules: all-linear", "Right: TRL knows all 3 lines."),
        ("use_peft: true\nlora_r: 16\nlora_target_modules: [all-linear]\n", "Right"),
        ("lora_r: 16\nlora_target_modules: all-linear", "without use_peft: true"),
        ("use_peft: true\nlora_target_modules: all-linear", "Right: TRL knows all 2 lines."),
        ("use_peft: true\nlora_r: 8\nlora_target_modules: all-linear", "the rank is 8"),
        ("use_peft: true\nlora_r: 16", "name the layers"),
        ("use_peft: true\nlora_rank: 16", "yours.yaml, line 2: trl sft has no lora_rank"),
        ("use_peft: true\nlora_r: many", "line 2: lora_r is 'many'"),
        ("use_peft", "holds no settings"),
        (16, "write the lines as one text"),
    ],
)
def test_lora_yaml(lines, says, capsys):
    check.lora_yaml(lines)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "weights, gradients, averages, says",
    [
        (None, None, None, "Not tried yet"),
        (4, 4, 8, "Right: together 16 GB"),
        (4, None, None, "gradients: not tried yet"),
        (2, 4, 8, "weights: 2 GB would be 2 bytes for each parameter"),
        (4, 4, 4, "AdamW's averages: 4 GB would be 4 bytes"),
    ],
)
def test_bytes_of_training(weights, gradients, averages, says, capsys):
    given = {"weights": weights, "gradients": gradients, "AdamW's averages": averages}
    check.bytes_of_training(given, parameters=1e9)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, says",
    [
        (None, "Not tried yet"),
        ("### Question: Why?\n### Answer: So.", "Right"),
        ("### Question: Why?\n### Answer: So.\n", "Right"),
        ("### Question: Why?", "the answer of the row is not in the text"),
        ("So.", "the question of the row is not in the text"),
        ("Why? So.", "it should read"),
        ({"text": "Why? So."}, "return one text"),
    ],
)
def test_faq_text(text, says, capsys):
    check.faq_text(text, {"question": "Why?", "answer": "So."})
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "rows, updates, accumulation, says",
    [
        (None, None, None, "Not tried yet"),
        (256, 25, 2, "Right: four times the rows"),
        (64, 100, 8, "rows of an update is not 64: each GPU brings"),
        (256, 100, 2, "updates of the epoch is not 100"),
        (256, 25, 8, "gradient_accumulation_steps is not 8"),
        (256, None, None, "updates of the epoch: not tried yet"),
    ],
)
def test_four_gpus(rows, updates, accumulation, says, capsys):
    answers = {"rows of an update": rows, "updates of the epoch": updates, "gradient_accumulation_steps": accumulation}
    check.four_gpus(answers)
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
