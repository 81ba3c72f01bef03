"""CPUSFTTrainer computes what SFTTrainer computes: losses, gradients, logs, with every way of feeding it."""

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from helpers import LAPTOP
from helpers.dataset import commands
from helpers.model import load, stand_ins
from helpers.training import cpu_trainer, run_log
from helpers.training.cpu_trainer import CPUSFTTrainer

BOTH = (SFTTrainer, CPUSFTTrainer)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gradient_accumulation_steps": 2},
        {"loss_type": "dft"},
        {"packing": True, "max_length": 128, "eval_packing": False},
        {"peft": LoraConfig(r=4, target_modules="all-linear")},
        {"completion_only_loss": False},
        {"activation_checkpointing": True},
    ],
    ids=lambda settings: "-".join(settings) or "plain",
)
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing")  # PEFT uses an old name
def test_logs_are_those_of_sfttrainer(settings, nano_trainer, monkeypatch):
    monkeypatch.setattr(cpu_trainer, "CHUNK", 50)  # so that the logits come in several chunks
    same = dict(examples=48, validation=8, max_steps=6, logging_steps=1, per_device_train_batch_size=8, seed=3)
    same |= dict(eval_strategy="steps", eval_steps=3, learning_rate=1e-3)
    stock, ours = (nano_trainer(cls=cls, **{**same, **settings}) for cls in BOTH)
    stock.train()
    ours.train()
    for part in ("loss", "eval_loss"):
        expected, logged = ([e for e in t.state.log_history if part in e] for t in (stock, ours))
        assert len(expected) == len(logged) > 0
        for a, b in zip(expected, logged, strict=True):
            assert a.keys() == b.keys()
            for key in a:
                if "runtime" not in key and "per_second" not in key:
                    assert b[key] == pytest.approx(a[key], rel=2e-3, abs=1e-4), key


@pytest.fixture
def smollm2_pair(tmp_path):
    """Both trainers on SmolLM2 in float32, with the same examples."""
    made, data = [], commands.load()
    for cls in BOTH:
        model, tokenizer = load("smollm2")
        config = SFTConfig(
            output_dir=str(tmp_path),
            max_steps=5,
            logging_steps=1,
            per_device_train_batch_size=2,
            learning_rate=1e-4,
            **LAPTOP,
        )
        rows = dict(train_dataset=data["train"].select(range(60)), eval_dataset=data["validation"].select(range(8)))
        made.append(cls(model=model, args=config, processing_class=tokenizer, **rows))
    return made


@pytest.mark.slow
def test_five_steps_of_smollm2_have_the_same_losses_and_gradients(smollm2_pair):
    gradients = []
    for trainer in smollm2_pair:
        batch = next(iter(trainer.get_train_dataloader()))
        trainer.model.train()
        trainer.compute_loss(trainer.model, batch).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in trainer.model.parameters()]))
        trainer.model.zero_grad()
        trainer._metrics["train"].clear()
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999
    del gradients
    stock, ours = (run_log.table(t.state.log_history) for t in smollm2_pair if t.train())
    assert len(stock) == 5
    assert ((ours["loss"] / stock["loss"] - 1).abs() < 1e-3).all()
    assert ((ours["entropy"] - stock["entropy"]).abs() < 1e-2).all()
    first, second = (t.evaluate()["eval_loss"] for t in smollm2_pair)
    assert second == pytest.approx(first, rel=1e-3)


def test_only_labelled_tokens_reach_the_lm_head(nano_trainer):
    seen = {}
    for cls in BOTH:
        trainer = nano_trainer(8, cls=cls, max_steps=1, per_device_train_batch_size=8)
        batch = next(iter(trainer.get_train_dataloader()))
        hook = trainer.model.lm_head.register_forward_pre_hook(
            lambda module, given, cls=cls: seen.update({cls: given[0].shape[0]})
        )
        trainer.compute_loss(trainer.model, batch)
        hook.remove()
    assert seen == {CPUSFTTrainer: int((batch["labels"] != -100).sum())}  # TRL does not call the head at all


def test_layers_compute_no_padding(nano_trainer):
    trainer = nano_trainer(8, cls=CPUSFTTrainer, max_steps=1, per_device_train_batch_size=8)
    batch = next(iter(trainer.get_train_dataloader()))
    assert not batch["attention_mask"].all()
    tokens = []
    hook = trainer.model.model.layers[0].mlp.register_forward_pre_hook(
        lambda module, hidden: tokens.append(hidden[0].shape[:-1].numel())
    )
    trainer.compute_loss(trainer.model, batch)
    hook.remove()
    assert tokens == [int(batch["attention_mask"].sum())]


@pytest.mark.parametrize("family", [None, *stand_ins.FAMILIES], ids=str)
def test_every_family_gives_the_same_loss_and_gradients_without_its_padding(family, tmp_path):
    results = []
    for cls in BOTH:
        model, tokenizer = stand_ins.stand_in(family) if family else load("nano")
        rows = Dataset.from_dict({"text": ["turn on the kitchen light", "off", "set the timer"]})
        config = SFTConfig(output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=3, **LAPTOP)
        trainer = cls(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
        trainer.model.eval()  # OPT's dropout differs with the shape of its input
        batch = next(iter(trainer.get_train_dataloader()))
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        results.append((loss.detach(), torch.cat([p.grad.flatten() for p in trainer.model.parameters()])))
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-4)


def test_the_model_still_generates_from_padded_prompts(nano_trainer):
    trainer = nano_trainer(8, cls=CPUSFTTrainer, max_steps=1)
    ids = torch.randint(10, 200, (2, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    usual, _ = load("nano")
    answers = [m.eval().generate(ids, attention_mask=mask, max_new_tokens=8, do_sample=False)
               for m in (usual, trainer.model)]  # fmt: skip
    assert torch.equal(*answers)


def test_a_batch_without_labels_gives_zero_and_a_gradient(nano_trainer):
    trainer = nano_trainer(8, cls=CPUSFTTrainer, max_steps=1)
    ids = torch.ones(2, 8, dtype=torch.long)
    batch = {"input_ids": ids, "attention_mask": ids, "labels": ids * 0 - 100}
    loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    assert loss.item() == 0


def test_attention_is_plain_for_short_examples_only(nano_trainer):
    chosen = [
        nano_trainer(16, cls=CPUSFTTrainer, max_steps=1, **settings).model.config._attn_implementation
        for settings in ({}, {"packing": True, "max_length": 512})
    ]
    assert chosen == ["eager_unpadded", "sdpa"]
    assert cpu_trainer._longest(Dataset.from_dict({"input_ids": [[1], [1, 2, 3]]})) == 3
    assert cpu_trainer._longest(Dataset.from_dict({"input_ids": [[1]]}).to_iterable_dataset()) == float("inf")


def test_a_model_that_rescales_its_logits_keeps_trls_loss(nano_trainer, monkeypatch):
    monkeypatch.setattr(cpu_trainer, "RESCALED", ("hidden_size",))
    patched = []
    monkeypatch.setattr(cpu_trainer, "_score_labelled_only", patched.append)
    nano_trainer(8, cls=CPUSFTTrainer, max_steps=1)
    assert patched == []
