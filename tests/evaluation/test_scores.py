"""Scores: each answer is judged as a reader would, intervals hold their value, and batching changes nothing."""

import json

import numpy as np
import pytest
import torch
from datasets import Dataset
from scipy.stats import binomtest
from transformers import LogitsProcessor

from helpers.dataset import calls, commands
from helpers.errors import CourseError
from helpers.evaluation.generation import generate, token_probabilities
from helpers.evaluation.measures import interval, wilson
from helpers.evaluation.scores import METRICS, Scores, difference, score
from helpers.model import load, load_tuned

COMMAND = "turn on the light in the kitchen"
CALL = {"name": "HassTurnOn", "arguments": {"area": "kitchen", "domain": "light"}}
RIGHT = calls.call_text(**CALL)


def judged(*answers: str) -> Scores:
    """Each command comes from a pattern of its own."""
    return score(list(answers), Dataset.from_list([calls.record(COMMAND, CALL, f"t{n}") for n in range(len(answers))]))


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
        (json.dumps(CALL | {"id": 1}), 1, 0, 1, 0, 100, "not in the schema"),
    ],
)
def test_one_answer_is_judged(answer, valid, schema, intent, exact, f1, kind):
    scores = judged(answer)
    shares = [scores.percent(m) / 100 for m in ("valid", "schema", "intent", "exact")]
    assert shares == [valid, schema, intent, exact]
    assert scores.percent("slot_f1") == pytest.approx(f1)
    assert scores.rows["kind"][0] == kind


@pytest.mark.parametrize("answer", [{"name": "HassCancelTimer"}, {"name": "HassCancelTimer", "arguments": []}])
def test_a_call_without_slots_in_the_wrong_form_has_a_kind(answer):
    row = calls.record("cancel the timer", {"name": "HassCancelTimer", "arguments": {}}, "t")
    rows = score([json.dumps(answer)], Dataset.from_list([row])).rows
    assert rows["kind"][0] == "not in the schema"
    assert rows["intent"][0] and not rows["exact"][0]


def test_intervals_hold_their_value_and_narrow_with_more_commands():
    few, many = (judged(*[RIGHT, "no"] * n).table() for n in (10, 200))
    for table in (few, many):
        assert list(table.index) == list(METRICS.values())
        assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
        assert table["value"].iloc[0] == 50
    assert (few["high"] - few["low"]).iloc[0] > 2 * (many["high"] - many["low"]).iloc[0]
    assert many.equals(judged(*[RIGHT, "no"] * 200).table())


@pytest.mark.parametrize("answers", [[RIGHT] * 20, ["no"] * 20], ids=["all right", "all wrong"])
def test_no_interval_has_width_zero(answers):
    table = judged(*answers).table()
    assert (table["high"] - table["low"] > 5).all()


@pytest.mark.parametrize("right, n, low, high", [(0, 40, 0, 8.8), (200, 200, 98.1, 100), (50, 100, 40.4, 59.6)])
def test_a_share_gets_wilsons_interval(right, n, low, high):
    assert interval([1] * right + [0] * (n - right)) == pytest.approx((low, high), abs=0.05)
    tails = binomtest(right, n).proportion_ci(method="wilson")
    assert interval([1] * right + [0] * (n - right)) == pytest.approx((100 * tails.low, 100 * tails.high), abs=0.01)


def test_rounding_puts_no_share_outside_its_interval():
    for n in range(1, 60):
        for share in (0.0, 1.0):  # error bars of a negative length end a figure
            low, high = wilson(share, n)
            assert low <= 100 * share <= high


def test_commands_of_one_pattern_are_worth_fewer():
    hits = np.repeat([1, 0, 1, 1, 0, 0, 1, 0, 1, 1], 10)  # ten patterns, all of a pattern right or all wrong
    by_pattern = interval(hits, groups=np.repeat(range(10), 10))
    assert by_pattern == pytest.approx(interval(hits[::10]), abs=2)
    assert by_pattern[1] - by_pattern[0] > 2 * np.subtract(*interval(hits)[::-1])
    mixed = interval(np.tile([1, 0], 50), groups=np.repeat(range(10), 10))  # half of each: no more than the rows
    assert mixed == pytest.approx(interval(np.tile([1, 0], 50)))


def test_intervals_cover_the_truth_where_patterns_differ():
    rng, covered = np.random.default_rng(1), 0
    for _ in range(400):  # 40 patterns of 5 commands; a pattern's share of right ones is drawn from Beta(2, 1)
        shares = np.repeat(rng.beta(2, 1, 40), 5)
        low, high = interval(rng.random(200) < shares, groups=np.repeat(range(40), 5))
        covered += low <= 100 * 2 / 3 <= high
    assert 0.92 < covered / 400 < 0.98


def test_failures_are_grouped_by_kind_with_the_most_frequent_first():
    failures = judged(RIGHT, "no", "what", changed("HassTurnOff")).failures()
    assert list(failures.index) == ["not JSON", "wrong intent"]
    assert list(failures["count"]) == [2, 1]
    assert failures.loc["not JSON", "answer"] == "no"
    assert judged(RIGHT).failures().empty


def test_answers_and_records_must_be_as_many():
    with pytest.raises(ValueError):
        score([RIGHT, RIGHT], Dataset.from_list([calls.record(COMMAND, CALL, "t")]))


def test_batches_change_neither_answers_nor_their_order(monkeypatch):
    model, tokenizer = load("nano")
    prompts = list(commands.load()["test"].select(range(12))["prompt"])
    alone = [generate(model, tokenizer, [p], max_new_tokens=8)[0] for p in prompts]
    monkeypatch.setattr("helpers.evaluation.generation.IN_CACHE", 5 * 60)  # a few to a batch
    together = generate(model, tokenizer, prompts, max_new_tokens=8)
    # Padding changes the order of additions, which may turn a near-tie between two tokens.
    assert sum(a == b for a, b in zip(alone, together, strict=True)) >= 10
    assert not model.training
    assert generate(model, tokenizer, []) == []


@pytest.mark.parametrize("shots", [0, 3])
def test_answers_are_those_of_plain_generate_and_the_weights_come_back(shots, monkeypatch):
    model, tokenizer = load("nano")
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    dataset = commands.load()
    examples = [m for row in dataset["train"].select(range(shots)) for m in row["prompt"][1:] + row["completion"]]
    prompts = [[p[0], *examples, *p[1:]] for p in dataset["test"].select(range(8))["prompt"]]
    generate(model, tokenizer, prompts)  # in bfloat16, where that is fast
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    monkeypatch.setattr("helpers.evaluation.generation.fast_bf16", lambda: False)
    plain = []
    for prompt in prompts:
        batch = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = model.generate(**batch, do_sample=False, max_new_tokens=48, pad_token_id=tokenizer.pad_token_id)
        plain.append(tokenizer.decode(out[0, batch["input_ids"].shape[1] :], skip_special_tokens=True))
    ours = generate(model, tokenizer, prompts)
    assert sum(a == b for a, b in zip(plain, ours, strict=True)) >= 7
    assert len(set(ours)) > 1


@pytest.fixture(scope="module")
def tuned():
    return load_tuned("nano")


def test_token_probabilities_are_those_of_the_loss(tuned):
    model, tokenizer = tuned
    [tokens] = token_probabilities(model, tokenizer, [commands.prompt(COMMAND)], [RIGHT])
    assert "".join(tokens["token"]) == RIGHT + "⏹"
    text = tokenizer.apply_chat_template(commands.prompt(COMMAND), tokenize=False, add_generation_prompt=True)
    given, whole = tokenizer(text)["input_ids"], tokenizer(text + RIGHT)["input_ids"] + [tokenizer.eos_token_id]
    labels = torch.tensor([[-100] * len(given) + whole[len(given) :]])
    with torch.inference_mode():
        loss = model(input_ids=torch.tensor([whole]), labels=labels).loss.item()
    assert -np.log(tokens["probability"]).mean() == pytest.approx(loss, rel=1e-4)


def test_each_token_of_a_call_has_its_part(tuned):
    call = calls.call_text("HassLightSet", {"name": "reading lamp", "brightness": 40})
    [tokens] = token_probabilities(*tuned, [commands.prompt("x")], [call])
    text = tokens.groupby("part")["token"].apply("".join)
    letters = {part: "".join(c for c in text[part] if c.isalnum() or c == " ") for part in text.index}
    assert letters == {
        "format": "namearguments", "intent": "HassLightSet", "slot": "namebrightness",
        "value": "reading lamp40", "end": "",
    }  # fmt: skip


def test_a_constraint_decides_what_may_follow(tuned):
    class OnlyEnd(LogitsProcessor):
        def __call__(self, ids, scores):
            end = tuned[1].eos_token_id
            return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor([end]), 0)

    assert generate(*tuned, [commands.prompt(COMMAND)] * 3, constraint=OnlyEnd) == [""] * 3


def test_differences_are_paired():
    wrong = changed("HassTurnOff")
    one, other = judged(*[RIGHT] * 9, wrong), judged(*[wrong] * 3, *[RIGHT] * 6, wrong)
    row = difference(one, other).loc["exact call"]
    assert row["value"] == pytest.approx(30) and (row["only_one"], row["only_other"]) == (3, 0)
    assert row["p"] == pytest.approx(2 * 0.5**3, abs=0.02)
    assert row["low"] <= 30 <= row["high"]
    assert difference(one, one)["p"].eq(1).all()
    with pytest.raises(ValueError, match="same commands"):
        difference(one, judged(RIGHT))
    every = difference(judged(*[RIGHT] * 10), judged(*[wrong] * 10)).loc["exact call"]
    assert every["low"] < 90 and every["value"] == every["high"] == 100
    none = difference(one, one).loc["exact call"]
    assert none["low"] < -5 and none["high"] > 5


def test_ten_commands_of_one_pattern_are_no_ten_wins():
    wrong, rows = changed("HassTurnOff"), Dataset.from_list([calls.record(COMMAND, CALL, "t")] * 10)
    one, other = score([RIGHT] * 10, rows), score([wrong] * 10, rows)
    assert difference(one, other).loc["exact call", "p"] == 1


@pytest.mark.parametrize("label", ['{"name":"HassFly","arguments":{}}', "HassTurnOn", '{"name":"HassTurnOn"}'])
def test_a_record_with_an_unknown_call_is_named(label):
    row = calls.record(COMMAND, CALL, "t")
    bad = row | {"completion": [{"role": "assistant", "content": label}]}
    with pytest.raises(CourseError, match=r"Row 1 \('turn on the light in the kitchen'\).*mend its label"):
        score([RIGHT, RIGHT], Dataset.from_list([row, bad]))


@pytest.mark.parametrize("command", ["", "   ", "turn on the light " * 280, "开灯", "<|im_end|>"])
def test_any_text_gets_an_answer(tuned, command):
    model, tokenizer = tuned
    [answer] = generate(model, tokenizer, [commands.prompt(command)])
    assert isinstance(answer, str)


@pytest.mark.parametrize("command", [None, 7, b"lights", ["lights"]])
def test_what_is_no_text_is_refused(command):
    with pytest.raises(CourseError, match="A command has to be text"):
        commands.prompt(command)
