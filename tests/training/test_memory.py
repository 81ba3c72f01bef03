"""The memory of a training step, planned from a configuration alone and compared with models that exist."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, OPTConfig, Qwen2Config
from trl import SFTConfig, SFTTrainer
from trl.kernels import chunked_logprob
from trl.trainer import utils

from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.model import load, load_config
from helpers.training import memory

SHAPES = {
    "llama": LlamaConfig(
        vocab_size=1000, hidden_size=64, intermediate_size=96, num_hidden_layers=5, num_attention_heads=4
    ),
    "opt": OPTConfig(
        vocab_size=1000, hidden_size=64, ffn_dim=96, num_hidden_layers=5, num_attention_heads=4, word_embed_proj_dim=32
    ),
    "qwen2": Qwen2Config(
        vocab_size=1000,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    ),  # fmt: skip
}


def built(config, lora=0):
    model = AutoModelForCausalLM.from_config(config)
    return get_peft_model(model, LoraConfig(r=lora, target_modules="all-linear")) if lora else model


@pytest.mark.parametrize("lora", [0, 4])
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT uses an old name
def test_weights_gradients_and_averages_are_those_of_the_real_model(kind, lora):
    planned, model = memory.plan(SHAPES[kind], 2, 16, lora=lora), built(SHAPES[kind], lora)
    assert planned["weights"] == 4 * model.num_parameters()
    assert planned["gradients"] == 4 * model.num_parameters(only_trainable=True)
    assert planned["optimizer"] == 2 * planned["gradients"]


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("kind", SHAPES)
def test_activations_are_what_a_real_forward_pass_keeps(kind, bf16):
    model, kept = built(SHAPES[kind]).train(), {}
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        padded = torch.ones(3, 40, dtype=torch.long)
        padded[0, -1] = 0  # as most batches are
        model.base_model(torch.zeros_like(padded), attention_mask=padded, use_cache=False)
    real = sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own)
    assert memory.plan(SHAPES[kind], 3, 40, bf16=bf16)["activations"] == pytest.approx(real, rel=0.06)


def test_a_plan_grows_as_it_should():
    config = load_config("smollm2")
    plan = lambda *shape, **given: memory.plan(config, *shape, **given)
    assert plan(16, 128)["activations"] == pytest.approx(2 * plan(8, 128)["activations"], rel=0.1)
    assert plan(8, 128, activation_checkpointing=True)["activations"] < plan(8, 128)["activations"] / 4
    assert plan(8, 128, bf16=True)["activations"] < plan(8, 128)["activations"]
    assert plan(1, 1024, attention="eager")["activations"] > plan(1, 1024)["activations"]
    assert plan(8, 128, lora=8)["gradients"] < plan(8, 128)["gradients"] / 10


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("smollm2", 134_515_008),
        ("facebook/opt-350m", 331_196_416),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1_777_088_000),
        ("Qwen/Qwen2.5-7B", 7_615_616_512),
    ],
)
def test_well_known_models_have_as_many_parameters_as_published(name, parameters, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert memory.plan(load_config(name), 1, 8)["weights"] == 4 * parameters


def test_an_unknown_model_is_named():
    with pytest.raises(CourseError, match="no/such-model"):
        load_config("no/such-model")


@pytest.mark.parametrize("shape", [dict(batch=0, length=8), dict(batch=1, length=-1), dict(batch=1, length=8, lora=-2)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(CourseError, match="make it a number above 0"):
        memory.plan(SHAPES["llama"], **shape)


def test_the_peak_is_at_the_end_of_the_forward_or_of_the_backward_pass():
    planned = {"weights": 10, "optimizer": 20, "activations": 7, "logits": 2, "gradients": 5}
    assert memory.peak(planned) == 39
    assert memory.peak(planned | {"activations": 1}) == 35
    assert memory.peak(planned, accumulation=2) == 44
    exchanged = planned | {"gathered": 3, "buckets": 4}
    assert memory.fullest(exchanged) == {
        "weights": 13,
        "optimizer": 20,
        "activations": 7,
        "logits": 2,
        "gradients": 4,
    }
    assert memory.peak(exchanged) == 46
    assert memory.peak(exchanged | {"activations": 1}) == 42


def test_logits_exist_a_tile_at_a_time():
    seven, small = load_config("Qwen/Qwen2.5-7B"), load_config("smollm2")
    on_gpu = lambda batch: memory.plan(seven, batch, 512, bf16=True, gpu=True)["logits"]
    # A tile and a slice of the head in bf16, and the gradient of the hidden states in float32.
    assert on_gpu(8) == 2 * 4096 * 32_768 + 2 * 32_768 * 3_584 + 4 * 8 * 512 * 3_584
    assert on_gpu(16) - on_gpu(8) == 4 * 8 * 512 * 3_584  # the tile is full
    assert memory.plan(small, 2, 64, gpu=False)["logits"] == 9 * 4 * 2 * 64 * 32_768


def test_the_tile_is_that_of_trl():
    assert (chunked_logprob.TOKEN_CHUNK_SIZE, utils._CHUNKED_LOGPROB_CHUNK_SIZE) == (memory.TOKENS, memory.WORDS)


def peak_of_a_real_step(batch: int, settings: dict, lora: int, folder: str) -> tuple[int, int]:
    """Bytes that SmolLM2 needs at most while it loads and trains two updates, and tokens of its longest row."""
    with memory.Peak(scraps=False) as peak:
        model, tokenizer = load("smollm2")
        usual = dict(output_dir=folder, save_strategy="no", report_to="none", disable_tqdm=True)
        usual |= dict(max_steps=2, per_device_train_batch_size=batch, bf16=False, use_cpu=True)
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**{"activation_checkpointing": False, **usual, **settings}),
            train_dataset=commands.load()["train"].select(range(2 * batch)),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=lora, target_modules="all-linear") if lora else None,
        )
        trainer.train()
    return peak.bytes, max(len(ids) for ids in trainer.train_dataset["input_ids"])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    "batch, settings, given",
    [
        (8, {}, {}),
        (16, {}, {}),
        (2, dict(bf16=True), dict(bf16=True)),  # without units for bf16, an update of eight rows takes over a minute
        (8, dict(activation_checkpointing=True), dict(activation_checkpointing=True)),
        (8, {}, dict(lora=8)),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process keeps what it has freed")
def test_the_planned_peak_of_a_real_step_is_within_15_percent(batch, settings, given, tmp_path):
    # In a process of its own: what hundreds of tests have left in this one would count as well.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        done = fresh.submit(peak_of_a_real_step, batch, settings, given.get("lora", 0), str(tmp_path))
        measured, longest = done.result()
    planned = memory.plan(load_config("smollm2"), batch, longest, **given)
    assert measured == pytest.approx(memory.peak(planned), rel=0.15)


def test_a_lack_of_memory_is_said_before_the_training():
    memory.require_free(1)
    with pytest.raises(CourseError, match=r"Training needs 1,000,000.0 GB of .*memory at its .*set use_lora = True"):
        memory.require_free(1e15)
    memory.require_free(1e15, held=1e15)  # which is there already


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")]
)
def test_a_lack_of_memory_is_explained(error):
    with (
        pytest.raises(CourseError, match="not enough memory: close other programs, lower batch_size"),
        memory.shortage_explained(),
    ):
        raise error


def test_other_errors_are_not_called_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes differ"), memory.shortage_explained():
        raise RuntimeError("shapes differ")
