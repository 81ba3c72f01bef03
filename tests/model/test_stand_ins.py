"""Each system that the course names, as a stand-in, on the whole path: template, mask, adapter, save, reload."""

import pytest
import torch
from peft import LoraConfig, PeftModel
from trl import SFTConfig, SFTTrainer

from helpers import LAPTOP
from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.model import chat, load, stand_ins

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT uses an old name


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("name", stand_ins.FAMILIES)
def test_the_whole_path(name, lora, tmp_path):
    model, tokenizer = stand_ins.stand_in(name)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = chat.PLAIN
    rows = commands.load()["train"].select(range(24))
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(tmp_path / "run"),
            max_steps=6,
            learning_rate=1e-2,
            logging_steps=1,
            **LAPTOP,
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=LoraConfig(r=8, target_modules="all-linear") if lora else None,
    )
    row = trainer.train_dataset[0]
    counted = [label for label in row["labels"] if label != -100]
    assert tokenizer.eos_token_id in counted
    assert tokenizer.decode(counted).strip().startswith(rows[0]["completion"][0]["content"][:12])
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < losses[0]
    trained = trainer.model.merge_and_unload() if lora else trainer.model
    for part in (trained, tokenizer):
        part.save_pretrained(tmp_path / "saved")
    reloaded, its_own = load(str(tmp_path / "saved"))
    assert (its_own.eos_token, its_own.pad_token) == (tokenizer.eos_token, tokenizer.pad_token)
    assert its_own.chat_template == tokenizer.chat_template
    asked = its_own.apply_chat_template(rows[0]["prompt"], add_generation_prompt=True, return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(trained.eval()(**asked).logits, reloaded(**asked).logits, atol=1e-4)
        answer = reloaded.generate(**asked, max_new_tokens=4, do_sample=False)
    assert answer.shape[1] > asked["input_ids"].shape[1]


def test_a_base_model_cannot_take_dialogues_before_it_has_a_template(tmp_path):
    model, tokenizer = stand_ins.stand_in("facebook/opt-350m")
    config = SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, activation_checkpointing=False)
    rows = commands.load()["train"].select(range(4))
    with pytest.raises(ValueError, match="chat_template is not set"):
        SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)


def test_adapters_find_the_layers_of_each_architecture():
    layers = {}
    for name in stand_ins.FAMILIES:
        model, _ = stand_ins.stand_in(name)
        adapted = PeftModel(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
        layers[name] = {n.split(".")[-4] for n, _ in adapted.named_parameters() if "lora_A" in n}
    smol, opt, deepseek = layers.values()
    assert smol == deepseek == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert {"q_proj", "out_proj", "fc1", "fc2"} <= opt


def test_opt_keeps_its_narrow_embeddings():
    model, _ = stand_ins.stand_in("facebook/opt-350m")
    assert model.get_input_embeddings().weight.shape[1] == model.config.hidden_size // 2


def test_deepseeks_prompt_opens_a_thought_that_its_dialogues_do_not_show():
    _, tokenizer = stand_ins.stand_in("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")
    row = commands.load()["train"][0]
    prompt = tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
    assert prompt.endswith("<think>\n")
    thought = [{"role": "assistant", "content": "<think>\nsure\n</think>\n" + row["completion"][0]["content"]}]
    assert "sure" not in tokenizer.apply_chat_template(row["prompt"] + thought, tokenize=False)


def test_a_tokenizer_without_pad_token_gets_one_that_is_not_eos(tmp_path):
    model, tokenizer = stand_ins.stand_in("HuggingFaceTB/SmolLM2-135M")
    tokenizer.pad_token = None
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path)
    _, loaded = load(str(tmp_path))
    assert loaded.pad_token and loaded.pad_token != loaded.eos_token


def test_an_unknown_system_has_no_stand_in():
    with pytest.raises(CourseError, match="no stand-in for 'gpt-5': choose one of HuggingFaceTB"):
        stand_ins.stand_in("gpt-5")
