"""GGUF files of nano: what is written is read again by transformers and by llama.cpp, and what cannot be is refused."""

import copy

import gguf
import pytest
import torch
import xllamacpp
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, LlamaForCausalLM

from helpers import cache
from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.evaluation import generate
from helpers.model import chat, gguf_file, load_tuned


@pytest.fixture(scope="module")
def tuned():
    model, tokenizer = load_tuned("nano")
    return model.eval(), tokenizer


@pytest.fixture(scope="module")
def files(tuned, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    return {kind: gguf_file.write(*tuned, folder / f"{kind}.gguf", kind) for kind in gguf_file.TYPES}


@pytest.fixture(scope="module")
def prompts():
    return commands.load()["test"]["prompt"][:6]


def logits(model, tokenizer, messages):
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        return model(ids).logits


def tokenizer_of(file):
    return AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)


def test_nano_in_16_bits_is_nano_again(tuned, files, prompts):
    """Its weights are stored in float16, so nothing is rounded."""
    model = gguf_file.read(files["F16"])
    for messages in prompts:
        assert torch.equal(logits(model, tuned[1], messages), logits(*tuned, messages))


def test_8_bits_move_the_logits_a_little_and_take_half_of_the_room(tuned, files, prompts):
    model = gguf_file.read(files["Q8_0"])
    moved = max(
        float((logits(model, tuned[1], m) - logits(*tuned, m)).abs().max() / logits(*tuned, m).std()) for m in prompts
    )
    assert 0 < moved < 0.1
    sizes = {kind: sum(t.n_bytes for t in gguf.GGUFReader(file).tensors) for kind, file in files.items()}
    assert sizes["Q8_0"] / sizes["F16"] == pytest.approx(8.5 / 16, abs=0.01)


def test_the_tokenizer_comes_back_with_its_template_and_its_special_tokens(tuned, files):
    tokenizer = tokenizer_of(files["F16"])
    before = tuned[1]
    text = "Set the küche lamp to 25 %,\nplease <|im_end|>"
    assert tokenizer(text)["input_ids"] == before(text)["input_ids"]
    assert (tokenizer.chat_template, tokenizer.eos_token) == (before.chat_template, before.eos_token)
    assert (tokenizer.bos_token, tokenizer.pad_token) == (before.bos_token, before.pad_token)


@pytest.mark.parametrize("kind", gguf_file.TYPES)
def test_llama_cpp_answers_as_the_model_that_was_written(kind, files, prompts):
    options = xllamacpp.CommonParams()
    options.model.path, options.n_ctx, options.n_parallel, options.verbosity = str(files[kind]), 512, 1, -1
    server = xllamacpp.Server(options)
    asked = [{"messages": messages, "temperature": 0, "max_tokens": 64} for messages in prompts]
    said = [server.handle_chat_completions(question)["choices"][0]["message"]["content"] for question in asked]
    assert said == generate(gguf_file.read(files[kind]), tokenizer_of(files[kind]), prompts, max_new_tokens=64)


def test_a_head_of_its_own_is_written_too(tuned, tmp_path):
    config = copy.deepcopy(tuned[0].config)
    config.tie_word_embeddings = False
    model = LlamaForCausalLM(config).eval()
    again = gguf_file.read(gguf_file.write(model, tuned[1], tmp_path / "own.gguf"))
    assert torch.equal(again.lm_head.weight, model.lm_head.weight.half().float())
    assert not torch.equal(again.lm_head.weight, again.model.embed_tokens.weight)


def test_marks_for_the_loss_mask_are_left_out_of_the_template(tuned, tmp_path):
    marked = chat.tokenizer_for("ChatML (SmolLM2)", tuned[1])
    read = tokenizer_of(gguf_file.write(tuned[0], marked, tmp_path / "marked.gguf"))
    assert "generation %}" in marked.chat_template and "generation %}" not in read.chat_template
    messages = [{"role": "user", "content": "lamp on"}, {"role": "assistant", "content": "{}"}]
    assert read.apply_chat_template(messages, tokenize=False) == marked.apply_chat_template(messages, tokenize=False)


def test_digits_cut_one_by_one_have_a_name_of_their_own(tuned, tmp_path):
    tokenizer = copy.deepcopy(tuned[1])
    cuts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    file = gguf_file.write(tuned[0], tokenizer, tmp_path / "digits.gguf")
    assert gguf.GGUFReader(file).fields["tokenizer.ggml.pre"].contents() == "smollm"


def test_rows_that_no_token_uses_get_a_name(tuned, tmp_path):
    model = copy.deepcopy(tuned[0])
    model.resize_token_embeddings(1_030, mean_resizing=False)
    fields = gguf.GGUFReader(gguf_file.write(model, tuned[1], tmp_path / "more.gguf")).fields
    assert fields["tokenizer.ggml.tokens"].contents()[1_024:] == [f"[PAD{n}]" for n in range(1_024, 1_030)]
    assert set(fields["tokenizer.ggml.token_type"].contents()[1_024:]) == {gguf.TokenType.UNUSED}


def test_what_this_writer_does_not_know_is_refused(tuned, tmp_path):
    model, tokenizer = tuned
    with pytest.raises(CourseError, match="no kind 'Q4' of GGUF here: choose one of F16, Q8_0"):
        gguf_file.write(model, tokenizer, tmp_path / "x.gguf", "Q4")
    other = copy.deepcopy(model)
    other.config.rope_parameters = {"rope_type": "llama3", "rope_theta": 1e4}
    with pytest.raises(CourseError, match="no plain Llama .*: convert it with convert_hf_to_gguf.py"):
        gguf_file.write(other, tokenizer, tmp_path / "x.gguf")
    spaces = copy.deepcopy(tokenizer)
    spaces.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(CourseError, match="cuts texts in a way that is not known here"):
        gguf_file.write(model, spaces, tmp_path / "x.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_small_disk_is_said_before_anything_is_written(tuned, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_free", lambda path: 1_000_000)
    with pytest.raises(CourseError, match="no room for model.gguf .* free some space, or choose another output_dir"):
        gguf_file.write(*tuned, tmp_path / "model.gguf")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_said_so(tmp_path):
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(CourseError, match="damaged.gguf does not read as GGUF .*: write it again"):
        gguf_file.read(tmp_path / "damaged.gguf")
