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
