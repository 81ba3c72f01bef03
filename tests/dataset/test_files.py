"""Files: whatever others call their columns and however they save them, the rows come out in TRL's formats."""

import codecs
import json

import pandas as pd
import pytest

from helpers.dataset import files, turns, validation
from helpers.dataset.formats import marker

TABLE = 'question,answer\n"Open, or not?","Yes,\nuntil ""five""."\nHow much is it?,42\n'


def saved(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def as_lines(folder, rows, name="rows.jsonl"):
    return saved(folder, name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def said(row):
    return [(message["role"], message["content"]) for message in row["prompt"] + row["completion"]]


def turn(role, content, **more):
    return {"role": role, "content": content} | more


@pytest.mark.parametrize(
    "header, row",
    [
        ("ask,answer", "Open?,Yes."),
        ("questions,answers", "Open?,Yes."),
        ("id,question,gold_answer", "7,Open?,Yes."),
        ("user_prompt,bot_reply", "Open?,Yes."),
        ("user_input,bot_reply", "Open?,Yes."),
    ],
)
def test_columns_are_known_by_other_names(header, row, tmp_path):
    file = files.read(saved(tmp_path, "a.csv", f"{header}\n{row}\n{row}\n"))
    assert said(file.rows[0]) == [("user", "Open?"), ("assistant", "Yes.")]


def test_one_object_of_many_keys_is_no_list_of_rows(tmp_path):
    with pytest.raises(files.Refused, match="one row of 30 columns"):
        files.read(saved(tmp_path, "a.json", json.dumps({f"title {n}": "a story" for n in range(30)})))


def test_two_columns_that_end_alike_are_not_guessed_between(tmp_path):
    with pytest.raises(files.Refused, match="none is known as the answer"):
        files.read(saved(tmp_path, "a.csv", "question,good_answer,bad_answer\na,b,c\n"))


def test_a_table_without_names_of_its_columns_is_said_so(tmp_path):
    with pytest.raises(files.Refused, match="names of the columns above it"):
        files.read(saved(tmp_path, "a.tsv", "Where is it?\tIn the old town.\nWhen?\tAt nine.\n"))


def test_parts_of_a_message_may_call_their_text_value(tmp_path):
    part = lambda text: [{"type": "text", "value": text}]
    rows = [{"messages": [turn("user", part("Open?")), turn("assistant", part("Yes."))]}]
    assert said(files.read(as_lines(tmp_path, rows)).rows[0]) == [("user", "Open?"), ("assistant", "Yes.")]


def test_squad_is_unfolded_and_its_questions_without_answer_are_empty(tmp_path):
    answered = {"question": "When?", "answers": [{"text": "At nine.", "answer_start": 3}]}
    open_ = {"question": "Who?", "answers": [], "is_impossible": True}
    squad = {
        "version": "2",
        "data": [{"title": "t", "paragraphs": [{"context": "It opens.", "qas": [answered, open_]}]}],
    }
    file = files.read(saved(tmp_path, "a.json", json.dumps(squad)))
    assert said(file.rows[0]) == [("user", "It opens.\n\nWhen?"), ("assistant", "At nine.")]
    assert [remark[:2] for remark in file.unusable] == [(2, "empty")]


def test_objects_over_several_lines_are_read_whatever_the_file_is_called(tmp_path):
    messages = ",\n".join(json.dumps(turn(role, "a")) for role in ("user", "assistant"))
    text = "".join(f'{{"messages":[\n{messages}\n]}}\n' for _ in range(3))
    assert len(files.read(saved(tmp_path, "a.jsonl", text)).rows) == 3


def test_an_object_around_the_rows_may_stand_in_a_list(tmp_path):
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]
    assert len(files.read(saved(tmp_path, "a.json", json.dumps([{"items": rows}]))).rows) == 2
    assert len(files.read(saved(tmp_path, "b.json", json.dumps(rows[:1]))).rows) == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_table_is_read_with_any_separator_and_mark(separator, encoding, tmp_path):
    table = TABLE.replace("Open, or", "Open§ or").replace("Yes,", "Yes§").replace(",", separator).replace("§", ",")
    file = files.read(saved(tmp_path, "a.csv", table, encoding))
    assert file.format == "question-answer" and file.numbers == [1, 2] and not file.unusable
    assert said(file.rows[0]) == [("user", "Open, or not?"), ("assistant", 'Yes,\nuntil "five".')]
    assert said(file.rows[1])[1] == ("assistant", "42")
    assert len(file.how.splitlines()) == 2 and len(file.sha256) == 64


@pytest.mark.parametrize(
    "encoding, name, question, answer",
    [
        ("cp950", "cp950", "營業時間是幾點到幾點？", "每天上午九點到下午五點，週日休息。"),
        ("gb18030", "GB 18030", "营业时间是几点到几点？", "每天上午九点到下午五点，周日休息。"),
        ("latin-1", "latin-1", "Où est la forêt ?", "Près de l'étang, à côté du café."),
        ("utf-8", "UTF-8", "מתי אתם פותחים?", "בשעה תשע בבוקר."),
    ],
)
def test_an_encoding_without_mark_is_guessed_and_named(encoding, name, question, answer, tmp_path):
    file = files.read(
        saved(
            tmp_path,
            "a.csv",
            f"問題,答案\n{question},{answer}\n" if name == "cp950" else f'question,answer\n{question},"{answer}"\n',
            encoding,
        )
    )
    assert name in file.how.splitlines()[0]
    assert said(file.rows[0]) == [("user", question), ("assistant", answer)]


@pytest.mark.parametrize(
    "format, record, expected",
    [
        ("prompt-completion", {"prompt": "a", "completion": "b"}, ["a", "b"]),
        ("prompt-completion", {"Prompt": "a", "Response": "b"}, ["a", "b"]),
        ("prompt-completion", {"prompt": [turn("user", "a")], "completion": [turn("assistant", "b")]}, ["a", "b"]),
        ("question-answer", {"Question": "a", "ANSWER": 3}, ["a", "3"]),
        ("question-answer", {"input": "a", "output": "b"}, ["a", "b"]),
        ("question-answer", {"query": "a", "answer": {"n": [1]}}, ["a", '{"n": [1]}']),
        ("question-answer", {"question": "a", "answer": "[1, 2]"}, ["a", "[1, 2]"]),
        ("question-answer", {"context": "c", "question": "a", "answers": {"text": ["b", "d"]}}, ["c\n\na", "b"]),
        ("question-answer", {"system_prompt": "s", "question": "a", "response": "b"}, ["s", "a", "b"]),
        ("alpaca", {"instruction": "a", "input": "c", "output": "b"}, ["a\n\nc", "b"]),
        ("alpaca", {"instruction": "a", "context": "", "response": "b", "category": "x"}, ["a", "b"]),
        ("alpaca", {"instruction": "a", "input": "", "output": "b", "history": [["q", "r"]]}, ["q", "r", "a", "b"]),
        ("sharegpt", {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, ["a", "b"]),
        ("sharegpt", {"conversation": [{"human": "a", "assistant": "b"}]}, ["a", "b"]),
        ("messages", {"messages": [turn("developer", "s"), turn("user", "a"), turn("model", "b")]}, ["s", "a", "b"]),
        ("messages", {"messages": json.dumps([turn("user", "a"), turn("assistant", "b")])}, ["a", "b"]),
        ("messages", {"messages": str([turn("user", "it's"), turn("assistant", "b")])}, ["it's", "b"]),
        (
            "messages",
            {"messages": [turn("user", [{"type": "text", "text": "a"}]), turn("assistant", "b", weight=1)]},
            ["a", "b"],
        ),
    ],
)
def test_a_format_is_recognised(format, record, expected, tmp_path):
    file = files.read(as_lines(tmp_path, [record, record]))
    assert (file.format, file.total, file.unusable) == (format, 2, [])
    assert [content for _, content in said(file.rows[0])] == expected
    assert validation.dialogue(file.rows[0])


@pytest.mark.parametrize(
    "content",
    [
        [{"prompt": "a", "completion": "b"}],
        {"data": [{"prompt": "a", "completion": "b"}], "version": 1},
        {"rows": [{"row_idx": 0, "row": {"prompt": "a", "completion": "b"}}]},
        {"prompt": ["a"], "completion": ["b"]},
        {"one": {"prompt": "a", "completion": "b"}},
        {"messages": [turn("user", "a"), turn("assistant", "b")]},
        [[turn("user", "a"), turn("assistant", "b")]],
    ],
)
def test_json_is_unwrapped(content, tmp_path):
    file = files.read(saved(tmp_path, "a.json", json.dumps(content, indent=2)))
    assert [said(row) for row in file.rows] == [[("user", "a"), ("assistant", "b")]]


def test_parquet_is_read(tmp_path):
    pd.DataFrame({"question": ["a"], "answer": [0.5], "when": [pd.Timestamp("2026-01-01")]}).to_parquet(tmp_path / "a")
    file = files.read(tmp_path / "a")
    assert said(file.rows[0]) == [("user", "a"), ("assistant", "0.5")] and "when" in file.how


def test_tool_calls_of_two_projects_are_read_alike(tmp_path):
    tool = {"name": "light", "parameters": {}}
    call = json.dumps({"name": "light", "arguments": {"on": True}})
    shared = [("human", "on"), ("function_call", call), ("observation", "ok"), ("gpt", "done")]
    one = {"conversations": [{"from": who, "value": what} for who, what in shared], "tools": json.dumps([tool])}
    function = {"name": "light", "arguments": '{"on": true}'}
    messages = [turn("user", "on"), turn("assistant", None, tool_calls=[{"id": "1", "function": function}])]
    messages += [turn("tool", "ok", tool_call_id="1"), turn("assistant", "done")]
    other = {"messages": messages, "tools": [{"type": "function", "function": tool}]}
    first = files.read(as_lines(tmp_path, [one, one | {"tools": "[]"}]))
    second = files.read(as_lines(tmp_path, [other]))
    assert first.format == second.format == "tool calling" and first.total == 2
    assert first.rows[0] == second.rows[0]
    assert first.rows[0]["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"on": True}
    renamed = as_lines(tmp_path, [{"msgs": messages, "functions": other["tools"]}])
    assert files.read(renamed, mapping={"messages": "msgs", "tools": "functions"}).rows[0] == second.rows[0]
    text = turns.tools_as_text(first.rows[0])
    assert validation.dialogue(text) and '<tool_call>{"name": "light"' in text["prompt"][2]["content"]


def test_a_question_with_calls_in_columns_is_tool_calling(tmp_path):
    row = {"query": "on", "tools": json.dumps([{"name": "light"}]), "answers": json.dumps([{"name": "light"}])}
    file = files.read(as_lines(tmp_path, [row]))
    assert file.format == "tool calling" and file.rows[0]["messages"][-1]["tool_calls"]


def test_conversations_keep_their_turns_and_weights(tmp_path):
    messages = [turn("user", "a"), turn("assistant", "b", weight=0), turn("user", "c"), turn("assistant", "d")]
    rows = files.read(as_lines(tmp_path, [{"messages": [*messages, turn("user", "e")]}]))
    assert [note.check for note in rows.notes] == ["unanswered turn"]
    assert rows.rows[0]["completion"][0]["content"] == "d" and len(turns.every_turn(rows.rows)) == 1
    for message in messages:
        message.pop("weight", None)
    expanded = turns.every_turn(files.read(as_lines(tmp_path, [{"messages": messages}])).rows)
    assert [row["completion"][0]["content"] for row in expanded] == ["b", "d"]


def test_rows_that_nobody_can_train_on_are_named(tmp_path):
    file = files.read(
        as_lines(
            tmp_path,
            [
                {"messages": [turn("user", "a"), turn("assistant", "b")]},
                {"messages": [turn("system", "a"), turn("assistant", "b")]},
                {"messages": [turn("user", "a"), turn("assistant", " ")]},
                {"messages": [turn("user", "a"), turn("wizard", "b")]},
                {"messages": [turn("user", [{"type": "image_url"}]), turn("assistant", "b")]},
                {"messages": None},
                {"messages": [turn("user", "a"), turn("user", "b"), turn("assistant", "c")]},
            ],
        )
    )
    assert file.numbers == [1, 7] and file.total == 7 and file.notes[0].check == "turns joined"
    assert [(remark.row, remark.check) for remark in file.unusable] == [
        (2, "no user turn"),
        (3, "empty"),
        (4, "malformed"),
        (5, "malformed"),
        (6, "empty"),
    ]


def test_half_a_row_of_a_table_is_left_out(tmp_path):
    file = files.read(saved(tmp_path, "a.csv", "question,answer\na,b\nc,d\ne"))
    assert file.numbers == [1, 2] and file.unusable == [(3, "malformed", "it has 1 of 2 fields")]


def test_text_is_cut_where_asked(tmp_path):
    path = as_lines(tmp_path, [{"text": "T\nQ: a\nA: b"}, {"text": "no answer"}])
    assert files.read(path).rows[0] == {"text": "T\nQ: a\nA: b"}
    cut = files.read(path, cut="A:")
    assert said(cut.rows[0]) == [("user", "T\nQ: a"), ("assistant", "b")] and len(cut.unusable) == 1
    assert marker(["Q: a\nA: b"] * 9 + ["none"]) == "A:" and marker(["Vitamin A: good"] * 9) == ""
    assert marker(["### Human: a### Assistant: b"]) == "### Assistant:"


def test_a_mapping_says_what_is_what(tmp_path):
    path = as_lines(tmp_path, [{"title": "a", "body": {"text": "b"}}])
    file = files.read(path, {"prompt": "title", "completion": "body.text"})
    assert file.format == "prompt-completion" and said(file.rows[0]) == [("user", "a"), ("assistant", "b")]
    with pytest.raises(files.Refused, match="no column 'none': it has the columns 'title', 'body'"):
        files.read(path, {"prompt": "title", "completion": "none"})
    with pytest.raises(files.Refused, match="one side only"):
        files.read(path, {"prompt": "title"})


@pytest.mark.parametrize("others", [{}, {"prompt": "question", "completion": "answer"}])
def test_a_column_of_groups_leaves_the_format_as_it_is_and_drops_out_with_its_row(others, tmp_path):
    path = saved(tmp_path, "of.csv", "question,answer,customer\nOpen?,Yes.,7\nClosed?,,8\nLate?,No.,\nHow?,So.,7\n")
    file = files.read(path, others | {"group": "customer"})
    assert file.groups == ["7", None, "7"] and file.numbers == [1, 3, 4] and "not used" not in file.how
    assert files.read(path, others).groups is None
    with pytest.raises(files.Refused, match="no column 'client': it has the columns 'question', 'answer', 'customer'"):
        files.read(path, others | {"group": "client"})


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {}},
        {"chosen": [turn("user", "a"), turn("assistant", "b")], "rejected": []},
        {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": ""},
        {
            "input": {"messages": [turn("user", "a")]},
            "preferred_output": [turn("assistant", "b")],
            "non_preferred_output": [],
        },
        {"prompt": "a", "completion": "b", "label": True},
    ],
)
def test_preferences_are_refused_or_their_chosen_answers_taken(record, tmp_path):
    path = as_lines(tmp_path, [record])
    with pytest.raises(files.Refused, match="not SFT") as refusal:
        files.read(path)
    assert (refusal.value.format, refusal.value.rows) == ("preference", 1)
    file = files.read(path, chosen=True)
    assert file.format == "preference" and said(file.rows[0]) == [("user", "a"), ("assistant", "b")]


def test_answers_to_compare_have_no_chosen_one(tmp_path):
    with pytest.raises(files.Refused, match="to compare"):
        files.read(as_lines(tmp_path, [{"prompt": "a", "response_a": "b", "response_b": "c"}]), chosen=True)


GOOD = '{"question": "a", "answer": "b"}'


@pytest.mark.parametrize(
    "name, content, complaint",
    [
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"\n \n", "nothing but blanks"),
        ("a.csv", b"question,answer\n", "no rows below its header"),
        ("a.json", b"[]", "holds no rows"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        ("a.xlsx", b"PK\x03\x04rest", "save the sheet as CSV"),
        ("a.jsonl", bytes(range(256)) * 9, "binary data"),
        ("a.csv", codecs.BOM_UTF16_LE + b"q", "breaks off at byte"),
        ("a.parquet", b"PAR1rest", "damaged Parquet"),
        ("a.jsonl", f'{GOOD}\n{{"question": "a",}}\n{GOOD}\n'.encode(), "line 2: not valid JSON"),
        ("a.jsonl", f'{{"question" "a"}}\n{GOOD}\n'.encode(), "line 1: not valid JSON"),
        ("a.jsonl", f'{GOOD}\n{{"question": "a'.encode(), "line 2: the file ends in the middle"),
        ("a.json", f'[{GOOD},\n{{"question" "a"}}]'.encode(), "line 2: not valid JSON"),
        ("a.json", f'[{GOOD},\n{{"question": "a'.encode(), "line 2: the file ends in the middle"),
        ("a.json", b"[" * 100_000, "does not read"),
        ("a.json", b"just words", "line 1: not valid JSON"),
        ("a.csv", b'question,answer\na,b\nc,"d\ne,f\n', "line 3: a quote"),
        ("a.csv", b"title,abstract\na,b\n", '--map prompt="title" --map completion="abstract"'),
        ("a.txt", b"Once upon a time.\nThere was a king.\n", "--map text="),
        ("a.jsonl", b'{"text": "good", "label": 1}\n', "no format for SFT is known"),
        ("a.jsonl", b'{"question": "a", "answer": null}\n', "no row to train on"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(name, content, complaint, tmp_path):
    with pytest.raises(files.Refused) as refusal:
        files.read(saved(tmp_path, name, content))
    assert complaint in str(refusal.value) and name in str(refusal.value) and "\n" not in str(refusal.value)


def test_what_is_no_file_is_refused(tmp_path):
    saved(tmp_path, "a.csv", TABLE)
    with pytest.raises(files.Refused, match="is a folder: pass one of its files, such as a.csv"):
        files.read(tmp_path)
    with pytest.raises(files.Refused, match="There is no file"):
        files.read(tmp_path / "none.csv")


def test_a_file_larger_than_may_be_read_is_refused_with_its_size(tmp_path):
    path = saved(tmp_path, "a.csv", b"")
    with path.open("r+b") as file:
        file.truncate(1_200_000_000)  # holes on the disk
    with pytest.raises(files.Refused, match="a.csv has 1.2 GB"):
        files.read(path)


def test_a_file_that_changes_after_it_was_read_is_noticed(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\nWhy?,Because.\n", encoding="utf-8")
    file = files.read(path)
    assert not file.changed()
    path.write_text("question,answer\nWhy?,Therefore.\n", encoding="utf-8")
    assert file.changed()
    path.unlink()
    assert file.changed()
