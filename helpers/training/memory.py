"""Memory: what a training step will need, from a model's configuration alone, and what it did need, measured."""

import contextlib
import ctypes
import gc
import json
import sys
import threading
import warnings
from functools import lru_cache

import psutil
import torch
from peft import LoraConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.func import functional_call
from transformers import AutoModelForCausalLM, PreTrainedConfig

from helpers.errors import CourseError, require_positive
from helpers.language import _

FLOAT = 4  # bytes of a float32
NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8  # bytes of a weight in 4 bits: a scale per 64, and a scale of scales per 256
# How frozen weights are held: bytes of one in a layer, and of one in the embeddings and the LM head.
HELD = {"float32": (FLOAT, FLOAT), "bf16": (2, 2), "4 bits": (NF4, 2)}
# A tile of logits, all that exists of them at once in TRL: so many tokens, so many words of the vocabulary
# (TOKEN_CHUNK_SIZE in trl/kernels/chunked_logprob.py, _CHUNKED_LOGPROB_CHUNK_SIZE in trl/trainer/utils.py).
TOKENS, WORDS = 4096, 32_768
COPIES = 9  # tiles in float32 that TRL's head holds at once where it computes in plain PyTorch, as on a CPU
M_MMAP_THRESHOLD = -3  # of glibc's mallopt: bytes from which a block goes back to the system when it is freed
EVERY = 0.005  # seconds between two looks at the process
# How libraries and launchers word a lack of memory; PyTorch raises a RuntimeError on a CPU.
SHORT = ("out of memory", "can't allocate memory", "Cannot allocate memory", "MemoryError")
SAVING = "lower batch_size or max_length, set use_lora = True, or take a smaller model_name"


class Peak:
    """`with Peak() as peak:` measures what the block needs at most; `peak.bytes` is that, above what was held before.

    On a GPU it is what PyTorch allocated there; on a CPU the process's resident memory, sampled every few milliseconds.
    That holds scraps as well, memory that was freed and kept for later. With scraps=False it goes back to the system at
    once (on Linux), which costs time, so measure speed apart from it.
    """

    def __init__(self, scraps: bool = True):
        self.scraps = scraps

    def __enter__(self) -> "Peak":
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
            return self
        if sys.platform == "linux":  # what an earlier block freed goes back to the system first, or it hides this one's
            ctypes.CDLL(None).malloc_trim(0)
            if not self.scraps:
                ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 16)
        self.before = self.highest = psutil.Process().memory_info().rss
        self.done = threading.Event()
        self.watch = threading.Thread(target=self._look, daemon=True)
        self.watch.start()
        return self

    def __exit__(self, *_) -> None:
        if torch.cuda.is_available():
            self.highest = torch.cuda.max_memory_allocated()
        else:
            self.done.set()
            self.watch.join()
            if not self.scraps and sys.platform == "linux":
                ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 25)  # what glibc settles at by itself
        self.bytes = self.highest - self.before

    def _look(self) -> None:
        process = psutil.Process()
        while not self.done.wait(EVERY):
            self.highest = max(self.highest, process.memory_info().rss)


def plan(
    config: PreTrainedConfig,
    batch: int,
    length: int,
    bf16: bool = False,
    lora: int = 0,
    activation_checkpointing: bool = False,
    attention: str = "sdpa",
    gpu: bool | None = None,
    frozen: str = "float32",
) -> dict[str, int]:
    """Bytes that a training step with AdamW needs, by what they are for, on one device; `peak` says how many at once.

    config: of a causal language model of any size; its weights are neither fetched nor built. batch rows of `length`
    tokens each, padding included. bf16: mixed precision, in which the weights themselves stay in float32. lora: rank of
    an adapter on every linear layer. Activations are what PyTorch keeps for the backward pass when one layer, and then
    two, run on tensors without memory. gpu: whether the device is one; None asks PyTorch. frozen: a key of HELD, for
    the weights below an adapter. Logits are TRL's: a tile at a time, all tokens counted, of which a GPU scores the
    labelled ones alone; there it holds the tile, a slice of the head and the gradient of what goes in (read in TRL;
    data/runs/gpu.json holds whole sums beside what a GPU needed). Raises CourseError for a batch, length or rank that
    is no number above 0.
    """
    require_positive(batch=batch, length=length, **({"lora": lora} if lora else {}))
    text = config.get_text_config()
    one, two = (_layers(type(text), text.to_json_string(), n, batch, length, bf16, lora, attention) for n in (1, 2))
    layer = {key: two[key] - one[key] for key in one}
    every, trained = (one[key] + (text.num_hidden_layers - 1) * layer[key] for key in ("parameters", "trained"))
    in_layers = text.num_hidden_layers * (layer["parameters"] - layer["trained"])  # frozen ones
    of_layer, of_rest = HELD[frozen]
    in_layers_saved = (text.num_hidden_layers - 1) * layer["activations"]
    if activation_checkpointing:  # of each layer only what goes in is kept; one layer at a time is computed again
        in_layers_saved = text.num_hidden_layers * batch * length * text.hidden_size * FLOAT
    gpu = torch.cuda.is_available() if gpu is None else gpu
    tile = min(batch * length, TOKENS) * min(text.vocab_size, WORDS)
    logits = COPIES * FLOAT * tile
    if gpu:
        computed = 2 if bf16 else FLOAT  # bytes of a number in a product
        slice_of_head = min(text.vocab_size, WORDS) * text.hidden_size
        logits = computed * (tile + slice_of_head) + FLOAT * batch * length * text.hidden_size
    return {
        "weights": round(FLOAT * trained + of_layer * in_layers + of_rest * (every - trained - in_layers)),
        "optimizer": 2 * FLOAT * trained,  # AdamW keeps two averages for each parameter
        "activations": one["activations"] + in_layers_saved,
        "logits": logits,
        "gradients": FLOAT * trained,
    }


def fullest(planned: dict[str, int], accumulation: int = 1) -> dict[str, int]:
    """The parts of a plan that are there at the fullest moment of a step: after the forward pass, when activations and
    logits are there, or after the backward pass, which has turned them into gradients. Accumulated gradients stay
    through the next forward pass. What several GPUs hold to exchange (see planner.need) is there at both moments:
    "gathered" counts with the weights, "buckets" with the gradients.
    """
    buckets = planned.get("buckets", 0)
    kept = (planned["gradients"] if accumulation > 1 else 0) + buckets
    forward = {part: planned[part] for part in ("activations", "logits")} | ({"gradients": kept} if kept else {})
    backward = {"gradients": planned["gradients"] + buckets}
    moment = max(forward, backward, key=lambda parts: sum(parts.values()))
    return {"weights": planned["weights"] + planned.get("gathered", 0), "optimizer": planned["optimizer"]} | moment


def peak(planned: dict[str, int], accumulation: int = 1) -> int:
    """Bytes at the fullest moment of a step."""
    return sum(fullest(planned, accumulation).values())


def require_free(needed: float, held: float = 0) -> None:
    """Raise CourseError if the device has less memory free than the bytes `needed`, of which this process has `held`.

    A system without memory ends a kernel without a word, so ask before the training. What is held counts on a CPU
    alone: a model moves to the GPU later.
    """
    if torch.cuda.is_available():
        free, where = torch.cuda.mem_get_info()[0], _("of GPU memory")
    else:
        free, where = psutil.virtual_memory().available + held, _("of memory")
    if needed > free:
        there = f"{needed / 1e9:,.1f} GB {where} at its fullest moment, and {free / 1e9:,.1f} GB are there"
        raise CourseError(f"Training needs {there}: close other programs, {SAVING}.")


@contextlib.contextmanager
def shortage_explained():
    """Turn a lack of memory inside the block into a CourseError that says what needs less."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(phrase in str(error) for phrase in SHORT):
            raise
        raise CourseError(f"There is not enough memory: close other programs, {SAVING}.") from error


@lru_cache(256)
def _layers(kind, config: str, layers: int, batch: int, length: int, bf16: bool, lora: int, attention: str) -> dict:
    """Parameters, those trained, and bytes kept for the backward pass by a model of so many layers and no LM head."""
    shape = json.loads(config) | {"num_hidden_layers": layers}
    if shape.get("layer_types"):  # some configurations have an entry for each layer
        shape["layer_types"] = shape["layer_types"][:layers]
    shape = kind.from_dict(shape)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT uses an old name
        model = AutoModelForCausalLM.from_config(shape, attn_implementation=attention, dtype=torch.float32)
        if lora:
            model = get_peft_model(model, LoraConfig(r=lora, target_modules="all-linear")).get_base_model()
    model.train()
    saved = {}

    def save(tensor):
        storage = tensor.untyped_storage()
        saved[storage._cdata] = tensor, storage.nbytes()  # the tensor too, or another could get its address
        return tensor

    body, fake = model.base_model, FakeTensorMode(allow_non_fake_inputs=True)
    with fake:
        shapes = {**dict(body.named_parameters()), **dict(body.named_buffers())}
        state = {
            name: FakeTensor(fake, t.detach(), torch.device("cpu")).requires_grad_(t.requires_grad)
            for name, t in shapes.items()
        }
        rows = torch.zeros(batch, length, dtype=torch.long)
        with (
            torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        ):
            functional_call(body, state, kwargs=dict(input_ids=rows, use_cache=False))
    for tensor in state.values():
        saved.pop(tensor.untyped_storage()._cdata, None)
    return {
        "parameters": model.num_parameters(),
        "trained": model.num_parameters(only_trainable=True),
        "activations": sum(n_bytes for _, n_bytes in saved.values()),
    }
