"""The label budget of notebook 08, played by scripts: thinking has to pay."""

import random
import statistics

import pytest

import cells
import lessons

PLAYED = 3  # rounds of each policy


def by_reading_errors(before: dict[str, float], budget: int) -> dict[str, int]:
    """Half of the budget for each of the two kinds that nano got least right in the first round."""
    return dict.fromkeys(sorted(before, key=before.get)[:2], budget // 2)


def at_random(kinds: list[str], budget: int, rng: random.Random) -> dict[str, int]:
    """The budget cut into one part for each kind, at random places."""
    cuts = sorted(rng.randint(0, budget) for _ in kinds[1:])
    return {kind: end - start for kind, start, end in zip(kinds, [0, *cuts], [*cuts, budget], strict=True)}


@pytest.mark.slow
def test_a_thoughtful_purchase_beats_random_ones():
    """Over several seeds of the second round, by the mean over the kinds, as the game counts."""
    path = next(path for path in lessons.LESSONS if path.stem == "08_improve")
    known = cells.up_to(
        lessons.read(path), "second-round", model_name="nano", read_examples=20, first_updates=250, round_updates=50
    )
    kinds, budget, rng = list(known["shop"]), known["budget"], random.Random(0)
    means = {"errors": [], "random": []}
    for seed in range(PLAYED):
        known["seed"] = seed  # second_round reads it, as a notebook's function reads its names
        for policy, bought in {
            "errors": by_reading_errors(known["before"], budget),
            "random": at_random(kinds, budget, rng),
        }.items():
            means[policy].append(statistics.mean(known["second_round"](bought).values()))
    assert statistics.mean(means["errors"]) > statistics.mean(means["random"]), means
