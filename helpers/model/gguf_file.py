"""GGUF: a model of the Llama architecture with its tokenizer and chat template in one file, as llama.cpp reads it.

Written with `gguf`, the library of the llama.cpp project; names and order of the fields follow that project's script
convert_hf_to_gguf.py, which takes other architectures too.
"""

import json
import re
from pathlib import Path

import gguf
import torch
from IPython.utils.capture import capture_output
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from helpers import cache
from helpers.errors import CourseError, quiet_transformers

TYPES = {"F16": gguf.LlamaFileType.MOSTLY_F16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
OTHERS = "convert it with convert_hf_to_gguf.py of llama.cpp"
# How a text is cut before its bytes are merged: the first of a tokenizer.json, the second llama.cpp's name for it.
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
CUTS = [
    (BYTES, "gpt-2"),
    ({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, BYTES]}, "smollm"),
]
# Marks for TRL's loss mask; they render nothing, and only Hugging Face's template engine knows them.
TRAINING_MARKS = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


def write(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path | str, kind: str = "F16") -> Path:
    """Write the model to `path` as GGUF. kind: "F16" (16 bits a weight) or "Q8_0" (8 bits, and 16 for each 32 weights).

    Vectors, such as the weights of norms, stay in 32 bits. Raises CourseError for another kind or architecture, for a
    tokenizer that is no byte-level BPE, and if the disk is too small.
    """
    path = Path(path)
    if kind not in TYPES:
        raise CourseError(f"There is no kind {kind!r} of GGUF here: choose one of {', '.join(TYPES)}.")
    cut = _require_known(model, tokenizer)
    weights = dict(model.state_dict())
    if model.config.tie_word_embeddings:  # the LM head is the table of embeddings, which is there already
        weights.pop("lm_head.weight", None)
    n_bytes = sum(tensor.numel() for tensor in weights.values()) * (2 if kind == "F16" else 34 / 32)
    remedy = "free some space, or choose another output_dir"
    cache.require_free(path, int(n_bytes) + 20_000_000, path.name, remedy)
    path.parent.mkdir(parents=True, exist_ok=True)
    with cache.writing(path, remedy):
        writer = gguf.GGUFWriter(path, "llama")
        _add_shape(writer, model.config, TYPES[kind])
        _add_tokenizer(writer, tokenizer, cut, model.config.vocab_size)
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
        for name, tensor in weights.items():
            in_file = names.get_name(name, try_suffixes=(".weight",))
            _add_tensor(writer, in_file, _ordered(name, tensor, model.config), kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return path


def read(path: Path | str) -> PreTrainedModel:
    """The model of a GGUF file, in float32, with its weights rounded as they are in the file.

    Raises CourseError for a file that transformers does not read.
    """
    path = Path(path)
    try:
        # transformers draws a bar while it reads a GGUF, whatever its own setting for bars says.
        with quiet_transformers(), capture_output():
            model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f"{path.name} does not read as GGUF ({reason}): write it again.") from error
    return model.eval()


def _require_known(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """llama.cpp's name of how the tokenizer cuts a text; CourseError for what this module does not write."""
    config = model.config
    plain = getattr(config, "rope_parameters", {}).get("rope_type", "default") == "default"
    if config.model_type != "llama" or config.attention_bias or config.mlp_bias or not plain:
        raise CourseError(f"This model is no plain Llama (model_type {config.model_type!r}): {OTHERS}.")
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    for how, name in CUTS:
        if parts["pre_tokenizer"] == how and parts["model"]["type"] == "BPE" and not parts["normalizer"]:
            return name
    raise CourseError(f"This tokenizer cuts texts in a way that is not known here: {OTHERS}.")


def _add_shape(writer: gguf.GGUFWriter, config, file_type: gguf.LlamaFileType) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_file_type(file_type)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerBase, cut: str, size: int) -> None:
    added = {token.content: token for token in tokenizer.added_tokens_decoder.values()}
    tokens = [f"[PAD{number}]" for number in range(size)]  # rows of the embeddings that no token uses
    kinds = [gguf.TokenType.UNUSED] * size
    for token, number in tokenizer.get_vocab().items():
        tokens[number] = token
        kinds[number] = gguf.TokenType.NORMAL
        if token in added:
            kinds[number] = gguf.TokenType.CONTROL if added[token].special else gguf.TokenType.USER_DEFINED
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for number, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.unk_token_id, writer.add_unk_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if number is not None:
            add(number)
    writer.add_add_bos_token(False)  # the chat template writes all that begins a prompt
    if tokenizer.chat_template:
        writer.add_chat_template(TRAINING_MARKS.sub("", tokenizer.chat_template))


def _ordered(name: str, tensor: torch.Tensor, config) -> torch.Tensor:
    """The tensor in llama.cpp's order of rows, which rotates pairs of neighbours where transformers rotates halves."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    layer = name.split(".")[-2]
    if layer not in heads:
        return tensor
    return tensor.reshape(heads[layer], 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, kind: str) -> None:
    values = tensor.detach().float().cpu().contiguous().numpy()
    if values.ndim == 1:
        writer.add_tensor(name, values)
    elif kind == "Q8_0" and values.shape[1] % 32 == 0:  # a block of 32 weights shares a scale
        quantized = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    else:
        writer.add_tensor(name, values.astype("float16"))
