"""Scores: each answer is judged as a reader would, intervals hold their value, and batching changes nothing."""

import json

import pytest
import torch
from datasets import Dataset

from helpers import commands, models, scoring

COMMAND = "turn on the light in the kitchen"
CALL = {"name": "HassTurnOn", "arguments": {"area": "kitchen", "domain": "light"}}
RIGHT = commands.call_text(**CALL)


def judged(*answers: str) -> scoring.Scores:
    return scoring.score(list(answers), Dataset.from_list([commands.record(COMMAND, CALL, "t")] * len(answers)))


def changed(name: str = CALL["name"], **arguments) -> str:
    given = {k: v for k, v in (CALL["arguments"] | arguments).items() if v is not None}
    return json.dumps({"name": name, "arguments": given})


@pytest.mark.parametrize(
    "answer, valid, schema, intent, exact, f1, kind",
    [
        (RIGHT, 1, 1, 1, 1, 100, "exact"),
        (json.dumps({"arguments": CALL["arguments"], "name": "HassTurnOn"}), 1, 1, 1, 1, 100, "exact"),
        (f"Sure! {RIGHT}", 0, 0, 0, 0, 0, "not JSON"),
        (RIGHT + RIGHT, 0, 0, 0, 0, 0, "not JSON"),
        ("", 0, 0, 0, 0, 0, "not JSON"),
        ('"HassTurnOn"', 1, 0, 0, 0, 0, "not in the schema"),
        (changed("HassTurnOff"), 1, 1, 0, 0, 0, "wrong intent"),
        (changed("HassFly"), 1, 0, 0, 0, 0, "not in the schema"),
        (changed(domain=None), 1, 1, 1, 0, 200 / 3, "slot missing: domain"),
        (changed(floor="first"), 1, 1, 1, 0, 80, "slot too many: floor"),
        (changed(area="bedroom"), 1, 1, 1, 0, 50, "wrong value: area"),
        (changed(domain="spaceship"), 1, 0, 1, 0, 50, "wrong value: domain"),
        ('{"name": "HassTurnOn", "arguments": null}', 1, 0, 1, 0, 0, "slot missing: area"),
    ],
)
def test_one_answer_is_judged(answer, valid, schema, intent, exact, f1, kind):
    scores = judged(answer)
    found = [scores.percent(m) / 100 for m in ("valid", "schema", "intent", "exact")]
    assert found == [valid, schema, intent, exact]
    assert scores.percent("slot_f1") == pytest.approx(f1)
    assert scores.rows["kind"][0] == kind


def test_intervals_hold_their_value_and_narrow_with_more_commands():
    few, many = (judged(*[RIGHT, "no"] * n).table() for n in (10, 200))
    for table in (few, many):
        assert list(table.index) == list(scoring.METRICS.values())
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        assert table["value"].iloc[0] == 50
    assert (few["high"] - few["low"]).iloc[0] > 2 * (many["high"] - many["low"]).iloc[0]
    assert many.equals(judged(*[RIGHT, "no"] * 200).table())


def test_failures_are_grouped_by_kind_with_the_most_frequent_first():
    failures = judged(RIGHT, "no", "what", changed("HassTurnOff")).failures()
    assert list(failures.index) == ["not JSON", "wrong intent"]
    assert list(failures["count"]) == [2, 1]
    assert failures.loc["not JSON", "answer"] == "no"
    assert judged(RIGHT).failures().empty


def test_answers_and_records_must_be_as_many():
    with pytest.raises(ValueError):
        scoring.score([RIGHT, RIGHT], Dataset.from_list([commands.record(COMMAND, CALL, "t")]))


def test_batches_change_neither_answers_nor_their_order(monkeypatch):
    model, tokenizer = models.load("nano")
    prompts = list(commands.load()["test"].select(range(12))["prompt"])
    alone = [scoring.generate(model, tokenizer, [p], max_new_tokens=8)[0] for p in prompts]
    monkeypatch.setattr(scoring, "IN_CACHE", 5 * 60)  # a few to a batch
    together = scoring.generate(model, tokenizer, prompts, max_new_tokens=8)
    # Padding changes the order of additions, which may turn a near-tie between two tokens.
    assert sum(a == b for a, b in zip(alone, together, strict=True)) >= 10
    assert not model.training
    assert scoring.generate(model, tokenizer, []) == []


@pytest.mark.parametrize("shots", [0, 3])
def test_answers_are_those_of_plain_generate_and_the_weights_come_back(shots, monkeypatch):
    model, tokenizer = models.load("nano")
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    dataset = commands.load()
    examples = [m for row in dataset["train"].select(range(shots)) for m in row["prompt"][1:] + row["completion"]]
    prompts = [[p[0], *examples, *p[1:]] for p in dataset["test"].select(range(8))["prompt"]]
    scoring.generate(model, tokenizer, prompts)  # in bfloat16, where that is fast
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    monkeypatch.setattr(models, "fast_bf16", lambda: False)
    plain = []
    for prompt in prompts:
        batch = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = model.generate(**batch, do_sample=False, max_new_tokens=48, pad_token_id=tokenizer.pad_token_id)
        plain.append(tokenizer.decode(out[0, batch["input_ids"].shape[1] :], skip_special_tokens=True))
    ours = scoring.generate(model, tokenizer, prompts)
    assert sum(a == b for a, b in zip(plain, ours, strict=True)) >= 7
    assert len(set(ours)) > 1
