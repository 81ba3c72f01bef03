"""The checks of notebook 04, Pack sequences: right answers pass, and each usual mistake gets its hint."""

import pytest

from helpers.checks import pack_sequences as check


@pytest.mark.parametrize("answer, says", [(None, "Not tried"), (1000 / 375, "Right"), (0.33, "a batch of rows")])
def test_packed_epochs(answer, says, capsys):
    check.packed_epochs(answer, rows=1500, batch=4, steps=1000)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (30, "tokens of 2 documents are cut off"),
        (110, "% of the rows' space"),
        (1000, "one of at most 400"),
        (200, "Right: 5 rows"),
    ],
)
def test_packing_length(answer, says, capsys):
    check.packing_length(answer, [60, 40] + [10] * 90)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        ([8, 7, 3, 5, 4, 1], "a row is a list"),
        ([[8], [7, 3], [5, 4]], "each of the lengths 4, 8, 3, 7, 1, 5 stands in one row"),
        ([[8, 3], [7, 1], [5, 4]], "the row [8, 3] has 11 tokens"),
        ([[8, 1], [7, 3], [5, 4]], "where the least room is left"),  # first fit
        ([[4, 3, 1], [8], [7], [5]], "begin with the longest"),
        ([[5, 4, 1], (3, 7), [8]], "Right: 3 rows, 28 of 30"),
    ],
)
def test_best_fit(answer, says, capsys):
    check.best_fit(answer, lengths=[4, 8, 3, 7, 1, 5], room=10)
    assert says in capsys.readouterr().out


ROWS = [{"topic": "loss", "question": "What?", "answer": "That."}, {"topic": "t", "question": "q", "answer": "a"}]


def with_topic(row):
    return f"### Topic: {row['topic']}\n### Question: {row['question']}\n### Answer: {row['answer']}"


def whole(row):
    return f"### Question: {row['question']}\n ### Answer: {row['answer']}"


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (lambda rows: [rows[i]["topic"] for i in range(2)], "fails on one example, a dictionary (KeyError: 0)"),
        (lambda row: [with_topic(row)], "returns list; TRL wants one text"),
        (lambda row: with_topic(row) + "<|im_end|>", "TRL adds EOS itself"),
        (whole, "it should return\n### Topic: loss\n### Question: What?\n### Answer: That."),
        (with_topic, "Right: 2 texts"),
    ],
)
def test_formatting(answer, says, capsys):
    check.formatting(answer, ROWS)
    assert says in capsys.readouterr().out


def cut_after(words: str):
    """A function that cuts the text of `whole` after these words."""

    def pair(row):
        prompt, _, completion = whole(row).partition(words)
        return {"prompt": prompt + words, "completion": completion}

    return pair


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "Not tried"),
        (whole, "a dictionary with prompt and completion"),
        (lambda row: {"prompt": [row["question"]], "completion": row["answer"]}, "plain text here"),
        (lambda row: {"prompt": row["question"], "completion": row["answer"]}, "joined, they are\nWhat?That."),
        (cut_after("### Question:"), "the answer and nothing else"),
        (cut_after("### Answer: "), "the prompt ends in a space"),
        (cut_after("### Answer:"), "Right: 2 pairs"),
    ],
)
def test_border(answer, says, capsys):
    check.border(answer, whole, ROWS)
    assert says in capsys.readouterr().out


def test_block_mask(capsys):
    causal = lambda lengths: [[k <= q for k in range(sum(lengths))] for q in range(sum(lengths))]
    owner = lambda lengths: [i for i, n in enumerate(lengths) for _ in range(n)]
    both_ways = lambda lengths: [[a == b for b in owner(lengths)] for a in owner(lengths)]
    right = lambda lengths: [
        [a == b and k <= q for k, b in enumerate(owner(lengths))] for q, a in enumerate(owner(lengths))
    ]
    for answer, says in [
        (None, "Not tried"),
        (lambda lengths: [[True]], "should be 3 by 3"),
        (lambda lengths: [[False] * sum(lengths)] * sum(lengths), "token 0 should see token 0"),
        (causal, "lengths [2, 3], token 2 sees token 0, which is in another document"),
        (both_ways, "in its future"),
        (right, "Right"),
    ]:
        check.block_mask(answer)
        assert says in capsys.readouterr().out
