"""Recipes of the recorded runs: what each trains on, with which settings, and the fault that was built into it."""

from dataclasses import dataclass, field

from helpers.dataset import perturb


@dataclass(frozen=True)
class Run:
    about: str
    templates: int  # training sentences from templates
    natural: int = 0  # natural commands kept for training, further `copies` with other names and numbers among them
    copies: int = 0
    shuffled: float = 0.0  # share of the rows that get one another's answers
    non_commands: int = 0  # sentences that are no command, each up to twice
    misspelt: float = 0.0  # share of the commands that get a slip or capitals
    replay: bool = False  # add the model's own answers to general prompts
    slices: bool = False  # score on the slices of notebook 08 and on general text as well
    repeats: int = 0  # further rows, copies of a few
    leaked: bool = False  # train on the validation rows as well
    labels: str = ""  # what is done to the trainer's labels: one of LABELS
    asked_plainly: bool = False  # ask for answers with the bare command, without system message and template
    lora: int = 0  # rank of the adapter; 0 trains all weights
    shrunk: float = 1.0  # the share of the adapter's change that is saved: one of SHARES in tools/slices.py
    ship: bool = False  # score the result as it is saved in half precision; some of them come with the course
    model: str = "smollm2"
    score_every: int = 0  # steps between scores on the validation split; 0 scores at the end alone
    fault: str = ""  # a name of data/diagnoses.json, for runs of the gallery
    fix: str = ""  # the run that does it right
    use: str = ""  # in the gallery: the diagnosis' thresholds were set on it, or it is for its test
    config: dict = field(default_factory=dict)  # of SFTConfig, where it differs from SETTINGS


LABELS = ("no end", "nothing", "two beginnings")
SETTINGS = dict(
    max_steps=100,
    per_device_train_batch_size=8,
    learning_rate=3e-4,
    warmup_steps=0.1,
    lr_scheduler_type="cosine",
    max_length=256,
    logging_steps=5,
    eval_strategy="steps",
    eval_steps=50,
    per_device_eval_batch_size=32,
    seed=0,
)
WATCHED = dict(logging_steps=2, eval_steps=10, eval_on_start=True)  # what a curve needs that is looked at


def _seeds(name: str, about: str, *args, seeds=range(3), **options) -> dict[str, Run]:
    config = options.pop("config", {})
    return {f"{name}_{n}": Run(f"{about}, seed {n}", *args, config=config | dict(seed=n), **options) for n in seeds}


COMPARED = {
    # Each takes 800 examples' worth of updates, so that only the number of different examples varies.
    "examples_50": Run("50 template sentences", 50, score_every=20, config=dict(eval_steps=20)),
    # Recorded when the trainer had changed: notebooks 03 and 06 show how far the two part.
    "examples_50_again": Run("50 template sentences, again", 50, score_every=20, config=dict(eval_steps=20)),
    # Fewer or worse examples matter only against the spread of seeds, so each set has five. A seed decides which
    # examples are drawn, which of them are spoiled, and their order.
    **{
        name: run
        for n in (50, 100, 200, 400, 800)
        for name, run in _seeds(f"examples_{n}", f"{n} template sentences", n, seeds=range(5)).items()
    },
    **_seeds(
        "shuffled_20", "800 template sentences, 20% with the answer of another", 800, seeds=range(5), shuffled=0.2
    ),
    **_seeds(
        "repeats_400",
        f"400 template sentences and 400 copies of {perturb.REPEATED} of them",
        400,
        seeds=range(5),
        repeats=400,
    ),
    # Beside the gallery's adapters at a sixth of this rate and at ten times of it.
    "lora_same": Run("a LoRA adapter at the rate of all weights", 800, lora=8, config=WATCHED),
    "rate_third": Run("a third of the healthy learning rate", 800, config=WATCHED | dict(learning_rate=1e-4)),
    # As the five sets of 800 above, by the same trainer; the run before was recorded with the gallery.
    **_seeds(
        "rate_third",
        "a third of the healthy learning rate",
        800,
        seeds=range(5),
        config=WATCHED | dict(learning_rate=1e-4),
    ),
    # At the edge of what is stable: an earlier recording of the same recipe leapt at update 16, so it is in no gallery.
    "rate_tenfold": Run("ten times the healthy learning rate", 800, config=WATCHED | dict(learning_rate=3e-3)),
    "natural_400": Run("400 template sentences and 400 natural ones", 400, natural=400),
}
ON_ALL_COMMANDS = dict(templates=2392, natural=3800, copies=2, slices=True, lora=8, ship=True)
OF_ADAPTERS = dict(learning_rate=2e-3, warmup_steps=0.05, train_sampling_strategy="group_by_length")
SHIPPED = {
    "adapter": Run(
        "LoRA on all template sentences and on natural ones, each natural one up to three times",
        **ON_ALL_COMMANDS,
        config=dict(max_steps=500, per_device_train_batch_size=16, eval_steps=125, **OF_ADAPTERS),
    ),
    # Weight decay and shrinking keep the model near the one that it was: prose of another kind costs it less.
    **_seeds(
        "improved",
        "as the adapter, with sentences that are no command and slips, longer, and held back",
        **ON_ALL_COMMANDS,
        non_commands=600,
        misspelt=0.25,
        shrunk=0.9,
        config=dict(max_steps=1000, per_device_train_batch_size=32, weight_decay=0.5, eval_steps=250, **OF_ADAPTERS),
    ),
    "nano": Run(
        "all weights of the nano model on the same sentences, so that tests take seconds",
        templates=2392,
        natural=1600,
        ship=True,
        model="nano",
        config=dict(max_steps=600, per_device_train_batch_size=16, learning_rate=4e-3, eval_steps=200),
    ),
}


def _shown(about: str, fault: str, fix: str = "healthy_0", templates: int = 800, seed: int = 0, **settings) -> Run:
    """A run of the gallery: options of Run by their names, anything else for SFTConfig."""
    options = {k: settings.pop(k) for k in list(settings) if k in Run.__dataclass_fields__}
    config = {**WATCHED, **settings, "seed": seed}
    return Run(about, templates, fault=fault, fix=fix, config=config, **{"use": "test", **options})


# As many examples as the other runs see, so eight times as many updates.
SINGLE = dict(per_device_train_batch_size=1, max_steps=800, logging_steps=16, eval_steps=80)
GALLERY = {
    **{f"healthy_{n}": _shown("800 sentences, once", "healthy", fix="", seed=n) for n in range(3)},
    **{
        name: _shown("200 sentences, four times", "healthy", fix="", templates=200, seed=seed)
        for name, seed in {"staircase": 0, "staircase_1": 1}.items()
    },
    "lora": _shown("a LoRA adapter at ten times the learning rate", "healthy", fix="", lora=8, learning_rate=3e-3),
    "rate_diverged": _shown("learning rate 1e-2", "learning rate too high", learning_rate=1e-2),
    "rate_noisy": _shown("learning rate 5e-3", "learning rate too high", learning_rate=5e-3),
    "rate_low": _shown("learning rate 3e-6", "learning rate too low", learning_rate=3e-6),
    "lora_low": _shown(
        "a LoRA adapter at the original chapter's rate", "learning rate too low", "lora", lora=8, learning_rate=5e-5
    ),
    "few_steps": _shown("12 updates", "too few steps", max_steps=12, logging_steps=1, eval_steps=3, use="thresholds"),
    "few_steps_1": _shown("16 updates", "too few steps", max_steps=16, logging_steps=1, eval_steps=4, seed=1),
    "overfit": _shown("50 sentences, 14 times, rate 1e-3", "overfitting", templates=50, learning_rate=1e-3),
    "memorised": _shown("100 sentences, almost eight times", "memorising", templates=100),
    "wrong_labels": _shown("a third of the answers swapped", "wrong labels", shuffled=0.33),
    "repeated": _shown("400 sentences, and 400 copies of 20", "duplicated data", templates=400, repeats=400),
    "leaked": _shown("validation rows among 196 sentences", "leaked validation", "unleaked", 100, leaked=True),
    "unleaked": _shown("196 sentences, four times", "healthy", fix="", templates=196, use="thresholds"),
    "no_warmup": _shown(
        "rate 1e-3 from the first step", "no warm-up", "warmed_up", warmup_steps=0, learning_rate=1e-3, use="thresholds"
    ),
    "no_warmup_1": _shown(
        "rate 8e-4 from the first step", "no warm-up", "warmed_up_1", warmup_steps=0, learning_rate=8e-4, seed=1
    ),
    "no_warmup_2": _shown(
        "rate 2e-3 from the first step", "no warm-up", "warmed_up_2", warmup_steps=0, learning_rate=2e-3, seed=2
    ),
    "warmed_up": _shown("rate 1e-3 after 10 steps of warm-up", "healthy", fix="", learning_rate=1e-3),
    "warmed_up_1": _shown("rate 8e-4 after 10 steps of warm-up", "healthy", fix="", learning_rate=8e-4, seed=1),
    "warmed_up_2": _shown("rate 2e-3 after 10 steps of warm-up", "healthy", fix="", learning_rate=2e-3, seed=2),
    "batch_1": _shown("800 sentences, one an update", "batch too small", "accumulated", use="thresholds", **SINGLE),
    "batch_1_1": _shown("one example an update, another seed", "batch too small", "accumulated", seed=1, **SINGLE),
    "accumulated": _shown(
        "one example at a time, eight an update",
        "healthy",
        fix="",
        per_device_train_batch_size=1,
        gradient_accumulation_steps=8,
    ),
    "no_end": _shown("the end token hidden from the loss", "end token masked", labels="no end"),
    "asked_plainly": _shown(
        "trained in ChatML, asked with the bare command", "wrong template at inference", asked_plainly=True
    ),
}
# Ways to run nano: diagnosis must not depend on schedule, batch or how often a run is logged.
NANO = [
    dict(max_steps=300, per_device_train_batch_size=16, learning_rate=4e-3, logging_steps=5, eval_steps=30),
    dict(
        max_steps=400, per_device_train_batch_size=8, learning_rate=3e-3, lr_scheduler_type="linear", logging_steps=10
    ),
    dict(max_steps=360, per_device_train_batch_size=12, learning_rate=4e-3, logging_steps=4, eval_steps=20),
    dict(max_steps=250, per_device_train_batch_size=24, learning_rate=5e-3, lr_scheduler_type="constant_with_warmup"),
    dict(max_steps=320, per_device_train_batch_size=20, learning_rate=4e-3, logging_steps=8, eval_steps=40),
    dict(max_steps=500, per_device_train_batch_size=8, learning_rate=2.5e-3, lr_scheduler_type="linear", eval_steps=50),
]


def _nano(about: str, fault: str, slower: float = 1, shorter: float = 1, ways=range(6), **settings) -> list[Run]:
    """The fault in each of the `ways` to run nano: learning rate and number of steps divided, other settings as given.

    The first four are for setting thresholds, the others for the test.
    """
    runs = []
    for way in ways:
        base = {"eval_steps": 25, "eval_on_start": True, **NANO[way], "seed": way}
        base |= {"learning_rate": base["learning_rate"] / slower, "max_steps": round(base["max_steps"] / shorter)}
        options = {"templates": 2392, **settings}
        config = {**base, **{k: options.pop(k) for k in list(options) if k not in Run.__dataclass_fields__}}
        use = "thresholds" if way < 4 else "test"
        runs.append(Run(about, model="nano", fault=fault, use=use, config=config, **options))
    return runs


NANO_RUNS = {
    "healthy": _nano("all sentences", "healthy"),
    "rate_diverged": _nano("a hundred times the learning rate", "learning rate too high", slower=0.01),
    "rate_noisy": _nano("thirty times the learning rate", "learning rate too high", slower=1 / 30),
    "rate_low": _nano("a 300th of the learning rate", "learning rate too low", slower=300),
    "few_steps": _nano("a twentieth of the updates", "too few steps", shorter=20, logging_steps=1, eval_steps=3),
    "overfit": _nano("100 sentences", "overfitting", templates=100),
    "overfit_30": _nano("30 sentences", "overfitting", templates=30),
    "leaked": _nano("validation rows among 196 sentences", "leaked validation", templates=100, leaked=True),
    "batch_1": _nano("one example an update", "batch too small", per_device_train_batch_size=1),
    "nothing": _nano("all labels masked", "nothing in the loss", shorter=5, labels="nothing"),
    "nan": _nano("a learning rate of 1e30", "not a number", shorter=5, slower=4e-33),
    "rate_collapsed": _nano("a learning rate of 1e6", "learning rate too high", shorter=5, slower=4e-9, ways=(3,)),
    # The log shows nothing of these; they are for the game and for the confusion table's second half.
    "repeated": _nano(
        "400 sentences, and 400 copies of 20", "duplicated data", ways=(0, 2, 4), templates=400, repeats=400
    ),
    "no_end": _nano("the end token hidden from the loss", "end token masked", ways=(0, 2, 4), labels="no end"),
    "prompt": _nano("the prompt in the loss", "prompt in the loss", ways=(0, 2, 4), completion_only_loss=False),
    "two_beginnings": _nano(
        "a second beginning token", "beginning token twice", ways=(0, 2, 4), labels="two beginnings"
    ),
}
GALLERY |= {f"nano_{name}_{i}": run for name, runs in NANO_RUNS.items() for i, run in enumerate(runs)}
RUNS = COMPARED | SHIPPED | GALLERY
