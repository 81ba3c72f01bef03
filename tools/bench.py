"""Where a training step's time goes on this machine, and what CPUSFTTrainer saves: `make bench`.

Every case trains a fresh SmolLM2 on the same examples, in the same order, in this one process; cases that are compared
take turns, so a machine that slows down slows all of them. Writes data/runs/bench.json with --record.
"""

import argparse
import gc
import sys
import tempfile
import time
import warnings

import datasets
import pandas as pd
import psutil
import torch
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer
from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE as TILE  # columns of the vocabulary that TRL takes at once

from helpers.dataset import commands
from helpers.evaluation.generation import generate
from helpers.model import fast_bf16, load, load_tuned
from helpers.training import memory, run_log
from helpers.training.cpu_trainer import CPUSFTTrainer

EXAMPLES = 800
BATCH_16 = dict(per_device_train_batch_size=16, learning_rate=4e-4, activation_checkpointing=False)
# The arguments that the original chapter passes; TRL's defaults fill the rest, checkpointing among them.
CHAPTER = dict(per_device_train_batch_size=4, learning_rate=5e-5, max_steps=1000)
BAR = dict(leave=False, file=sys.stderr)


class AlwaysEager(CPUSFTTrainer):
    longest_eager = float("inf")


class NeverEager(CPUSFTTrainer):
    longest_eager = 0


class Bench:
    def __init__(self, folder: str, name: str):
        self.folder, self.name, self.data = folder, name, commands.load()
        model, self.tokenizer = load(name)
        self.config, self.parameters = model.config, model.num_parameters()

    def trainer(self, cls, name: str | None = None, rows=None, **settings):
        model, tokenizer = load(name or self.name)
        defaults = dict(output_dir=self.folder, seed=0, bf16=fast_bf16(), use_cpu=True, max_length=None)
        quiet = dict(report_to="none", disable_tqdm=True, logging_steps=1, save_strategy="no")
        trainer = cls(
            model=model,
            args=SFTConfig(**{**defaults, **quiet, **settings}),
            train_dataset=rows or self.data["train"].select(range(EXAMPLES)),
            processing_class=tokenizer,
        )
        run_log.stop_printing(trainer)
        return trainer

    def speed(self, cls, steps: int, **settings) -> dict:
        """Tokens per second of `steps` steps after two to warm up, the first loss, peak memory above the start."""
        with memory.Peak() as peak:
            trainer = self.trainer(cls, **{**settings, "max_steps": steps + 2})
            trainer.add_callback(run_log.Clock())
            trainer.train()
        log = run_log.table(trainer.state.log_history)
        tokens = log["num_tokens"].diff()[2:]
        seconds = (tokens / log["tokens_per_second"][2:]).sum()
        return {"tokens": tokens.sum(), "seconds": seconds, "first_loss": log["loss"][0], "peak": peak.bytes}

    def plain_loop(self, steps: int, **settings) -> dict:
        """The same batches through transformers alone: forward with labels, backward, clip, AdamW."""
        with memory.Peak() as peak:
            batches = iter(self.trainer(SFTTrainer, **settings).get_train_dataloader())
            model, _ = load(self.name)
            optimizer = torch.optim.AdamW(model.parameters(), lr=settings["learning_rate"], fused=True)
            model.train()
            tokens, seconds, first = 0, 0.0, None
            for step in range(steps + 2):
                batch, began = next(batches), time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16()):
                    loss = model(**batch, use_cache=False).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                first = first or loss.item()
                if step > 1:
                    tokens, seconds = tokens + int(batch["attention_mask"].sum()), seconds + time.perf_counter() - began
        return {"tokens": tokens, "seconds": seconds, "first_loss": first, "peak": peak.bytes}

    def ceiling(self) -> float:
        """Tokens per second if a step were nothing but matrix products, all as fast as large square ones."""
        dtype = torch.bfloat16 if fast_bf16() else torch.float32
        a = torch.randn(2048, 2048).to(dtype)
        a @ a
        began, n = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < 2:
            a @ a
            n += 1
        return n * 2 * 2048**3 / spent / (6 * self.parameters)  # forward 2 FLOP a parameter and token, backward 4

    def profile(self, cls) -> dict:
        """Seconds of one step by kind of work."""
        gc.collect()
        trainer = self.trainer(cls, **BATCH_16, max_steps=4)
        step, seen = trainer.training_step, []

        def profiled(*args, **kwargs):
            if trainer.state.global_step < 2:  # to warm up
                return step(*args, **kwargs)
            with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as recorded:
                loss = step(*args, **kwargs)
            seen.append(recorded)
            return loss

        trainer.training_step = profiled
        trainer.train()
        seconds: dict = {}
        for recorded in seen:
            for event in recorded.key_averages(group_by_input_shape=True):
                kind = self._kind(event)
                seconds[kind] = seconds.get(kind, 0) + event.self_cpu_time_total / 1e6 / len(seen)
        return seconds

    def _kind(self, event) -> str:
        sizes = {size for shape in event.input_shapes for size in shape if isinstance(size, int)}
        if sizes & {self.config.vocab_size, TILE, self.config.vocab_size % TILE}:
            return "vocabulary: LM head, loss, embedding"
        if event.key in ("aten::mm", "aten::addmm"):
            return "matrix products of the layers"
        if "attention" in event.key or event.key in ("aten::bmm", "aten::_softmax"):
            return "attention"
        if event.key in ("aten::copy_", "aten::fill_", "aten::zero_", "aten::cat"):
            return "copies, casts and zeros"
        return "activations, norms and the rest"


def generation(model, tokenizer, records) -> dict:
    """Seconds to answer the same prompts: `generate` in order at batch 15, padded, against generate."""
    prompts, seconds = list(records["prompt"]), {"plain": 0.0, "ours": 0.0}
    for _ in range(2):
        gc.collect()
        began = time.perf_counter()
        for start in range(0, len(prompts), 15):
            texts = [tokenizer.apply_chat_template(p, tokenize=False, add_generation_prompt=True)
                     for p in prompts[start : start + 15]]  # fmt: skip
            batch = tokenizer(texts, add_special_tokens=False, padding=True, padding_side="left", return_tensors="pt")
            with torch.inference_mode():
                model.generate(**batch, do_sample=False, max_new_tokens=48, pad_token_id=tokenizer.pad_token_id)
        seconds["plain"] += time.perf_counter() - began
        began = time.perf_counter()
        generate(model, tokenizer, prompts)
        seconds["ours"] += time.perf_counter() - began
    return seconds


def joined(bench: Bench, tokens: int, rows: int) -> datasets.Dataset:
    """Rows of exactly `tokens` tokens, made of training examples one after the other."""
    tokenizer = bench.tokenizer
    texts = [tokenizer.apply_chat_template(r["prompt"] + r["completion"], tokenize=False) for r in bench.data["train"]]
    ids = [i for part in tokenizer(texts, add_special_tokens=False)["input_ids"] for i in part]
    ids *= 1 + tokens * rows // len(ids)
    cut = [ids[i * tokens : (i + 1) * tokens] for i in range(rows)]
    return datasets.Dataset.from_dict({"input_ids": cut, "labels": cut})


def growth(bench: Bench, quick: bool) -> list[dict]:
    """Tokens per second of CPUSFTTrainer against length, batch, model and threads, one changed at a time."""
    threads = torch.get_num_threads()
    short, cases = {**BATCH_16, "steps": 2 if quick else 3}, []
    for length in (32, 64, 128, 256):
        rows = joined(bench, length, 5 * 1024 // length)
        case = {**short, "rows": rows, "per_device_train_batch_size": 1024 // length}
        for attention, cls in (("eager", AlwaysEager), ("sdpa", NeverEager)):
            cases.append((f"{attention} attention, 1,024 tokens as rows of", length, cls, threads, case))
    for batch in (4, 8, 16, 32):
        case = {**short, "per_device_train_batch_size": batch}
        cases.append(("examples in a batch", batch, CPUSFTTrainer, threads, case))
    for n in sorted({1, max(1, threads // 2), threads}):
        cases.append(("threads", n, CPUSFTTrainer, n, short))
    for name in ("nano", "smollm2"):
        cases.append(("model", name, CPUSFTTrainer, threads, {**short, "name": name}))
    rows = []
    for what, value, cls, n, case in tqdm(cases[::8] if quick else cases, desc="growth", **BAR):
        torch.set_num_threads(n)
        one = bench.speed(cls, **case)
        rows.append({"what": what, "value": value, "tokens_per_second": one["tokens"] / one["seconds"]})
    torch.set_num_threads(threads)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write data/runs/bench.json, which notebook 05 draws")
    parser.add_argument("--quick", action="store_true", help="a step of each case on nano, to try it out")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore")
    busy = psutil.cpu_percent(interval=2)
    if busy > 20:
        print(f"Another job keeps {busy:.0f}% of this machine busy: stop it first, or these figures mean little.")
    with tempfile.TemporaryDirectory() as folder:
        return report(Bench(folder, "nano" if arguments.quick else "smollm2"), arguments)


def report(bench: Bench, arguments) -> int:
    stock, ours, quick = SFTTrainer, CPUSFTTrainer, arguments.quick
    cases = {
        "original chapter's arguments": lambda n: bench.speed(stock, 2 * n, **CHAPTER),
        "SFTTrainer, batch of 16": lambda n: bench.speed(stock, n, **BATCH_16),
        "CPUSFTTrainer, batch of 16": lambda n: bench.speed(ours, n, **BATCH_16),
        "plain PyTorch loop, batch of 16": lambda n: bench.plain_loop(n, **BATCH_16),
    }
    totals = {name: {"tokens": 0, "seconds": 0.0} for name in cases}
    ceiling = 0.0
    rounds = [1] if quick else [1, -1]
    for turn in tqdm(rounds, desc="speed", **BAR):
        ceiling = max(ceiling, bench.ceiling())
        for name, run in list(cases.items())[::turn]:
            one = run(1 if quick else 4)
            totals[name]["tokens"] += one["tokens"]
            totals[name]["seconds"] += one["seconds"]
            totals[name]["first_loss"] = one["first_loss"]
            totals[name]["peak"] = max(one["peak"], totals[name].get("peak", 0))
    table = pd.DataFrame(totals).T
    table["tokens per second"] = table["tokens"] / table["seconds"]
    table["share of ceiling"] = table["tokens per second"] / ceiling
    table["peak GB"] = table["peak"] / 1e9
    names = list(cases)
    speeds = table["tokens per second"]
    result = {
        "seed_ratio": speeds[names[2]] / speeds[names[0]],
        "stock_ratio": speeds[names[2]] / speeds[names[1]],
        "ceiling_share": speeds[names[2]] / ceiling,
    }
    # A fine-tuned model, since its answers end.
    seconds = generation(*load_tuned(bench.name), bench.data["test"].select(range(15 if quick else 150)))
    result["generation_ratio"] = seconds["plain"] / seconds["ours"]
    turns = [stock, ours] if quick else [stock, ours, ours, stock]
    profiled = pd.DataFrame(
        [{"trainer": cls.__name__, **bench.profile(cls)} for cls in tqdm(turns, desc="profile", **BAR)]
    )
    parts = profiled.groupby("trainer").mean().T[["SFTTrainer", "CPUSFTTrainer"]]
    parts = parts.sort_values("SFTTrainer", ascending=False)
    grown = growth(bench, quick)
    print(f"\nSeconds of one step's forward and backward pass, by kind of work\n{parts.round(2).to_string()}\n")
    print(pd.DataFrame(grown).round(0).to_string(index=False), "\n")
    columns = ["tokens per second", "share of ceiling", "peak GB", "first_loss"]
    shown = table[columns].rename(columns={"first_loss": "first-step loss"})
    print(shown.to_string(float_format=lambda x: f"{x:.2f}" if x < 100 else f"{x:.0f}"))
    kind = "bfloat16" if fast_bf16() else "float32"
    print(f"ceiling: {ceiling:.0f} tokens per second if all were {kind} matrix products")
    if arguments.record:
        log = {"table": shown.to_dict(), "parts": parts.to_dict(), "growth": grown, "ceiling": ceiling}
        run_log.save("bench", **result, **log)
    print(" ".join(f"{name}={value:.2f}" for name, value in result.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
