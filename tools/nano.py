"""The recipe of the nano models: Llamas of about 1M parameters, pretrained on commands and never on calls.

Run `make nano` to build data/nano/ and data/nano-zh-TW/ anew; `python -m tools.nano zh-TW` builds one of them. A nano
learns the words of its language's training templates and of the natural commands kept for training; what it has not
seen is a single JSON call, so that fine-tuning has something to teach. Only its tokenizer was made with calls in view:
otherwise each would be far longer. Its numbers do not transfer to real models.
"""

import random
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm.auto import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer

from helpers.dataset import commands
from helpers.dataset.grammar import load_grammar
from helpers.model.loading import NANOS as FOLDERS
from tools.names import require_known


class Nano(NamedTuple):
    """What differs between the languages: Chinese has more characters, so more tokens, and fewer layers make up."""

    folder: Path
    vocabulary: int
    layers: int


NANOS = {"en": Nano(FOLDERS["nano"], 1024, 4), "zh-TW": Nano(FOLDERS["nano-zh-TW"], 1536, 3)}
SENTENCES = 20_000
# ChatML, as SmolLM2 speaks it, but with a padding token that is not the end token.
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def sentences(language: str = "en", seed: int = 0) -> list[str]:
    """Unlabelled commands from the templates of the training split, with the natural ones kept for training."""
    grammar, dataset = load_grammar(language), commands.load(language, natural_in_train=True, seed=seed)
    known = set(dataset["train"]["template"])
    templates = [t for t in grammar.templates if t.id in known]
    rng = random.Random(seed)
    texts = {row[1]["content"] for row in dataset["train"]["prompt"]}
    with tqdm(total=SENTENCES, desc="Sampling commands", initial=len(texts)) as bar:
        while len(texts) < SENTENCES:
            before = len(texts)
            text, slots = grammar.sample(rng.choice(templates), rng)
            if not grammar.reads_as_nonsense(text, slots):
                texts.add(text)
            bar.update(len(texts) - before)
    return sorted(texts)


def documents(texts: list[str], seed: int = 0) -> list[str]:
    """Half of `texts` as they are, half said twice: a call copies words of its command, so copying is worth knowing."""
    rng = random.Random(seed)
    return [f"{t}\n{t}" if rng.random() < 0.5 else t for t in texts]


def make_tokenizer(texts: list[str], entries: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE with so many entries over `texts`."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=entries, special_tokens=[PAD, START, END], initial_alphabet=alphabet, show_progress=False
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=START, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build(language: str = "en", seed: int = 0) -> None:
    """Pretrains the model on 2 CPU cores in a few minutes and saves it to its folder in half precision."""
    set_seed(seed)
    nano, texts = NANOS[language], sentences(language, seed)
    train = commands.load(language, natural_in_train=True, seed=seed)["train"]
    roles = [train["prompt"][0][0]["content"], "system\nuser\nassistant\n"]
    answers = [completion[0]["content"] for completion in train["completion"]]
    tokenizer = make_tokenizer([*texts, *answers, *roles * 100], nano.vocabulary)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=nano.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=LlamaForCausalLM(config),
            args=SFTConfig(
                output_dir=folder,
                num_train_epochs=6,
                per_device_train_batch_size=16,
                packing=True,
                max_length=128,
                learning_rate=3e-3,
                lr_scheduler_type="cosine",
                warmup_steps=0.05,
                weight_decay=0.1,
                activation_checkpointing=False,
                bf16=False,
                use_cpu=True,
                logging_steps=100,
                save_strategy="no",
                seed=seed,
            ),
            train_dataset=Dataset.from_dict({"text": documents(texts, seed)}),
            processing_class=tokenizer,
        )
        trainer.train()
    # Half precision halves the download; loading turns it back into float32.
    trainer.model.to(torch.float16).save_pretrained(nano.folder)
    tokenizer.save_pretrained(nano.folder)
    print(f"{trainer.model.num_parameters():,} parameters, last loss {trainer.state.log_history[-2].get('loss')}")


if __name__ == "__main__":
    require_known(sys.argv[1:], NANOS, "nano for the language")
    for language in sys.argv[1:] or NANOS:
        build(language)
