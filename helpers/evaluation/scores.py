"""Scoring: what a model answers to commands, and how often that is valid, right and exact."""

import contextlib
import copy
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from tqdm.auto import tqdm

from helpers import commands, models
from helpers.errors import CourseError

# One name for each figure, here and in every table and plot of the course.
METRICS = {
    "valid": "valid JSON",
    "schema": "valid against the schema",
    "intent": "right intent",
    "exact": "exact call",
    "slot_f1": "slot F1",
}
RESAMPLES = 2000  # of the bootstrap
LONGEST = 40  # tokens of an answer, after which `generate` gives up; SmolLM2 needs 34 for the longest held-out call
IN_CACHE = 16_384  # tokens whose keys and values `generate` holds at once: 0.4 GB for SmolLM2


def generate(
    model, tokenizer, prompts: list[list[dict]], max_new_tokens: int = LONGEST, constraint: Callable | None = None
) -> list[str]:
    """The model's greedy answer to each prompt (a list of messages), without special tokens.

    What all prompts begin with, such as a system message with examples, is computed once. Prompts of like length
    share a batch, so little is padded; padding stands to the left of what differs, where generation needs it.
    An answer that does not end within `max_new_tokens` tokens comes back cut.
    Where bfloat16 is fast the weights are rounded to it meanwhile, which can turn a close call between two tokens.
    `constraint` makes a new LogitsProcessor for each batch, which may forbid tokens.
    More than one batch draws a progress bar.
    """
    if not prompts:
        return []
    texts = [tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True) for p in prompts]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    shared = len(os.path.commonprefix([*ids, ids[0][:-1]]))  # at least one token is left to each
    size = max(1, IN_CACHE // (len(ids[order[-1]]) + max_new_tokens))
    answers = [""] * len(ids)
    was_training = model.training
    model.eval()
    with (
        _in_bfloat16(model),
        torch.inference_mode(),
        tqdm(total=len(ids), desc="Answering", unit="command", leave=False, **bar_only_if(len(ids) > size)) as bar,
    ):
        start = torch.tensor([ids[0][:shared]], dtype=torch.long, device=model.device)
        prefix = model(input_ids=start, use_cache=True).past_key_values if shared else None
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            rest = tokenizer.pad({"input_ids": [ids[i][shared:] for i in rows]}, padding_side="left")
            rest = rest.convert_to_tensors("pt").to(model.device)
            repeated, cache = start.expand(len(rows), -1), copy.deepcopy(prefix)
            if cache is not None:
                cache.batch_repeat_interleave(len(rows))
            out = model.generate(
                input_ids=torch.cat([repeated, rest["input_ids"]], 1),
                attention_mask=torch.cat([torch.ones_like(repeated), rest["attention_mask"]], 1),
                past_key_values=cache,
                do_sample=False,
                max_new_tokens=max_new_tokens,
                logits_processor=[constraint()] if constraint else None,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
            new = out[:, shared + rest["input_ids"].shape[1] :]
            for i, text in zip(rows, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
                answers[i] = text
            bar.update(len(rows))
    model.train(was_training)
    return answers


def token_probabilities(model, tokenizer, prompts: list[list[dict]], answers: list[str]) -> list[pd.DataFrame]:
    """How probable each token of each answer was to the model, given the prompt and the tokens before it.

    A frame has a row for each token of the answer and one for the end token after it: token (its text), probability
    (0 to 1) and part, which says what of a call it belongs to: format, intent, slot, value, or end.
    """
    frames = []
    bar = tqdm(prompts, "Reading", leave=False, **bar_only_if(len(prompts) >= 20))
    for messages, answer in zip(bar, answers, strict=True):
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        given = tokenizer(text, add_special_tokens=False)["input_ids"]
        said = tokenizer(answer, add_special_tokens=False, return_offsets_mapping=True)
        ids = [*said["input_ids"], tokenizer.eos_token_id]
        with torch.inference_mode():
            every = torch.tensor([given + ids], device=model.device)
            logits = model(input_ids=every, logits_to_keep=len(ids) + 1).logits[0, :-1].float()
        probability = logits.softmax(-1)[torch.arange(len(ids)), ids].tolist()
        parts, spans = _parts(answer), said["offset_mapping"]
        part = [next((p for p in parts[a:b] if p != "format"), "format") for a, b in spans]
        tokens = [answer[a:b] for a, b in spans]
        frames.append(pd.DataFrame({"token": [*tokens, "⏹"], "probability": probability, "part": [*part, "end"]}))
    return frames


def bar_only_if(shown: bool) -> dict:
    """Options of a progress bar; TQDM_DISABLE, which tqdm's own bar for notebooks ignores, hides it in any case."""
    return {"disable": not shown or bool(os.environ.get("TQDM_DISABLE"))}


def _parts(call: str) -> list[str]:
    """For each character of a call's text, what it belongs to."""
    parts = ["format"] * len(call)
    for i, match in enumerate(re.finditer(r'"(\w+)":(?:"([^"]*)"|(-?[\d.]+))?', call)):
        # The first two keys are the call's own: name, whose value is the intent, and arguments.
        for group, part in ((1, "slot" if i > 1 else "format"), (2, "value" if i else "intent"), (3, "value")):
            start, end = match.span(group)
            parts[start:end] = [part] * (end - start)
    return parts


@contextlib.contextmanager
def _in_bfloat16(model):
    """Round the float32 parameters to bfloat16 for a moment, where that is fast; the originals come back unchanged."""
    kept = {p: p.data for p in model.parameters() if p.dtype == torch.float32} if models.fast_bf16() else {}
    try:
        for parameter, full in kept.items():
            parameter.data = full.bfloat16()
        yield
    finally:
        for parameter, full in kept.items():
            parameter.data = full


def parse(answer: str):
    """The JSON value that is the whole answer, or None."""
    try:
        return json.loads(answer)
    except ValueError:
        return None


@dataclass(frozen=True)
class Scores:
    """The answers to one set of commands, judged. `rows` has one row per command."""

    rows: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """A row for each metric: value, low, high in percent; low and high bound a bootstrap 95% interval."""
        rng = np.random.default_rng(0)
        picks = rng.integers(len(self.rows), size=(RESAMPLES, len(self.rows)))
        found = {}
        for key, label in METRICS.items():
            low, high = np.quantile(self._metric(key, picks), [0.025, 0.975])
            found[label] = {"value": self.percent(key), "low": 100 * low, "high": 100 * high}
        return pd.DataFrame(found).T

    def percent(self, key: str) -> float:
        """One figure in percent: key is one of METRICS."""
        return 100 * float(self._metric(key, np.arange(len(self.rows))[None])[0])

    def failures(self) -> pd.DataFrame:
        """The commands answered wrongly, grouped by kind: how many, and one example of each."""
        wrong = self.rows[self.rows["kind"] != "exact"]
        groups = wrong.groupby("kind")
        first = groups[["command", "expected", "answer"]].first()
        return first.assign(count=groups.size())[["count", *first.columns]].sort_values("count", ascending=False)

    def _metric(self, key: str, picks: np.ndarray) -> np.ndarray:
        """The metric for each row of `picks` (resamples x commands), between 0 and 1."""
        if key != "slot_f1":
            return self.rows[key].to_numpy(float)[picks].mean(axis=1)
        right, given, wanted = (self.rows[c].to_numpy(float)[picks].sum(axis=1) for c in ("hit", "given", "wanted"))
        return 2 * right / np.maximum(given + wanted, 1)


def score(answers: list[str], records: Dataset, language: str = "en") -> Scores:
    """Judge each answer against the call of its record.

    Raises ValueError when their numbers differ, CourseError for a record whose label is no valid call.
    """
    rows = []
    for number, (answer, row) in enumerate(zip(answers, records, strict=True)):
        command, expected = row["prompt"][-1]["content"], parse(row["completion"][0]["content"])
        if reason := commands.problem(expected, language):
            raise CourseError(f"Row {number} ({command!r}) is labelled with no valid call: {reason}; mend its label.")
        rows.append({"command": command, **_judge(answer, expected, language)})
    return Scores(pd.DataFrame(rows))


def evaluate(model, tokenizer, records: Dataset, language: str = "en", **options) -> Scores:
    """`generate` and `score` in one: how well the model answers the records' prompts."""
    return score(generate(model, tokenizer, list(records["prompt"]), **options), records, language)


def difference(one: Scores, other: Scores) -> pd.DataFrame:
    """How much better `one` did than `other` on the same commands: a row for each metric that both have, but slot F1.

    value, low, high: percentage points with a paired bootstrap 95% interval. only_one, only_other: the commands that
    just one of them got right. p: how often chance alone would split those at least as unevenly (McNemar's exact test).
    Raises ValueError when the commands differ.
    """
    if list(one.rows["command"]) != list(other.rows["command"]):
        raise ValueError("the two were not scored on the same commands")
    picks = np.random.default_rng(0).integers(len(one.rows), size=(RESAMPLES, len(one.rows)))
    found = {}
    for key in [k for k in METRICS if k in one.rows and k in other.rows]:
        change = one.rows[key].to_numpy(int) - other.rows[key].to_numpy(int)
        low, high = np.quantile(change[picks].mean(axis=1), [0.025, 0.975])
        won, lost = int((change > 0).sum()), int((change < 0).sum())
        tail = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1)) / 2 ** (won + lost)
        row = {"value": 100 * change.mean(), "low": 100 * low, "high": 100 * high}
        found[METRICS[key]] = row | {"only_one": won, "only_other": lost, "p": min(1.0, 2 * tail)}
    return pd.DataFrame(found).T


def _judge(answer: str, expected: dict, language: str) -> dict:
    call = parse(answer)
    shaped = isinstance(call, dict)
    arguments = call.get("arguments") if shaped else None
    given = Counter(_slots(arguments)) if isinstance(arguments, dict) else Counter()
    wanted = Counter(_slots(expected["arguments"]))
    in_schema = commands.problem(call, language) is None
    intent = shaped and call.get("name") == expected["name"]
    exact = in_schema and call == expected
    return {
        "expected": commands.call_text(**expected, language=language),
        "answer": answer,
        "valid": call is not None,
        "schema": in_schema,
        "intent": intent,
        "exact": exact,
        "hit": (given & wanted).total() if intent else 0,  # a slot of another call is worth nothing
        "given": given.total(),
        "wanted": wanted.total(),
        "kind": _kind(call, in_schema, intent, exact, given, wanted),
    }


def _slots(arguments: dict):
    return ((slot, json.dumps(value)) for slot, value in arguments.items())


def _kind(call, in_schema: bool, intent: bool, exact: bool, given: Counter, wanted: Counter) -> str:
    if exact:
        return "exact"
    if call is None:
        return "not JSON"
    if not intent:
        return "wrong intent" if in_schema else "not in the schema"
    names = lambda slots: {slot for slot, _ in slots}
    if missing := names(wanted) - names(given):
        return f"slot missing: {min(missing)}"
    if extra := names(given) - names(wanted):
        return f"slot too many: {min(extra)}"
    return f"wrong value: {min(names(wanted - given))}"
