"""Checks of notebook 10, Ship."""

from pathlib import Path

import torch
import yaml

from helpers.checks.protocol import Verdict, check, not_yet, right
from helpers.errors import CourseError
from helpers.evaluation import wilson
from helpers.model import load

BLOCK = {  # what the card of the course's model has to say
    "license": "apache-2.0",
    "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "pipeline_tag": "text-generation",
}
HOMES, MERGED_MB, ADAPTER_MB = 100, 542, 5
SHARE, POINTS = 0.83, 3  # of calls that are right, and how far a 95% interval may reach to each side
HALF, LOGIT = 0.55, 0.1  # of the size at most; how far a logit may move


@check
def merged(weights: torch.Tensor, layer) -> Verdict:
    """The weights of a layer of PEFT with its adapter added to them."""
    base, update = layer.get_base_layer().weight.detach(), layer.get_delta_weight("default").detach()
    if not isinstance(weights, torch.Tensor) or weights.shape != base.shape:
        return not_yet(f"it should be a matrix of {tuple(base.shape)}, as W is. Which of A and B comes first?")
    if torch.allclose(weights, base + update, atol=1e-4):
        return right("one addition for each weight, and the adapter is gone.")
    if torch.allclose(weights, update, atol=1e-4):
        return not_yet("that is the update alone; add it to W.")
    if torch.allclose(weights, base + update / layer.scaling["default"], atol=1e-4):
        return not_yet("the scale is missing.")
    return not_yet("W @ x + scale * B @ (A @ x) should be your matrix times x, for any x.")


@check
def end_token(token: str, tokenizer) -> Verdict:
    """The token that ends a turn, as text."""
    if token == tokenizer.eos_token:
        return right("the model learned to write it after each call, and whoever runs the model has to stop there.")
    if token == tokenizer.bos_token:
        return not_yet("that one begins a turn.")
    if token == tokenizer.eos_token_id:
        return not_yet("that is its number; a Modelfile wants its text.")
    if token in tokenizer.get_vocab():
        return not_yet("that is a token, though none that the template writes at the end of a turn.")
    return not_yet("that is no token: it begins with <| and ends with |>.")


@check
def card_block(text: str) -> Verdict:
    """The YAML block of a model card that names what BLOCK names."""
    try:
        block = yaml.safe_load(text)
    except (AttributeError, yaml.YAMLError):
        block = None
    if not isinstance(block, dict):
        return not_yet("each line is a name, a colon, a space and a value.")
    for name, expected in BLOCK.items():
        if name not in block:
            return not_yet(f"{name} is missing.")
        if block[name] not in (expected, [expected]):
            return not_yet(f"{name} is {block[name]!r}; look at it again, letter by letter.")
    return right("the hub shows licence, origin and task, and finds the model by them.")


@check
def hundred_homes(gigabytes: dict[str, float | None]) -> Verdict:
    """GB of HOMES fine-tunes, each merged, and as adapters beside one model."""
    expected = {
        "a hundred merged models": HOMES * MERGED_MB / 1e3,
        "one model and a hundred adapters": (MERGED_MB + HOMES * ADAPTER_MB) / 1e3,
    }
    for name, given in gigabytes.items():
        if given is None:
            return not_yet(f"{name}: not tried yet.")
        if abs(given - expected[name]) > 0.05 * expected[name]:
            return not_yet(f"{name}: not {given:g} GB. What is there once, and what a hundred times?")
    whole, shared = expected.values()
    return right(f"{whole:.0f} GB against {shared:.1f}, a fiftieth.")


@check
def enough_commands(number: int) -> Verdict:
    """The smallest number of commands, or a tenth more, whose interval for SHARE reaches POINTS to each side."""
    if not isinstance(number, int) or number < 1:
        return not_yet("give a whole number of commands.")
    reach = _reach(number)
    if reach > POINTS:
        return not_yet(f"with {number:,} commands the interval reaches {reach:.1f} points to one side.")
    fewest = next(n for n in range(1, number + 1) if _reach(n) <= POINTS)
    if number > 1.1 * fewest:
        return not_yet(f"that is enough: {reach:.1f} points. Fewer would do.")
    return right(f"with {number:,} commands the interval reaches {reach:.1f} points.")


@check
def half_the_size(folder: Path | str, reference, ids: torch.Tensor, whole: float) -> Verdict:
    """A folder of at most HALF of `whole` MB whose model gives nearly the logits of `reference` for `ids`."""
    try:
        mine = load(str(folder))[0].eval()
    except CourseError as problem:
        return not_yet(str(problem))
    size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
    if size > HALF * whole:
        return not_yet(f"it has {size:.0f} MB of {whole:.0f}.")
    with torch.inference_mode():
        apart = float((mine(ids).logits - reference(ids).logits).abs().max())
    if apart >= LOGIT:
        return not_yet(f"{size:.0f} MB, and a logit moves by {apart:.1g}. The other format keeps more digits.")
    return right(f"{size:.0f} MB of {whole:.0f}, and the largest change of a logit is {apart:.1g}.")


def _reach(number: int) -> float:
    """Percentage points from SHARE to the farther end of its interval."""
    low, high = wilson(SHARE, number)
    return max(100 * SHARE - low, high - 100 * SHARE)
