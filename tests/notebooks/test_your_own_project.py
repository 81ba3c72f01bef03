"""Notebook 11 on other people's files and models, and under accidents: a sentence each, and nothing is lost."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cells
import lessons
from helpers.checks import your_own_project as check
from helpers.errors import CourseError
from helpers.model import chat, stand_ins
from helpers.training import jobs, run_log

PATH = next(path for path in lessons.LESSONS if path.name.startswith("11_"))
NOTEBOOK = lessons.read(PATH)
WORDS = [
    "lamp",
    "door",
    "valve",
    "motor",
    "panel",
    "cable",
    "sensor",
    "filter",
    "pump",
    "screen",
    "battery",
    "hinge",
    "nozzle",
    "switch",
    "spring",
    "bracket",
]
DEEDS = ["replace", "clean", "mount", "test", "order", "oil", "lock", "reset", "paint", "measure", "return", "store"]


def questions(n: int) -> list[tuple[str, str]]:
    """Pairs of a question and its answer, unlike one another."""
    drawn = random.Random(0)
    things = [drawn.sample(WORDS, 3) for _ in range(n)]
    deeds = [drawn.sample(DEEDS, 2) for _ in range(n)]
    return [
        (
            f"How do I {a} the {x} {i} of a {y} next to the {z}?",
            f"First {b} the {y}, then {a} the {x}, and look at page {i}.",
        )
        for i, ((x, y, z), (a, b)) in enumerate(zip(things, deeds, strict=True))
    ]


def csv_of_60_rows(folder: Path) -> Path:
    path = folder / "faq.csv"
    rows = "".join(f'"{asked}","{answer}"\n' for asked, answer in questions(60))
    path.write_text("question,answer\n" + rows, encoding="utf-8")
    return path


def alpaca(folder: Path) -> Path:
    path = folder / "alpaca.json"
    rows = [
        {"instruction": asked, "input": "In the workshop." if i % 2 else "", "output": answer}
        for i, (asked, answer) in enumerate(questions(90))
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def up_to(last: str, **changed) -> dict:
    return cells.up_to(NOTEBOOK, last, **changed)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name, value",
    [("batch_size", -8), ("learning_rate", "high"), ("epochs", -1.0), ("max_rows", -5), ("max_steps", 0)],
)
def test_a_wrong_parameter_is_named(name, value, here):
    with pytest.raises(CourseError, match=rf"^{name} is {value!r}: make it a number above 0 and run the cell again\.$"):
        up_to("check-parameters", **{name: value})


def test_a_folder_that_cannot_be_written_is_said_before_anything_else(here):
    (here / "taken").write_text("a file in the way")
    with pytest.raises(CourseError, match="Could not write taken.*set output_dir to another folder"):
        up_to("check-parameters", output_dir="taken")


def test_a_run_that_no_memory_holds_is_refused_before_it_begins(here):
    with pytest.raises(CourseError, match="Training needs .* GB of .*lower batch_size"):
        up_to("config", data_path=str(csv_of_60_rows(here)), batch_size=10**6)


def test_long_rows_are_read_less_often_unless_all_rows_are_wanted(here):
    path = here / "long.csv"
    rows = "".join(f'"{asked}","{" ".join(f"{answer} {i}" for i in range(10))}"\n' for asked, answer in questions(60))
    path.write_text("question,answer\n" + rows, encoding="utf-8")
    first, whole = (up_to("passes", data_path=str(path), train_anyway=True, max_rows=most) for most in (60, 0))
    assert first["n"] == whole["n"] and first["epochs"] * first["in_pass"] < 25_000 < 3 * first["in_pass"]
    assert whole["epochs"] == 3


def test_a_run_goes_on_with_the_same_file_alone(here):
    path = csv_of_60_rows(here)
    up_to("start-or-resume", data_path=str(path))
    saved = here / "outputs/11/run/checkpoint-20"
    saved.mkdir(parents=True)
    (saved / "trainer_state.json").write_text('{"global_step": 20}')
    assert up_to("start-or-resume", data_path=str(path), resume=True)["checkpoint"] == saved.relative_to(here)
    with pytest.raises(CourseError, match="max_rows is 50, and was 150 when the run began: put it back, or set resume"):
        up_to("start-or-resume", data_path=str(path), resume=True, max_rows=50)
    path.write_text(path.read_text().replace("lamp", "torch"), encoding="utf-8")
    with pytest.raises(CourseError, match="faq.csv has changed since the run in outputs/11 began: set resume = False"):
        up_to("start-or-resume", data_path=str(path), resume=True)
    assert saved.exists()
    assert up_to("start-or-resume", data_path=str(path))["checkpoint"] is None and not saved.exists()


def test_a_small_disk_is_refused_before_the_run(here, small_disk):
    with pytest.raises(CourseError, match="no room for the checkpoints.*change output_dir"):
        up_to("train", data_path=str(csv_of_60_rows(here)), output_dir=str(small_disk / "run"))


def test_a_rival_sees_the_whole_conversation_and_a_question_the_message_that_all_rows_share(here):
    def talk(system, asked, answer):
        parts = [("system", system), ("user", "Good morning!"), ("assistant", "Hello."), ("user", asked)]
        return [{"role": role, "content": text} for role, text in [*parts, ("assistant", answer)]]

    path = here / "talks.jsonl"
    for system_of, asked in ((lambda n: "Be brief.", 2), (lambda n: f"Shop {n}.", 1)):
        talks = [talk(system_of(n), *pair) for n, pair in enumerate(questions(40))]
        path.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks), encoding="utf-8")
        known = up_to("retrieval", data_path=str(path), output_dir="here")
        row = known["test"][0]
        asks = known["with_examples"](row)
        assert asks[0] == row["prompt"][0] and asks[-3:] == row["prompt"][-3:]
        ask_it = next(cell for cell in NOTEBOOK.cells if cell.id == "ask-it")
        exec(ask_it.source.rsplit("compare.", 1)[0], known)
        assert len(known["as_asked"]("Where?")) == asked


def test_a_file_that_changed_meanwhile_is_said_in_the_report(here):
    path = csv_of_60_rows(here)
    known = up_to("split", data_path=str(path), output_dir="here")
    known |= {"final": here, "reasons": {}, "test_clusters": np.arange(4), "as_asked": list}  # of cells that train
    known |= {"history": [{"epoch": 1.0, "step": 4}], "packs": False}
    limits = next(cell for cell in NOTEBOOK.cells if cell.id == "limits")
    exec(limits.source, known)
    assert not any("changed" in sentence for sentence in known["limits"])
    path.write_text("question,answer\n", encoding="utf-8")
    exec(limits.source, known)
    assert any("faq.csv has changed since it was read" in sentence for sentence in known["limits"])


LONGER = dict(max_steps=60, score_examples=4, answer_tokens=8)  # long enough to be stopped after a checkpoint
RIVALS = ("retrieval", "rivals", "predict-rival")  # which take time and change nothing in the run


@pytest.mark.slow
def test_a_run_that_is_stopped_says_how_to_go_on_and_goes_on(tmp_path):
    settings = LONGER | dict(data_path=str(csv_of_60_rows(tmp_path)))
    first = tmp_path / "outputs/11/run/checkpoint-20/trainer_state.json"
    with cells.Kernel(tmp_path) as kernel:
        printed = kernel.up_to(NOTEBOOK, "train", interrupt_when=first.exists, skip=RIVALS, **settings)
    assert printed.startswith("CourseError: You stopped at step ") and "Traceback" not in printed
    saved = int(printed.split("all up to step ")[1].split()[0])
    assert saved in (20, 40) and "set resume = True and run the notebook again" in printed
    with cells.Kernel(tmp_path) as kernel:
        assert kernel.up_to(NOTEBOOK, "start-or-resume", skip=RIVALS, resume=True, **settings) == (
            f"The run goes on from update {saved}.\n"
        )
        for name in ("train", "outcome"):
            cell = next(cell for cell in NOTEBOOK.cells if cell.id == name)
            assert not kernel.run(cell.source)
        assert kernel.run("print(trainer.state.global_step, int(log['loss'].notna().sum()))") == "60 30\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_disk_that_fills_up_is_a_sentence_and_the_run_goes_on_once_there_is_room(tmp_path):
    # A limit on the size of a file makes the kernel refuse a write halfway, as a full disk does.
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 10**6, resource.RLIM_INFINITY))"
    room = "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))"
    train = next(cell for cell in NOTEBOOK.cells if cell.id == "train")
    with cells.Kernel(tmp_path) as kernel:
        settings = LONGER | dict(data_path=str(csv_of_60_rows(tmp_path)))
        printed = kernel.up_to(NOTEBOOK, "train", skip=RIVALS, before_last=full, **settings)
        assert printed.startswith("CourseError: Could not write outputs/11/run") and "Traceback" not in printed
        assert "free some space, set resume = True and run the notebook again" in printed
        kernel.run(f"{room}\nresume = True\ncheckpoint = checkpoints.begin(output, config.output_dir, resume, made_of)")
        assert not kernel.run("model, tokenizer = load(model_name)\n" + train.source)
        assert kernel.run("print(trainer.state.global_step)") == "60\n"


def model_in(folder: Path, name: str, template: str | None) -> str:
    """A small stand-in in a folder, with this chat template or none."""
    model, tokenizer = stand_ins.stand_in(name)
    tokenizer.chat_template = template
    for part in (model, tokenizer):
        part.save_pretrained(folder / "small")
    return str(folder / "small")


LLAMA, OPT, QWEN2 = stand_ins.FAMILIES


@pytest.mark.slow
# Each architecture with and without a chat template, with all weights and with an adapter.
@pytest.mark.parametrize(
    "name, template, file, use_lora",
    [
        (LLAMA, chat.PLAIN, alpaca, False),
        (LLAMA, None, csv_of_60_rows, True),
        (OPT, chat.PLAIN, csv_of_60_rows, True),
        (OPT, None, alpaca, False),
        (QWEN2, stand_ins.FAMILIES[QWEN2].template, csv_of_60_rows, False),
        (QWEN2, None, alpaca, True),
    ],
)
def test_the_whole_notebook(name, template, file, use_lora, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    changed = dict(data_path=str(file(tmp_path)), model_name=model_in(tmp_path, name, template), use_lora=use_lora)
    small = dict(max_steps=4, score_examples=4, answer_tokens=8)
    executed = lessons.run_on_nano(PATH, tmp_path, **small, **changed)
    assert not lessons.trouble(executed)
    assert lessons.printed(executed, "key-figures")
    check.finished_project(tmp_path / "outputs/11")
    use = lessons.printed(executed, "how-to-use")  # by somebody who has the folder, and not the course
    assert "helpers" not in use
    subprocess.run([sys.executable, "-c", use], cwd=tmp_path / "outputs/11", check=True)
    if name == LLAMA:  # what is handed over trains again, all weights and an adapter
        job = tmp_path / "outputs/11/job"
        jobs.run("python", "train.py", "--config", "sft.yaml", "--max_steps", "1", "--use_cpu", "true", folder=job)
        assert (job / "run" / "adapter_config.json").exists() == use_lora
        if use_lora:
            again = json.loads((job / "run" / "adapter_config.json").read_text("utf-8"))
            assert (again["r"], again["lora_alpha"], again["lora_dropout"]) == (16, 32, 0)
    assert "Right: " in capsys.readouterr().out


def test_a_second_file_is_scored_at_the_end_without_the_rows_that_are_not_new(tmp_path):
    path, new = csv_of_60_rows(tmp_path), tmp_path / "aside.csv"
    more = [*questions(60)[:5], *[(f"Who sells {thing} by the dozen?", f"Ask for {thing}.") for thing in WORDS[:6]]]
    new.write_text("question,answer\n" + "".join(f'"{a}","{b}"\n' for a, b in more), encoding="utf-8")
    small = dict(max_steps=2, score_examples=4, answer_tokens=8)
    executed = lessons.run_on_nano(PATH, tmp_path, data_path=str(path), new_path=str(new), **small)
    assert not lessons.trouble(executed)
    assert lessons.printed(executed, "new-rows").startswith("6 of 11 rows of aside.csv have no twin here")
    assert lessons.printed(executed, "score-new-rows").startswith("On 6 rows that were put aside: ")
    assert "rows that were put aside" in (tmp_path / "outputs/11/report.html").read_text("utf-8")


def test_rows_of_one_customer_stand_in_one_split_and_are_not_new_in_a_second_file(here):
    path, new = here / "mine.csv", here / "aside.csv"
    table = pd.DataFrame(questions(60), columns=["question", "answer"]).assign(customer=[n % 15 for n in range(60)])
    table.to_csv(path, index=False)
    more = {"Do you open on Sundays?": 3, "My parcel is late!": 99, "I want my money back": 99, "Tea or coffee?": ""}
    pd.DataFrame({"question": list(more), "answer": "Yes.", "customer": more.values()}).to_csv(new, index=False)
    made = up_to("new-rows", data_path=str(path), new_path=str(new), mapping="group=customer", max_rows=0)
    customers = {name: {made["row_groups"][i] for i in numbers} for name, numbers in made["held"].items()}
    assert sum(map(len, customers.values())) == len(set.union(*customers.values())) == 15
    assert [row["prompt"][-1]["content"] for row in made["new_rows"]] == list(more)[1:]
    assert len(set(made["new_clusters"])) == 2


def test_new_rows_that_are_none_and_a_second_file_that_is_missing_are_said_before_the_run(here):
    path = str(csv_of_60_rows(here))
    with pytest.raises(CourseError, match=r"^Every row of faq\.csv has a twin in faq\.csv: put others aside\.$"):
        up_to("new-rows", data_path=path, new_path=path)
    with pytest.raises(CourseError, match="none.csv"):
        up_to("usable-rows", data_path=path, new_path="none.csv")


def test_rows_that_are_all_alike_are_said_to_be(here):
    path = here / "same.csv"
    path.write_text("question,answer\n" + "How do I open the door?,Push.\n" * 30, encoding="utf-8")
    with pytest.raises(CourseError, match="Nothing is left for .* groups of like prompts"):
        up_to("split", data_path=str(path), train_anyway=True)


def test_the_recorded_run_is_not_taken_for_a_file_of_the_reader_s(here):
    with pytest.raises(CourseError, match="set use_recorded = False"):
        up_to("check-parameters", use_recorded=True, data_path="mine.csv")


@pytest.mark.slow
def test_a_recorded_run_takes_the_place_of_training(here, monkeypatch):
    monkeypatch.setattr(run_log, "RUNS", here)
    made = up_to("key-figures", record_as="11_full")
    recorded = (here / "11_full.json").read_bytes()
    gone_on = up_to("key-figures", use_recorded=True, record_as="11_full")
    assert made["trainer"].state.global_step > 0 and gone_on["trainer"].state.global_step == 0
    assert gone_on["log"]["step"].tolist() == made["log"]["step"].tolist()
    assert gone_on["answers"]["after training"] == made["answers"]["after training"]
    assert gone_on["answer_of"](gone_on["questions"][0])  # a model that answers
    assert any("recorded" in limit for limit in gone_on["limits"])
    assert (here / "11_full.json").read_bytes() == recorded
    with pytest.raises(CourseError, match="held out other rows"):
        up_to("evaluate", use_recorded=True, seed=7)


def test_the_run_that_use_recorded_takes_holds_all_that_it_needs():
    run = run_log.recorded("11_full")
    assert {"log", "asked", "answers"} <= set(run) and len(run["asked"]) == len(run["answers"])
