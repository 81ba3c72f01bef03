"""Messages, widgets and pages that helpers put together from parts are Chinese to the last part."""

import html
import json
import re

import numpy as np
import pytest
from trl import SFTConfig

from helpers import LAPTOP, language
from helpers.checks import (
    configure_training,
    diagnose_loss,
    evaluate,
    pack_sequences,
    prepare_data,
    scale_up,
    train_with_sfttrainer,
    when_to_use_sft,
)
from helpers.dataset import acting, devices, files
from helpers.dataset.homes import small_home
from helpers.errors import CourseError
from helpers.model import load, load_config
from helpers.preflight import command
from helpers.training import run_log
from helpers.ui import budget, compare, explore, home, predict, run_logs
from tests.ui.widgets import by_label

# What stays as it is: terms, names and roles, and what stands in a reader's code.
KEPT = {"token", "nano", "nat", "logits", "prompt", "completion", "messages", "content", "system", "user", "assistant"}
KEPT |= {"int", "min", "id", "natural"}


@pytest.fixture(autouse=True)
def chinese(monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "zh-TW")


def english(text: str) -> list[str]:
    """The words of a text that are English, without tags, code, names and what KEPT holds."""
    plain = re.sub(r"<[^>]*>", " ", html.unescape(text))
    words = re.findall(r"(?<![\w./<|-])[a-z]{2,}(?![\w./=|-])", plain)
    return [word for word in words if word not in KEPT]


def assert_chinese(text: str) -> None:
    assert re.search("[\u4e00-\u9fff]", text) and not english(text), (english(text), text)


def config(**settings) -> SFTConfig:
    return SFTConfig(**LAPTOP, **settings)


TOTALS = np.array([[1.0], [-1.0], [1.0], [1.0]])
FOUR = {"rows of an update": 1, "updates of the epoch": None, "gradient_accumulation_steps": None}
OVERFIT = {"one": run_log.recorded("overfit"), "two": run_log.recorded("healthy_0")}


@pytest.mark.parametrize(
    "check, arguments",
    [
        (configure_training.planned_config, [config(max_steps=5), 580]),
        (diagnose_loss.named_faults, [{"one": "healthy", "two": "healthy"}, OVERFIT]),
        (diagnose_loss.overfitting_rule, [lambda log: 0, {"ONE": OVERFIT["one"]}]),
        (evaluate.permutation, [4.0, TOTALS, np.array([2.0])]),
        (pack_sequences.block_mask, [lambda lengths: [[False] * sum(lengths)] * sum(lengths)]),
        (pack_sequences.block_mask, [lambda lengths: [[True] * sum(lengths)] * sum(lengths)]),
        (prepare_data.formats, [{"messages": {"text": ""}}, "S", "U", "A"]),
        (prepare_data.planted_defects, [[0, 1]]),
        (scale_up.four_gpus, [FOUR]),
        (scale_up.lora_yaml, ["use_peft: true\nlora_target_modules: all-linear"]),
        (scale_up.lora_yaml, ["use_peft: true\nlora_r: many"]),
        (train_with_sfttrainer.monitoring, [config(max_steps=5)]),
        (when_to_use_sft.sentences, [800, {100: 10.0, 400: 60.0, 800: 60.0}, 1.0, 10.0]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_check_that_takes_in_a_hint_is_chinese(check, arguments, capsys):
    check(*arguments)
    shown = re.sub(r"\b(one|two)：|'many'", "", capsys.readouterr().out)  # names of runs, and what the reader wrote
    assert_chinese(shown)


def widget_texts(box) -> str:
    """All that a widget and what it holds show."""
    parts = [widget_texts(child) for child in getattr(box, "children", ())]
    options = [option[0] if isinstance(option, tuple) else option for option in getattr(box, "options", ())]
    shown = [getattr(box, "description", ""), getattr(box, "tooltip", ""), *map(str, options)]
    value = "" if options or hasattr(box, "rows") else getattr(box, "value", "")  # no choice's own, nothing to edit
    return "\n".join([*parts, *filter(None, shown), value if isinstance(value, str) else ""])


def masked(messages, mode, tokenizer):
    ids = tokenizer.apply_chat_template(messages)["input_ids"]
    return ids, [-100] * len(ids)


def widgets() -> dict:
    configs = {"NANO": load_config("nano")}
    messages = [{"role": "user", "content": "ON"}, {"role": "assistant", "content": "OK"}]
    return {
        "gpus": explore.gpus(configs),
        "memory": explore.memory_use(configs),
        "masks": explore.label_masks(masked, ("completion only",), load("nano")[1], messages),
        "packed": explore.packed_rows([30, 400, 70, 90]),
        "budget": budget.LabelBudget(["ONE", "TWO"], 100, lambda bought: {"ONE": 1.0, "TWO": 2.0}).box,
        "game": run_logs.game({"overfit": OVERFIT["one"]}),
        "runs": run_logs.compare_runs({"ONE": OVERFIT["one"], "TWO": OVERFIT["two"]}),
    }


# Names of schedulers, strategies and templates, which are values in code too.
NAMES = r"\b(linear|cosine|constant|bfd|wrapped|plain text|all-linear|accelerate launch|trl sft)\b"
MARKED = r"<pre>.*</pre>|<span.*</span>"  # command lines, and the tokens of an example


@pytest.mark.parametrize("name", ["gpus", "memory", "masks", "packed", "budget", "game", "runs"])
def test_a_widget_is_chinese_wherever_a_reader_reads(name):
    shown = re.sub(f"{NAMES}|{MARKED}", "", widget_texts(widgets()[name]), flags=re.DOTALL)
    assert_chinese(shown)


def test_a_round_and_an_answer_of_the_games_are_told_in_chinese():
    game = budget.LabelBudget(["ONE", "TWO"], 100, lambda bought: {"ONE": 1.0, "TWO": 2.0})
    assert_chinese(game.status.value)
    game.guess.value = 30
    game.play()
    assert_chinese(game.status.value + game.shown.value)
    box = run_logs.game({"overfit": OVERFIT["one"]})
    choices = by_label(box)
    next(widget for widget in choices.values() if hasattr(widget, "options")).value = "overfitting"
    choices[language._("Answer")].click()
    assert_chinese(box.children[2].value + box.children[3].value)


def test_a_unit_and_a_slider_of_one_word_have_two_translations():
    assert predict.estimate("?", "updates")._with_unit(8) == "8 次更新"
    assert language._("updates") == "更新次數"
    assert predict.estimate("?", "epochs")._with_unit(8) != f"8 {language._('epochs')}"


def test_how_devices_are_is_told_in_chinese():
    state = small_home()
    said = [devices.translated(devices.reading(device)) for device in state.devices.values() if device.domain != "todo"]
    assert not english(re.sub(r"\b(milk|eggs)\b", "", "；".join(said))), said
    call = {"name": "HassTurnOff", "arguments": {"name": "tv"}}
    assert "關" in home.in_words(acting.apply(state, call))


def test_a_home_refuses_in_chinese():
    call = {"name": "HassTurnOn", "arguments": {"name": "ABC"}}
    assert_chinese(home.in_words(acting.apply(small_home(), call)))
    assert_chinese(home.in_words(acting.apply(small_home(), {"name": "HassGetCurrentTime", "arguments": {}})))
    assert_chinese(home.in_words(acting.apply(small_home(), None)))


@pytest.mark.parametrize(
    "answer",
    [
        '{"name":"HassTurnOn","arguments":{"colour":"RED"}}',
        '{"name":"HassTurnOn","arguments":{}}',
        '{"name":"HassLightSet","arguments":{"area":"OFFICE","brightness":300}}',
        '{"name":"HassLightSet","arguments":{"area":1,"brightness":"half"}}',
        '{"name":"HassSwim","arguments":{}}',
        "[1]",
        "no",
    ],
)
def test_what_is_wrong_with_a_call_is_told_in_chinese(answer):
    row = compare.answers_table("COMMAND", {"MODEL": answer})
    assert_chinese(re.sub(r"<code>.*?</code>|\{'colour'\}|arguments|\bname\b", "", html.unescape(row)))


def test_the_page_of_preflight_is_chinese(tmp_path, capsys):
    rows = [{"question": f"第 {n} 題是什麼？", "answer": f"答案是 {n * n} 。"} for n in range(12)]
    rows += [{"question": "", "answer": "空的"}, {"question": "寫信給誰？", "answer": "寫給 [NAME] 。"}, rows[0]]
    path = tmp_path / "ROWS.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command.main([str(path), "--model=nano"])
    page = capsys.readouterr().out
    told = re.sub(r"⟦.*?⟧|\bquestion\b|\banswer\b|question-answer", "", page, flags=re.DOTALL)  # columns of the file
    assert_chinese(told.replace("/think", ""))


@pytest.mark.parametrize(
    "name, content",
    [
        ("GONE.jsonl", None),
        ("EMPTY.csv", b""),
        ("PNG.json", b"\x89PNG\r\n\x1a\n"),
        ("A.csv", b"A,B\n"),
        ("B.json", b"[1]"),
    ],
)
def test_a_file_is_refused_in_chinese(name, content, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CourseError) as refused:
        files.read(path)
    assert_chinese(str(refused.value).replace(str(path), name))
