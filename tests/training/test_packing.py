"""Packing: pieces are placed as TRL places them, and each strategy keeps its promise."""

import pytest
import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.model import load
from helpers.training import memory, packing

PLAIN = dict(use_cpu=True, activation_checkpointing=False)
LENGTHS = [5, 12, 30, 7, 9, 22, 3, 14, 16, 1]
every = pytest.mark.parametrize("strategy", packing.STRATEGIES)


@every
def test_pieces_fill_rows_without_gap_or_overlap(strategy):
    pieces = packing.place(LENGTHS, strategy, 16)
    for _, row in pieces.groupby("row"):
        ends = (row["start"] + row["length"]).tolist()
        assert row["start"].tolist() == [0, *ends[:-1]] and ends[-1] <= 16
    lost = sum(max(0, n - 16) for n in LENGTHS) if strategy == "bfd" else 0
    facts = packing.summary(pieces, LENGTHS, 16)
    assert facts["tokens lost"] == lost and pieces["length"].sum() == sum(LENGTHS) - lost
    assert facts["rows"] == pieces["row"].nunique()


def test_bfd_cuts_only_what_does_not_fit():
    pieces = packing.place(LENGTHS, "bfd", 16)
    assert set(pieces[pieces["cut"]]["document"]) == {i for i, n in enumerate(LENGTHS) if n > 16}
    assert (pieces["first"] == 0).all()


def test_wrapped_fills_every_row_but_the_last():
    pieces = packing.place(LENGTHS, "wrapped", 16)
    assert (pieces.groupby("row")["length"].sum()[:-1] == 16).all()
    assert packing.summary(pieces, LENGTHS, 16)["documents cut"] == 6


@pytest.mark.parametrize("strategy, max_length", [("ffd", 16), ("bfd", 0), ("bfd", None), ("wrapped", 3.5)])
def test_wrong_arguments_are_named(strategy, max_length):
    with pytest.raises(CourseError, match="strategy 'ffd'|max_length is"):
        packing.place(LENGTHS, strategy, max_length)


@every
def test_rows_are_those_of_the_trainer(strategy, tmp_path):
    model, tokenizer = load("nano")
    rows = commands.load()["train"].select(range(12))
    lengths = [len(tokenizer.apply_chat_template(r["prompt"] + r["completion"])["input_ids"]) for r in rows]
    config = SFTConfig(
        output_dir=tmp_path, packing=True, packing_strategy=strategy, max_length=128, bf16=False, **PLAIN
    )
    packed = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer).train_dataset
    pieces = packing.place(lengths, strategy, 128)
    assert [len(ids) for ids in packed["input_ids"]] == pieces.groupby("row")["length"].sum().tolist()
    if strategy != "wrapped":
        assert packed["seq_lengths"] == [row["length"].tolist() for _, row in pieces.groupby("row")]


def test_packing_without_a_length_is_refused(tmp_path):
    model, tokenizer = load("nano")
    rows = Dataset.from_list([{"text": "lights off"}])
    config = SFTConfig(output_dir=tmp_path, packing=True, max_length=None, bf16=False, **PLAIN)
    with pytest.raises(ValueError, match="`max_length` can't be `None`"):
        SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)


@pytest.mark.alone
def test_a_peak_is_that_of_its_block():
    with memory.Peak() as large:
        torch.ones(50_000_000).sum()
    with memory.Peak() as small:
        torch.ones(1_000_000).sum()
    assert 150e6 < large.bytes < 400e6
    assert small.bytes < 100e6
