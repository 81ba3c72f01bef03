"""What the trial of reasoning records of a model's answers."""

from datasets import Dataset

from helpers.dataset import commands, traces
from tools import reasoning as tool


def test_the_call_after_the_reasoning_is_judged_and_all_tokens_are_counted(monkeypatch):
    rows = list(commands.load()["validation"])[:3]
    said = [traces.with_trace(row)["completion"][0]["content"] for row in rows[:2]] + ["<think>\nno end"]
    monkeypatch.setattr(tool, "generate", lambda model, tokenizer, prompts, longest: said[: len(prompts)])
    found = tool.asked(
        None, lambda texts, **options: {"input_ids": [text.split() for text in texts]}, Dataset.from_list(rows)
    )
    assert found["right"] == "110" and found["answer"] == said[0]
    assert found["tokens"] == sum(len(text.split()) + 1 for text in said) / 3
