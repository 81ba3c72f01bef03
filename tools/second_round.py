"""Record the trials of notebook 08 into data/runs/round_*.json: `python -m tools.second_round [NAME ...]`.

Each trial trains SmolLM2 on as many rows as any other, some of which are the cure's. All are scored on rows that
training never saw and that no report uses. Without names all are made, but those that an interrupted call has made.
"""

import argparse
import random
import tempfile
from dataclasses import asdict, dataclass

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_model
from tqdm import tqdm

from helpers import paths
from helpers.dataset import commands, likeness, perturb
from helpers.evaluation import evaluate
from helpers.model import load, load_tokenizer
from helpers.training import run_log
from helpers.training.cpu_trainer import CPUSFTTrainer
from tools import pieces
from tools.names import require_known
from tools.runs import sft_config
from tools.slices import DEVICE, digits, general, held_out, natural_rows, replay_rows

ROWS, NATURAL = 1200, 400  # rows of a training set, and how many of them are natural commands
SETTINGS = dict(
    num_train_epochs=1,
    per_device_train_batch_size=16,
    learning_rate=4e-4,
    warmup_steps=0.1,
    lr_scheduler_type="cosine",
    max_length=256,
    logging_steps=5,
)
WEIGHTS = paths.ROOT / "outputs" / "second_round"  # of the trials that are averaged
DONE = WEIGHTS.with_suffix(".txt")  # what an interrupted call has made so far


@dataclass(frozen=True)
class Trial:
    about: str
    natural: int = NATURAL
    non_commands: int = 0
    wrapped: int = 0
    replay: int = 0
    fewer: int = 0  # pattern sentences that are left out, and nothing takes their place
    misspelt: float = 0.0  # share of the rows of commands
    seed: int = 0
    averages: tuple[str, ...] = ()  # trains nothing: the mean of the weights of these


def _seeds(name: str, about: str, **options) -> dict[str, Trial]:
    return {f"{name}_{seed}": Trial(about, seed=seed, **options) for seed in range(4)}


TRIALS = {
    **_seeds("again", "as before: 800 pattern sentences and 400 natural commands"),
    "averaged": Trial("the mean of the weights of three seeds", averages=("again_0", "again_1", "again_2")),
    "non_commands_0": Trial("200 sentences that are no command", non_commands=200),
    "misspelt_0": Trial("a slip or capitals in a third of the sentences", misspelt=1 / 3),
    "fewer_0": Trial("200 pattern sentences fewer, and nothing in their place", fewer=200),
    "wrapped_0": Trial("200 pattern sentences with polite words around them", wrapped=200),
    "replay_5_0": Trial("5% general text", replay=ROWS // 20),
    "replay_20_0": Trial("20% general text", replay=ROWS // 5),
    **_seeds("together", "non-commands, slips, and 5% general text", non_commands=200, misspelt=1 / 3, replay=60),
}


def training_rows(trial: Trial, replay: list[dict]) -> Dataset:
    """ROWS rows, less what the trial leaves out: those of the cure take the place of pattern sentences."""
    rng, seed = random.Random(trial.seed), trial.seed
    data = commands.load()
    patterns = list(data["train"].shuffle(seed=seed))
    extra = trial.natural + trial.non_commands + trial.wrapped + trial.replay
    of_patterns, rest = patterns[: ROWS - extra - trial.fewer], patterns[ROWS - extra :]
    natural, kept_aside = natural_rows(seed)
    wrapped = perturb.wrapped(rest[: trial.wrapped], seed)
    known = [row["prompt"][-1]["content"] for row in [*kept_aside, *data["validation"]]]
    alike = {place for place, *_ in likeness.all_pairs([row["prompt"][-1]["content"] for row in wrapped], known)}
    wrapped = [row for place, row in enumerate(wrapped) if place not in alike]
    rows = perturb.misspelt(of_patterns + natural[: trial.natural] + wrapped, trial.misspelt, seed)
    nothing = commands.non_commands("train")
    rng.shuffle(nothing)
    rows += nothing[: trial.non_commands] + replay[: trial.replay]
    rng.shuffle(rows)
    return Dataset.from_list([{key: row[key] for key in ("prompt", "completion")} for row in rows])


def train_on(rows: Dataset, model, tokenizer, settings: dict) -> tuple:
    """The model after training on the rows, its log, its minutes. settings: of SFTConfig."""
    clock = run_log.Clock()
    with tempfile.TemporaryDirectory() as scratch:
        trainer = CPUSFTTrainer(
            model=model,
            args=sft_config(scratch, settings),
            train_dataset=rows,
            processing_class=tokenizer,
            callbacks=[clock],
        )
        trainer.train()
    return trainer.model, trainer.state.log_history, clock.seconds / 60


def averaged(names: tuple[str, ...]):
    """A model whose weights are the mean of those that the named trials have left in WEIGHTS."""
    states = [load_file(WEIGHTS / f"{name}.safetensors") for name in names]
    model, _ = load()
    model.load_state_dict({key: torch.stack([s[key] for s in states]).mean(0) for key in states[0]}, strict=False)
    model.tie_weights()
    return model


def record(name: str, trial: Trial, replay: list[dict]) -> None:
    """Train and score a trial, and write data/runs/round_NAME.json."""
    log, minutes = [], 0.0
    if trial.averages:
        model = averaged(trial.averages)
    else:
        rows = training_rows(trial, replay)
        model, log, minutes = train_on(rows, *load(), SETTINGS | {"seed": trial.seed})
    tokenizer = load_tokenizer()
    if name in TRIALS["averaged"].averages:
        WEIGHTS.mkdir(parents=True, exist_ok=True)
        save_model(model, WEIGHTS / f"{name}.safetensors")
    scores = {slice_: evaluate(model, tokenizer, Dataset.from_list(rows)) for slice_, rows in held_out().items()}
    run_log.save(
        f"round_{name}",
        recipe=asdict(trial) | {"config": SETTINGS},
        minutes=minutes,
        right={part: digits(of_part.rows["exact"]) for part, of_part in scores.items()},
        intent={part: digits(of_part.rows["intent"]) for part, of_part in scores.items()},
        general=general(model, tokenizer),
        log=log,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"trials: {', '.join(TRIALS)}")
    names = parser.parse_args().names
    require_known(names, TRIALS, "trial")
    model, tokenizer = load()
    model.to(DEVICE)
    replay = replay_rows(model, tokenizer)
    run_log.save("round_base", replay=len(replay), general=general(model, tokenizer), log=[])
    for name in tqdm(names, unit="trial") if names else pieces.resumed(list(TRIALS), DONE, "trial"):
        record(name, TRIALS[name], replay)


if __name__ == "__main__":
    main()
