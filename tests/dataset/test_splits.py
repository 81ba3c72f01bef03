"""Rows that are nearly the same are never parted."""

import numpy as np
import pytest

from helpers.dataset import commands, splits
from helpers.errors import CourseError

TIMERS = ["set a timer for ten minutes", "set the timer for ten minutes"]
PROMPTS = ["turn on the lamp", "Turn on the lamp!", "what is the weather in Oslo", *TIMERS, "sing"]


def test_prompts_that_are_alike_share_a_cluster():
    cluster = splits.clusters(PROMPTS)
    assert cluster[0] == cluster[1] and cluster[3] == cluster[4]
    assert len(set(cluster.tolist())) == 4


def test_rows_of_one_group_share_a_cluster_and_none_is_no_group():
    cluster = splits.clusters(["one", "two and a half", "completely different"], [7, None, 7])
    assert cluster[0] == cluster[2] != cluster[1]


def test_chains_count():
    chain = ["a b c d e f g h", "a b c d e f g x", "a b c d e f y x"]
    assert len(set(splits.clusters(chain).tolist())) == 1


def test_a_cluster_is_in_one_split_and_every_row_in_one():
    prompts = [row["prompt"][-1]["content"] for row in commands.load()["validation"]]
    cluster = splits.clusters(prompts)
    rows = splits.split(cluster, test=0.2, validation=0.1)
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(prompts)))
    numbers = [set(cluster[held].tolist()) for held in rows.values()]
    assert not (numbers[0] & numbers[1] or numbers[0] & numbers[2] or numbers[1] & numbers[2])
    assert 0.15 < len(rows["test"]) / len(prompts) < 0.25


def test_the_seed_decides_the_split():
    cluster = np.arange(100)
    one, again, other = (splits.split(cluster, seed=seed)["test"].tolist() for seed in (0, 0, 1))
    assert one == again != other


@pytest.mark.parametrize("prompts", [["only one"], ["the same"] * 50])
def test_nothing_to_hold_out_is_said(prompts):
    with pytest.raises(CourseError, match="Nothing is left for"):
        splits.split(splits.clusters(prompts))


def test_many_rows_take_seconds_and_equal_ones_stay_together():
    prompts = [f"question number {n % 6000} of many" for n in range(12_000)]
    cluster = splits.clusters(prompts)
    assert (cluster[:6000] == cluster[6000:]).all() and len(set(cluster.tolist())) == 6000
