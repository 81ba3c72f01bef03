"""Each keyword that a notebook passes to TRL, PEFT and transformers exists in the installed version.

Renamed and deprecated arguments are how the course this one follows broke: see the old chapter in README.md.
"""

import ast
import inspect
import re
import warnings

import pytest
import torch
from peft import LoraConfig
from transformers import Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

import lessons
from helpers import LAPTOP
from helpers.training.nano_run import nano_trainer

CALLS = {
    "SFTConfig": SFTConfig,
    "SFTTrainer": SFTTrainer,
    "LoraConfig": LoraConfig,
    "TrainingArguments": TrainingArguments,
    "train": Trainer.train,
}
OLD = "old-names"  # the cell of notebook 03 that tries what is gone, and shows what happens
CONFIGS = ("SFTConfig", "LoraConfig", "TrainingArguments")
everywhere = pytest.mark.parametrize("path", lessons.LESSONS + lessons.SOLUTIONS, ids=lessons.name)


@everywhere
def test_keywords_exist_and_are_current(path):
    problems = [
        f"{cell_id}: {callee}({keyword.arg}=...) {complaint}"
        for cell_id, callee, keywords in calls(path)
        for keyword in keywords
        if (complaint := refused(callee, keyword.arg))
    ]
    assert not problems


@everywhere
def test_configurations_are_built_without_a_warning(path, tmp_path):
    known = {"torch": torch}
    for cell in lessons.code_cells(lessons.read(path)):
        if cell.id == "parameters":
            exec(cell.source, known)
    for cell_id, callee, keywords in calls(path):
        if callee in CONFIGS:
            settings = {k.arg: v for k in keywords for v in values(k.value, known)}
            if callee != "LoraConfig":
                settings |= {"output_dir": str(tmp_path), "use_cpu": True}
            try:
                build(callee, settings)
            except Warning as warning:
                pytest.fail(f"{cell_id}: {warning}")
            except ValueError:
                pass  # arguments that depend on one computed further up; test_papermill runs them together


@pytest.mark.parametrize(
    "callee, keyword",
    [
        ("SFTConfig", "max_seq_length"),  # gone
        ("SFTConfig", "pad_token"),  # deprecated in TRL
        ("SFTConfig", "gradient_checkpointing"),  # TRL's own default, deprecated in transformers underneath
        ("SFTTrainer", "tokenizer"),
        ("SFTTrainer", "compute_loss_func"),
        ("train", "model_path"),
        ("SFTTrainer", None),  # **arguments, which this test cannot see and neither can a reader
    ],
)
def test_a_stale_keyword_is_refused(callee, keyword):
    assert refused(callee, keyword)


def test_a_current_keyword_is_not_refused():
    current = ("max_length", "learning_rate", "activation_checkpointing", "eval_strategy", "truncation_mode")
    assert [k for k in current if refused("SFTConfig", k)] == []
    assert not refused("SFTTrainer", "processing_class") and not refused("train", "resume_from_checkpoint")


def test_a_deprecated_default_warns_when_built(tmp_path):
    # Why every notebook sets activation_checkpointing: TRL's default still goes by the old name.
    with pytest.raises(FutureWarning, match="activation_checkpointing"):
        build("SFTConfig", {"output_dir": str(tmp_path)})


def calls(path):
    """(cell id, name of what is called, its keywords) for every call in the notebook that CALLS knows.

    Keywords that a notebook unpacks count as well where a reader can see them: from LAPTOP, which notebook 02 displays,
    from a `name = dict(...)` or `name = {...}` of the same notebook, from a dictionary in place, and, in a function's
    own **settings, from the calls of that function; nano_trainer, which notebook 03 shows, is one.
    """
    trees = [(cell.id, lessons.tree(cell)) for cell in lessons.code_cells(lessons.read(path)) if cell.id != OLD]
    nodes = [(cell_id, node) for cell_id, tree in trees for node in ast.walk(tree)]
    named = {"LAPTOP": [ast.keyword(name, ast.Constant(value)) for name, value in LAPTOP.items()]}
    for _, node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if is_dict_call(node.value):
                named[node.targets[0].id] = [k for keyword in node.value.keywords for k in spread(keyword, named)]
            elif isinstance(node.value, ast.Dict) and None in node.value.keys:
                named[node.targets[0].id] = spread(ast.keyword(None, node.value), named)
    # A function with **settings, which it passes on to SFTConfig, at times through nano_trainer: its other parameters.
    trainers = set(inspect.signature(nano_trainer).parameters)
    passed_on = {"nano_trainer": trainers}
    for cell_id, node in nodes:
        if isinstance(node, ast.FunctionDef) and node.args.kwarg:
            named[node.args.kwarg.arg] = []
            passed_on[node.name] = trainers | {a.arg for a in node.args.args}
        if not isinstance(node, ast.Call) or (called := name_of(node)) not in CALLS:
            continue
        if called != "train" or isinstance(node.func, ast.Attribute):
            yield cell_id, called, [k for keyword in node.keywords for k in spread(keyword, named)]
    for cell_id, node in nodes:
        if isinstance(node, ast.Call) and (called := name_of(node)) in passed_on:
            own = [k for k in node.keywords if k.arg and k.arg not in passed_on[called]]
            yield cell_id, "SFTConfig", [*named["LAPTOP"], *named.get("quiet", []), *own]


def name_of(call: ast.Call) -> str | None:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)


def is_dict_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and name_of(node) == "dict" and not node.args


def spread(keyword: ast.keyword, named: dict) -> list[ast.keyword]:
    """The keyword itself or, where it unpacks something that the notebook spells out, the keywords of that."""
    if keyword.arg is not None:
        return [keyword]
    if isinstance(keyword.value, ast.Name) and keyword.value.id in named:
        return named[keyword.value.id]
    if isinstance(keyword.value, ast.Dict):
        pairs = zip(keyword.value.keys, keyword.value.values, strict=True)
        return [k for key, value in pairs for k in spread(ast.keyword(key and key.value, value), named)]
    return [keyword]


def refused(callee: str, keyword: str | None) -> str | None:
    """Why a reader should not copy this keyword; None when nothing speaks against it."""
    target = CALLS[callee]
    if keyword is None:
        return "is **unpacked: write the arguments out"
    if keyword not in inspect.signature(target).parameters:
        return "does not exist"
    deprecated = f"`{keyword}` is deprecated"
    for owner in getattr(target, "__mro__", [target]):  # a subclass's text may hide its base's deprecation
        field = vars(owner).get("__dataclass_fields__", {}).get(keyword)
        text = str(field.metadata.get("help", "")) if field else ""
        entry = re.search(rf"(?m)^    {keyword} \(.*\n((?: {{8}}.*\n|\s*\n)*)", inspect.cleandoc(owner.__doc__ or ""))
        if text.lower().startswith("deprecated") or deprecated in (owner.__doc__ or ""):
            return f"is deprecated: {text}"
        if callee == "SFTTrainer" and entry and "is deprecated and will be" in " ".join(entry[1].split()):
            return "is deprecated"
    return None


def values(node: ast.expr, known: dict):
    """The value of an argument in a list, or nothing when it needs more than the parameters cell."""
    try:
        return [eval(ast.unparse(node), dict(known))]
    except Exception:  # a name or an object that only the running notebook has
        return []


def build(callee: str, settings: dict):
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        warnings.simplefilter("error", DeprecationWarning)
        return CALLS[callee](**settings)
