"""The planner: what it says of models is what their own numbers give, and its plans are consistent."""

import json

import pytest
from transformers import AutoConfig

from helpers.errors import CourseError
from helpers.model import confirm_on_hub, load_config, loading, smollm2
from helpers.training import memory, planner

SEVEN = load_config("Qwen/Qwen2.5-7B")


def test_numbers_of_a_published_configuration_are_those_of_the_model():
    ours, own = load_config("HuggingFaceTB/SmolLM2-135M"), AutoConfig.from_pretrained(smollm2.fetch())
    same = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    assert {n: getattr(ours, n) for n in (*same, "vocab_size")} == {n: getattr(own, n) for n in (*same, "vocab_size")}


@pytest.mark.parametrize(
    "name, millions",
    [("facebook/opt-350m", 331), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1777), ("Qwen/Qwen2.5-7B", 7616)],
)
def test_parameters_are_as_published(name, millions):
    assert memory.plan(load_config(name), 1, 64)["weights"] / 4e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize("name", json.loads(loading.ARCHITECTURES.read_text("utf-8")))
def test_numbers_are_those_on_the_hub(name):
    try:
        published = AutoConfig.from_pretrained(confirm_on_hub(name))
    except CourseError as out_of_reach:
        pytest.skip(str(out_of_reach))
    ours = json.loads(loading.ARCHITECTURES.read_text("utf-8"))[name]
    assert {key: getattr(published, key) for key in ours} == ours


def test_sixteen_bytes_for_each_trained_parameter():
    planned = planner.need(SEVEN, "all weights", 1, 64)
    fixed = planned["weights"] + planned["optimizer"] + planned["gradients"]
    assert fixed == pytest.approx(16 * planned["weights"] / 4)


def test_frozen_weights_are_held_in_fewer_bytes():
    whole, lora, qlora = (planner.need(SEVEN, method, 1, 64)["weights"] for method in planner.METHODS)
    assert lora == pytest.approx(whole / 2, rel=0.02)
    embeddings = 2 * 2 * SEVEN.vocab_size * SEVEN.hidden_size  # bytes of input and output, in 16 bits
    assert qlora == pytest.approx(embeddings + (whole / 4 - embeddings / 2) * memory.NF4, rel=0.03)


def test_a_split_divides_what_it_says():
    one, four = (planner.need(SEVEN, "all weights", 2, 128, gpus, "FSDP") for gpus in (1, 4))
    assert {part for part in one if four[part] < one[part]} == {"weights", "gradients", "optimizer"}


def test_ddp_takes_twenty_bytes_for_each_trained_parameter():
    one, four = (planner.need(SEVEN, "all weights", 1, 64, gpus, "DDP") for gpus in (1, 4))
    assert sum(four[part] for part in ("weights", "optimizer", "gradients", "buckets")) == 20 * 7_615_616_512
    assert memory.peak(four) - memory.peak(one) == 4 * 7_615_616_512  # the copies in the buckets
    adapter = planner.need(SEVEN, "LoRA", 1, 64, 4, "DDP")
    assert adapter["buckets"] == adapter["gradients"]


def test_fsdp_gathers_the_head_and_two_layers():
    head, layer = 152_064 * 3_584, (7_615_616_512 - 2 * 152_064 * 3_584) // 28
    whole, lora, qlora = (planner.need(SEVEN, method, 1, 64, 8, "FSDP") for method in planner.METHODS)
    assert whole["gathered"] == lora["gathered"] == 2 * head + 2 * 2 * layer  # 2.0 GB
    assert whole["buckets"] == (4 + 2) * head + 2 * layer  # 3.7 GB: the head's gradient in float32 and in 16 bits
    assert lora["buckets"] < 1e7
    assert qlora["gathered"] == pytest.approx(2 * head + 2 * memory.NF4 * layer)
    assert memory.peak(whole) == pytest.approx(16 * 7_615_616_512 / 8 + whole["gathered"] + whole["buckets"], rel=0.01)


def test_tied_embeddings_are_gathered_once():
    small = load_config("HuggingFaceTB/SmolLM2-135M")
    head, layer = 49_152 * 576, (134_515_008 - 49_152 * 576) // 30
    assert planner.need(small, "all weights", 1, 64, 2, "FSDP")["gathered"] == 2 * head + 4 * layer


def test_zero_3_holds_what_deepspeed_lets_it():
    planned = planner.need(SEVEN, "all weights", 1, 64, 8, "DeepSpeed ZeRO-3")
    assert planned["gathered"] == 2 * 10**9
    assert planned["buckets"] == 2 * 5 * 10**8 + 6 * 152_064 * 3_584


def test_fsdp_cuts_weights_of_4_bits():
    one, four = (planner.need(SEVEN, "QLoRA", 1, 64, gpus, "FSDP")["weights"] for gpus in (1, 4))
    assert four == one // 4


def test_hours_follow_from_operations():
    ideal = planner.hours(SEVEN, "all weights", 1e9, tflops=1000, hfu=1, activation_checkpointing=False)
    assert ideal == pytest.approx(6 * 7.071e9 * 1e9 / 1e15 / 3600, rel=0.01)
    assert planner.hours(SEVEN, "LoRA", 1e9, 1000, hfu=1, activation_checkpointing=False) == pytest.approx(
        ideal * 4 / 6
    )
    assert planner.hours(
        SEVEN, "all weights", 1e9, 1000, gpus=8, hfu=0.5, activation_checkpointing=True
    ) == pytest.approx(ideal / 3)


def test_impossible_plans_are_refused():
    with pytest.raises(CourseError, match="ZeRO-3 with weights of 4 bits is not planned here"):
        planner.need(SEVEN, "QLoRA", 1, 64, 2, "DeepSpeed ZeRO-3")
    for wrong in (dict(gpus=0), dict(batch=0), dict(length=-1)):
        with pytest.raises(CourseError, match="make it a number above 0"):
            planner.need(**{**dict(config=SEVEN, method="LoRA", batch=1, length=64), **wrong})
    with pytest.raises(CourseError, match="hfu is 0"):
        planner.hours(SEVEN, "LoRA", 1e6, 100, hfu=0)
