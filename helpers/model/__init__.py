"""Models by name and their tokenizers: `load("smollm2")`, `load("nano")`, or any other causal language model."""

from helpers.model.loading import confirm_on_hub, fast_bf16, load, load_config, load_tokenizer, load_tuned

__all__ = ["confirm_on_hub", "fast_bf16", "load", "load_config", "load_tokenizer", "load_tuned"]
