"""Preflight: what would spoil training is found and named, what is sound is left alone, and no file ends it."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from helpers.dataset import files, validation
from helpers.errors import CourseError
from helpers.model import chat, load_config, load_tokenizer
from helpers.preflight import command, findings, inspect, mask, plan, spoils, texts, tokens, usable

ROWS = [
    {"question": f"How many lamps has house {n}, built in {1900 + 7 * n}?", "answer": f"It has {n}."} for n in range(30)
]


@pytest.fixture(scope="module")
def nano():
    return load_tokenizer("nano")


def saved(folder, rows, name="rows.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def judged(folder, rows, tokenizer, max_length=1024, **more):
    """(row, check) of every finding in a file of sound rows and then these."""
    found = inspect(files.read(saved(folder, [*ROWS, *rows])), tokenizer, max_length, **more)
    return [(row - len(ROWS), check) for row, check in zip(found["row"], found["check"], strict=True)]


def test_sound_rows_have_no_findings(tmp_path, nano):
    assert judged(tmp_path, [], nano) == []


@pytest.mark.parametrize(
    "asked, answer, check",
    [
        ("Who are you?", "I am {{name}}, made by {{ company }}.", "placeholder"),
        ("Who are you?", "I am <your name>.", "placeholder"),
        ("Who are you?", "I am [NAME] of [Company Name].", "placeholder"),
        ("Who are you?", "I am {first_name}, at your service.", "placeholder"),
        ("Tell {{user}} hello", "Hello!", "placeholder"),
        ("<image>What is this?", "A red bicycle.", "placeholder"),
        ("誰做的？", "這是○○公司做的。", "placeholder"),
        ("Describe house 99, please.", "I'm sorry, but I can't help with that.", "refused answer"),
        ("Describe house 99, please.", "很抱歉，我無法回答這個問題。", "refused answer"),
        ("How many are 2 and 3?", "They are <<2+3=5>>5.", "leftover markup"),
        ("Describe house 99, please.", "It is<br/>large &amp; old.", "leftover markup"),
        ("Describe house 99, please.", "It is large.<|im_end|>", "leftover markup"),
        ("Describe house 99, please.", "Itâ€™s large.", "leftover markup"),
        ("Whom do I write to?", "To jane.doe@firma.de, please.", "personal data"),
        ("Whom do I call?", "Call +886 2 2345 6789.", "personal data"),
        ("Where do I pay?", "To DE89 3704 0044 0532 0130 00.", "personal data"),
        ("What is the key?", "It is sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2.", "secret"),
        ("What is the key?", "It is AKIAQWERTYUIOP123456.", "secret"),
        ("What is the key?", "-----BEGIN RSA PRIVATE KEY-----\nMII", "secret"),
        ("Describe house 99, please.", "這棟房子很大，而且有一個漂亮的花園和車庫。", "mixed languages"),
        (
            "Is this the house that you are in?",
            "Das Haus ist groß und der Garten ist mit Bäumen bepflanzt.",
            "mixed languages",
        ),
        ("Describe house 99, please.", "It is large. " * 100, "long answer"),
        ("Describe house 99, please.", " ", "empty"),
        (ROWS[3]["question"], ROWS[3]["answer"], "duplicate"),
        (ROWS[3]["question"], "It has none.", "contradiction"),
    ],
)
def test_a_fault_is_found(asked, answer, check, tmp_path, nano):
    assert (1, check) in judged(tmp_path, [{"question": asked, "answer": answer}], nano)


@pytest.mark.parametrize(
    "asked, answer",
    [
        ("Write a letter to my landlord.", "Dear [Landlord's Name],\nthe heating is broken.\nSincerely,\n[Your Name]"),
        ("How do Jinja templates insert a name?", "Write {{ name }} where it belongs."),
        ("How do I format a string?", 'Write f"Hello {name}" or "{name}".format(name=name).'),
        ("Show me code, please.", "```python\nprint('{name}', '<your name>')\n```"),
        ("Which route is it?", "GET /users/{id} returns one user; \\frac{a}{b} is a fraction."),
        ("Give me JSON, please.", '{"name": {"first": "Ada"}}'),
        ("請把這張表單改成英文的欄位名稱。", '{"label": "name of the person", "required": "this is for the form"}'),
        ("Which tag makes text bold in HTML?", "The <b> tag: <b>bold</b>."),
        ("When was it, and how much?", "On 2024-03-12 it cost $1,299.99, order 123-456-789, at 10:30-12:45."),
        ("Which version is it?", "Version 1.2.3.4, ISBN 978-3-16-148410-0, port 8080."),
        ("Whom do I write to?", "To someone@example.com, with a decorator @app.route."),
        ("What is a key like?", "It begins with sk- and is long, as AKIAIOSFODNN7EXAMPLE is."),
        ("Can a penguin fly?", "Sorry to disappoint you: it swims, and it does not fly, as its wings are small."),
        ("What does the sign 'less' do?", "If a < b and b > c, then x<<2 shifts the bits by two."),
    ],
)
def test_what_is_sound_raises_no_alarm(asked, answer, tmp_path, nano):
    false = {"placeholder", "leftover markup", "personal data", "secret", "refused answer", "mixed languages"}
    assert not false & {check for _, check in judged(tmp_path, [{"question": asked, "answer": answer}], nano)}


def test_languages_are_told_apart():
    assert texts.language("這個問題很難回答，請稍後再試。") == "traditional Chinese"
    assert texts.language("这个问题很难回答，请稍后再试。") == "simplified Chinese"
    assert texts.language("Das ist nicht der Weg, den wir mit dem Auto fahren.") == "German"
    assert texts.language("42") == ""
    assert not texts.differ("Chinese", "simplified Chinese") and not texts.differ("Latin script", "French")


def test_unusable_rows_are_findings_and_are_not_counted(tmp_path, nano):
    path = tmp_path / "a.jsonl"
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rows = [{"messages": messages}, {"messages": [{"role": "system", "content": "s"}, messages[1]]}]
    file = files.read(saved(tmp_path, rows, path.name))
    found = inspect(file, nano)
    assert set(found["check"]) == {"no user turn", "few rows"} and usable(file, found) == 1
    assert spoils(found, file.total) == ["no user turn"]


def test_what_max_length_loses_is_told(tmp_path, nano):
    rows = [{"question": "why " * 60, "answer": "b"}, {"question": "why not?", "answer": "well " * 60}]
    found = judged(tmp_path, rows, nano, 80)
    assert (1, "dropped") in found and (2, "truncated") in found


def test_leaks_are_told_at_the_row_to_remove(tmp_path, nano):
    held_out = files.read(saved(tmp_path, [{"question": ROWS[4]["question"].upper(), "answer": "x"}], "held.jsonl"))
    assert judged(tmp_path, [], nano, held_out=held_out) == [(5 - len(ROWS), "leaked row")]


def test_no_row_of_a_held_out_group_may_be_trained_on(tmp_path, nano):
    mapping = {"group": "customer"}
    rows = [row | {"customer": n // 3} for n, row in enumerate(ROWS)]
    of_others = {"question": "Who lives in the castle?", "answer": "Nobody."}
    file = files.read(saved(tmp_path, rows), mapping)
    for customer, leaked in ((2, [7, 8, 9]), (99, []), (None, [])):
        held_out = files.read(saved(tmp_path, [of_others | {"customer": customer}], "held.jsonl"), mapping)
        found = inspect(file, nano, held_out=held_out)
        assert list(found["row"]) == leaked and set(found["check"]) <= {"leaked group"}
        assert spoils(found, len(rows)) == (["leaked group"] if leaked else [])


def test_faults_of_a_template_are_found(nano):
    deepseek = chat.tokenizer_for("DeepSeek-R1-Distill", nano)
    pair = {"prompt": [{"role": "user", "content": "a"}]}
    thought = pair | {"completion": [{"role": "assistant", "content": "<think>hm</think>b"}]}
    plain = pair | {"completion": [{"role": "assistant", "content": "b"}]}
    assert [check for check, _ in tokens.problems(thought, deepseek)] == ["reasoning deleted"]
    assert tokens.problems(plain, deepseek) == [] == tokens.problems(thought, nano)
    nano_base = chat.tokenizer_for(chat.Family(nano.chat_template, eos="<|endoftext|>", bos="<s>", adds_bos=True), nano)
    assert [check for check, _ in tokens.problems(plain, nano_base)] == ["EOS not in the loss"]
    assert [check for check, _ in tokens.problems({"text": "<s>once"}, nano_base)] == ["BOS twice"]
    strict = chat.tokenizer_for(chat.Family("{{ raise_exception('no') }}", eos="<|im_end|>"), nano)
    assert tokens.problems(plain, strict) == [("template refuses", "no")]


def test_a_base_model_without_template_is_helped(nano):
    base = chat.tokenizer_for(chat.Family(None, eos="<|endoftext|>"), nano)
    row = {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}
    assert tokens.problems(row, base) == [] and mask(row, base)["counted"].any()


def test_the_mask_is_what_the_trainer_counts(nano):
    row = {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "yes"}]}
    masked = mask(row, nano)
    assert "".join(masked[masked["counted"]]["token"]) == "yes<|im_end|>\n"
    assert mask({"text": "yes"}, nano)["counted"].all()
    assert tokens.marked(masked, colour=False).endswith("assistant\n⟦yes<|im_end|>\n⟧")
    assert tokens.marked(masked, colour=True).endswith(f"{tokens.GREEN}yes<|im_end|>\n{tokens.PLAIN}")


def test_the_plan_follows_the_configuration(tmp_path, nano):
    rows = files.read(saved(tmp_path, ROWS)).rows
    config = {"per_device_train_batch_size": 10, "num_train_epochs": 2, "max_length": 128}
    planned = plan(rows, load_config("nano"), nano, config, seconds_per_step=30)
    lengths = validation.lengths(rows, nano)
    assert (planned["updates"], planned["epochs"], planned["minutes"]) == (6, 2, 3.0)
    assert planned["tokens"] == lengths["total"].sum() and planned["memory (GB)"] > 0
    assert planned["tokens in the loss"] == (lengths["total"] - lengths["prompt"]).sum()
    assert not planned["pack"] and planned["why"]


def test_the_plan_packs_as_many_examples_into_an_update_as_a_batch_has(nano):
    rows = [ROWS[0]] * 400
    lengths = pd.DataFrame({"total": [400, 50, 50, 50, 50] * 80, "prompt": 20})  # in rows of 512, four in each
    config = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "max_length": 512}

    def planned(epochs):
        return plan(rows, load_config("nano"), nano, {**config, "num_train_epochs": epochs}, lengths=lengths)

    assert planned(5)["pack"] and planned(5)["why"].endswith("packed rows in an update: 4")
    assert planned(5)["packed rows of an update"] == 4
    assert not planned(1)["pack"] and "24 updates" in planned(1)["why"]


def test_the_command_prints_one_object_and_its_status_says_the_rest(tmp_path, capsys):
    sound, broken = saved(tmp_path, ROWS), saved(tmp_path, [*ROWS, {"question": "a", "answer": "{{b}}"}], "b.jsonl")
    assert command.main([str(sound), "--json", "--model", "nano"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["format"], printed["rows"], printed["usable"]) == ("question-answer", 30, 30)
    assert printed["findings"] == {} and printed["refused"] is None and printed["plan"]["updates"] == 12
    assert command.main([str(broken), "--json", "--model", "nano"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"] == {"placeholder": 1}
    assert command.main([str(tmp_path), "--json"]) == 2
    assert "is a folder" in json.loads(capsys.readouterr().out)["refused"]


def test_the_command_speaks_to_people_too(tmp_path, capsys):
    assert command.main([str(saved(tmp_path, ROWS)), "--model", "nano", "--held-out", str(saved(tmp_path, ROWS))]) == 1
    printed = capsys.readouterr().out
    assert "✗ leaked row, 30" in printed and "⟦It has 0.<|im_end|>" in printed
    assert "Plan: 12 updates" in printed and "put right first: leaked row" in printed


def test_mappings_and_configurations_are_checked(tmp_path, capsys):
    path = saved(tmp_path, [{"title": f"t{n}", "body": f"b{n}"} for n in range(30)])
    assert command.main([str(path), "--model", "nano", "--map", "prompt=title", "--map", "completion=body"]) in (0, 1)
    assert "prompt-completion" in capsys.readouterr().out
    assert command.main([str(path), "--map", "prompt"]) == 2
    config = tmp_path / "sft.yaml"
    config.write_text("max_seq_length: 64\n", encoding="utf-8")
    assert command.main([str(saved(tmp_path, ROWS)), "--json", "--model", "nano", "--config", str(config)]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["findings"] == {"configuration": 1}


def test_what_breaks_the_reader_is_a_sentence(tmp_path, capsys, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(findings, "inspect", broken)
    assert command.main([str(saved(tmp_path, ROWS)), "--model", "nano"]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().out
    monkeypatch.undo()
    assert command.main([str(saved(tmp_path, ROWS)), "--model", str(tmp_path)]) == 2
    assert "holds no model" in capsys.readouterr().out
    assert issubclass(files.Refused, CourseError)


def test_any_script_is_printed_where_the_system_has_no_letters_for_it(tmp_path):
    rows = [{"prompt": f"打開第 {n} 盞燈", "completion": f"好的 → {n}"} for n in range(30)]
    command = [sys.executable, "-m", "helpers.preflight", str(saved(tmp_path, rows)), "--model=nano"]
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}  # as on Windows, into anything but a terminal
    done = subprocess.run(command, capture_output=True, env=env)
    assert done.returncode == 0, done.stderr
    assert "⟦" in done.stdout.decode("utf-8")  # around what the loss counts, of a row of the file
