"""Changed rows: other names in the same wording, copies, and answers that were swapped."""

from itertools import pairwise

from helpers.dataset import commands, perturb
from helpers.dataset.grammar import spelled
from tests.dataset.reading import call, texts


def test_copies_of_natural_commands_have_other_names_and_the_same_wording():
    dataset = commands.load()
    natural = commands.natural_commands("train")
    copied = commands.load(natural_in_train=True, natural_copies=2)["train"]
    new = [r for r in copied if r["template"].startswith("natural/")]
    assert len(natural) * 1.5 < len(new) <= len(natural) * 3
    assert len({r["prompt"][-1]["content"] for r in new}) == len(new)
    spoken = set(texts(dataset["natural"])) | set(texts(dataset["test"]))
    assert not spoken & {r["prompt"][-1]["content"] for r in new}
    known = {r["template"]: r for r in natural}
    for row in new:
        old = known[row["template"]]
        assert row["intent"] == old["intent"] and set(call(row)["arguments"]) == set(call(old)["arguments"])
        assert abs(len(row["prompt"][-1]["content"].split()) - len(old["prompt"][-1]["content"].split())) <= 12


def test_names_and_numerals_change_in_a_sentence_without_spaces():
    natural = commands.natural_commands("train", "zh-TW")
    new = perturb.reworded(natural, 2, "zh-TW")
    assert len(new) > len(natural)
    known = {r["template"]: r for r in natural}
    for row in new:
        old, text = known[row["template"]], row["prompt"][-1]["content"]
        assert row["intent"] == old["intent"] and set(call(row)["arguments"]) == set(call(old)["arguments"])
        for slot, value in call(row)["arguments"].items():
            if value != call(old)["arguments"][slot]:
                assert str(value) in text or spelled(value, "zh-TW") in text


def test_shuffled_answers_are_valid_and_wrong():
    rows = commands.load()["train"].select(range(200))
    assert perturb.shuffled_answers(rows, 0).to_list() == rows.to_list()
    mixed = perturb.shuffled_answers(rows, 0.2)
    assert mixed.to_list() == perturb.shuffled_answers(rows, 0.2).to_list()
    changed = [a != b for a, b in zip(rows["completion"], mixed["completion"], strict=True)]
    assert 30 <= sum(changed) <= 40
    assert sorted(map(str, mixed["completion"])) == sorted(map(str, rows["completion"]))
    assert mixed["prompt"][:] == rows["prompt"][:]


def test_repeats_are_copies_of_a_few():
    rows = commands.load()["train"]
    copies = perturb.repeats(rows, 50)
    assert len(copies) == 50 and copies[0] == copies[perturb.REPEATED] == rows[0]
    assert len(set(map(str, copies["prompt"]))) == perturb.REPEATED


def test_a_slip_changes_one_letter_or_all_to_capitals_and_never_the_call():
    rows = list(commands.load()["validation"])
    slipped = perturb.misspelt(rows, seed=1)
    assert slipped == perturb.misspelt(rows, seed=1) != perturb.misspelt(rows, seed=2)
    capitals = 0
    for old, new in zip(rows, slipped, strict=True):
        before, after = old["prompt"][-1]["content"], new["prompt"][-1]["content"]
        assert new["completion"] == old["completion"] and new["prompt"][0] == old["prompt"][0]
        capitals += after == before.upper()
        assert after == before.upper() or abs(len(after) - len(before)) <= 1
    assert 0.15 < capitals / len(rows) < 0.35


def test_a_script_without_capitals_gets_slips_alone():
    rows = list(commands.load("zh-TW")["validation"])
    for old, new in zip(rows, perturb.misspelt(rows, seed=1), strict=True):
        before, after = old["prompt"][-1]["content"], new["prompt"][-1]["content"]
        assert new["completion"] == old["completion"] and abs(len(after) - len(before)) <= 1
        doubled = any(one == other for one, other in pairwise(before))  # two equal characters may change places
        assert after != before or doubled or not before.isalpha()


def test_a_share_of_the_rows_gets_a_slip():
    rows = list(commands.load()["validation"])
    changed = sum(new != old for new, old in zip(perturb.misspelt(rows, 1 / 3), rows, strict=True))
    assert 0.9 * len(rows) / 3 < changed <= len(rows) / 3 + 1
    assert perturb.misspelt(rows, 0) == rows


def test_words_around_a_sentence_leave_it_and_its_call_whole():
    rows = list(commands.load()["validation"])
    for old, new in zip(rows, perturb.wrapped(rows), strict=True):
        before, after = old["prompt"][-1]["content"], new["prompt"][-1]["content"]
        assert before in after and before != after and new["completion"] == old["completion"]
        if before.split()[0] not in perturb.ORDERS:
            assert any(after == frame.format(before) for frame in perturb.FRAMES)
