"""Jobs as a reader starts them: real launchers, real processes, and what goes wrong with each."""

import ast
import contextlib
import importlib.util
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from peft import LoraConfig, get_peft_model
from trl.scripts import sft
from trl.scripts.sft import make_parser

import lessons
from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.model import load
from helpers.paths import JOB
from helpers.training import checkpoints, jobs, planner, run_log

FILES = sorted((JOB / "accelerate").glob("*.yaml"))
SHORT = (
    "--config",
    "sft.yaml",
    "--use_cpu",
    "true",
    "--max_steps",
    "4",
    "--save_steps",
    "2",
    "--eval_strategy",
    "no",
    "--logging_steps=1",
)


@pytest.fixture
def job(tmp_path):
    """A job's folder: nano, 128 commands, the course's configuration and script."""
    folder = jobs.fresh(tmp_path / "job")
    for part in load("nano"):
        part.save_pretrained(folder / "model")
    for split, rows in commands.load().items():
        if split in ("train", "validation"):
            rows.select(range(128)).to_json(folder / "data" / f"{split}.jsonl")
    return folder


@pytest.fixture
def script():
    """train.py as a module."""
    spec = importlib.util.spec_from_file_location("job_script", JOB / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def launch(folder, file, *more, into="run"):
    command = ("accelerate", "launch", "--config_file", f"accelerate/{file}.yaml", "train.py", *SHORT, *more)
    return jobs.run(*command, "--output_dir", into, folder=folder, output_dir=into)


def losses(done):
    return [line["loss"] for line in done.log if "loss" in line]


def relatives(folder):
    """Processes that work in the folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder):
                found.append(process)
    return found


def test_the_configuration_is_that_of_notebook_05():
    notebook = lessons.read(next(path for path in lessons.LESSONS if path.name.startswith("05_")))
    source = {cell.id: cell.source for cell in notebook.cells}
    known = {}
    exec(source["parameters"], known)
    call = next(node for node in ast.walk(ast.parse(source["config"])) if isinstance(node, ast.Call) and node.keywords)
    here = {"fast_bf16()": False, "not on_gpu": True, "output_dir": None}  # the machine's, not the recipe's
    lesson = {}
    for keyword in call.keywords:
        text = ast.unparse(keyword.value)
        lesson[keyword.arg] = here[text] if text in here else eval(text, known)
    job = yaml.safe_load((JOB / "sft.yaml").read_text())
    parser = make_parser()
    parser.set_defaults_with_config(**job)
    _, config, *_ = parser.parse_args_into_dataclasses([])
    assert lesson.pop("use_cpu") and "use_cpu" not in job  # a job takes the GPU where there is one
    del lesson["output_dir"], lesson["report_to"]  # "none" becomes an empty list
    assert {name: getattr(config, name) for name in lesson} == lesson
    beside = {"model_name_or_path", "dtype", "dataset_name", "dataset_test_split", "output_dir"}
    assert set(job) - beside - set(lesson) == {
        "report_to",
        "ddp_find_unused_parameters",
    }  # two processes need it, one does not


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("learnin_rate: 1e-4", r"bad.yaml, line 2: trl sft has no learnin_rate; is it learning_rate\?$"),
        ("zzz_qqq: 1", r"line 2: trl sft has no zzz_qqq\.$"),
        ("learning_rate: fast", "line 2: learning_rate is 'fast', which is no float"),
        ("max_steps: 2.5", r"line 2: max_steps is 2\.5, which is no int"),
        ("bf16: maybe", "line 2: bf16 is 'maybe', which is no"),
        ("seed: 1: 2", "line 2: this is no YAML"),
        ("seed: [", "this is no YAML"),
    ],
)
def test_a_wrong_line_of_a_configuration_is_named(tmp_path, content, complaint):
    file = tmp_path / "bad.yaml"
    file.write_text(f"model_name_or_path: model\n{content}\n")
    with pytest.raises(CourseError, match=complaint):
        jobs.check(file)


def test_a_missing_an_empty_and_a_binary_file_are_said_so(tmp_path):
    with pytest.raises(CourseError, match="nowhere.yaml does not read .No such file"):
        jobs.check(tmp_path / "nowhere.yaml")
    for content in (b"", b"- a list"):
        (tmp_path / "odd.yaml").write_bytes(content)
        with pytest.raises(CourseError, match="holds no settings"):
            jobs.check(tmp_path / "odd.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CourseError, match="odd.yaml"):
        jobs.check(tmp_path / "odd.yaml")


def test_what_the_check_accepts_trl_accepts():
    given = jobs.check(JOB / "sft.yaml")
    parser = make_parser()
    assert parser.set_defaults_with_config(**given) == []
    parser.parse_args_into_dataclasses([])


def test_a_run_keeps_its_seed_and_the_hashes_of_its_data_and_configuration(tmp_path):
    folder = jobs.fresh(tmp_path / "job")
    configuration, data = folder / "sft.yaml", folder / "data" / "train.jsonl"
    data.parent.mkdir()
    data.write_text("a row\n", encoding="utf-8")
    kept = jobs.made_with(folder)
    assert kept["seed"] == "0" and kept["trl"]
    configuration.write_text(configuration.read_text("utf-8").replace("seed: 0\n", ""), encoding="utf-8")
    changed = jobs.made_with(folder)
    assert changed["seed"] == "42", "the Trainer's own, where the configuration names none"
    assert changed["data"] == kept["data"] and changed["configuration"] != kept["configuration"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_accelerate_reads_each_of_its_files(path):
    config = load_config_from_file(str(path))
    assert config.num_processes == (1 if path.stem == "one_process" else 2)
    with path.open() as file:
        known = vars(launch_command_parser().parse_args(["train.py"]))
        for name, value in yaml.safe_load(file).items():
            inner = value if isinstance(value, dict) else {}
            unknown = [key for key in inner if key not in known and f"fsdp_{key}" not in known]
            assert not unknown, f"{name}: {unknown}"


def test_one_process_sees_one_gpu_and_no_file_names_a_precision():
    """The run says the precision: a file's own would overrule `bf16: false` of sft.yaml, and bf16 is none on a T4."""
    files = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
    assert files["one_process"]["gpu_ids"] == "0"
    assert {file["mixed_precision"] for file in files.values()} == {"no"}


@pytest.mark.parametrize(
    "path", [JOB / "train.py", *(JOB / "accelerate" / f"{n}.yaml" for n in planner.FILES.values())]
)
def test_files_for_gpus_say_what_was_tried(path):
    assert planner.TRIED in path.read_text("utf-8").replace("# Ran", "ran")


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT uses an old name
def test_adapters_in_16_bits_are_no_case_for_a_scaler_and_train_in_float32(script):
    model = get_peft_model(
        load("nano")[0].half(), LoraConfig(target_modules="all-linear"), autocast_adapter_dtype=False
    )
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    optimizer, scaler = torch.optim.SGD(trained), torch.amp.GradScaler("cpu")
    scaler.scale(sum(weights.sum() for weights in trained)).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(optimizer)
    script.train_in_float32(model)
    frozen = {weights.dtype for weights in model.parameters() if not weights.requires_grad}
    assert {weights.dtype for weights in trained} == {torch.float32} and frozen == {torch.float16}


def test_the_script_passes_over_half_a_checkpoint(script, tmp_path):
    for step, state in {80: '{"global_step": 80}', 100: '{"global_step": 100}', 120: '{"global_st', 140: None}.items():
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        if state is not None:
            (checkpoint / "trainer_state.json").write_text(state, encoding="utf-8")
    assert script.last_whole_checkpoint(str(tmp_path)) == str(checkpoints.last_whole(tmp_path))
    assert script.last_whole_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-100")
    assert script.last_whole_checkpoint(str(tmp_path / "nowhere")) is None


def test_the_script_needs_no_file_of_the_course():
    tree = ast.parse((JOB / "train.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported and not {name for name in imported if name.startswith("helpers")}


def test_the_script_takes_what_trl_sft_takes():
    """But for a mixture of datasets, and for a checkpoint that it finds by itself."""
    attributes = lambda source: set(
        re.findall(r"(?:script_args|training_args|model_args|data|config|model)\.(\w+)", source)
    )
    theirs = attributes(inspect.getsource(sft.main)) - {
        "resume_from_checkpoint",
        "trust_remote_code",
    }  # TRL's own default
    assert theirs <= attributes((JOB / "train.py").read_text())


@pytest.mark.parametrize("split", planner.SPLITS)
@pytest.mark.parametrize("method", planner.METHODS)
def test_each_planned_command_is_understood_by_its_parsers(method, split):
    told, line = planner.command("facebook/opt-350m", method, 4, 512, 2, split, bf16=method != "LoRA").split("\n", 1)
    assert told == f"# {planner.STARTED}."
    launcher, script = line.replace("\\\n", " ").split("train.py")
    known = launch_command_parser().parse_args([*launcher.split()[2:], "train.py", *script.split()])
    assert known.num_processes == 2 and (JOB / known.config_file).exists()
    both = known.fsdp_activation_checkpointing == "true" and "--activation_checkpointing true" in line
    assert not both, "the trainer refuses both"
    parser = make_parser()
    parser.set_defaults_with_config(**jobs.check(JOB / "sft.yaml"))
    # Without the arguments that ask for a GPU, which this machine may not have.
    here = re.sub(r"--config sft.yaml|--(use_cpu|bf16|fp16) \w+", "", script)
    _, config, model, _, rest = parser.parse_args_into_dataclasses(here.split(), return_remaining_strings=True)
    assert rest == []
    assert (config.per_device_train_batch_size, config.max_length) == (4, 512)
    assert model.use_peft == (method != "all weights") and model.load_in_4bit == (method == "QLoRA")
    if method != "all weights":
        assert model.dtype == ("float16" if "--fp16" in line else "bfloat16")
    assert model.bnb_4bit_quant_storage == ("bfloat16" if (method, split) == ("QLoRA", "FSDP") else None)


@pytest.mark.parametrize("method", planner.METHODS)
def test_a_gpu_without_bf16_gets_none(method):
    for split in planner.SPLITS:
        line = planner.command("facebook/opt-350m", method, 4, 512, 2, split, bf16=False)
        assert "--fp16 true" in line and "bf16" not in line and "bfloat16" not in line and "--use_cpu" not in line


def test_more_processes_than_cores_are_refused(tmp_path):
    shutil.copytree(JOB, tmp_path, dirs_exist_ok=True)
    many = str(os.cpu_count() + 1)
    command = ("accelerate", "launch", "--config_file", "accelerate/two_cpus.yaml", "--num_processes", many, "train.py")
    with pytest.raises(
        CourseError, match=rf"asks for {many} processes and this machine has {os.cpu_count()} CPU cores"
    ):
        jobs.run(*command, folder=tmp_path)
    with pytest.raises(CourseError, match="asks for 99 processes .* GPUs: .* take the job to a machine"):
        jobs.run(
            "accelerate", "launch", "--config_file", "accelerate/ddp.yaml", "--num_processes", "99", folder=tmp_path
        )


def test_running_out_of_memory_says_what_to_lower(tmp_path):
    for failing in (
        "raise MemoryError",
        "raise RuntimeError('CUDA out of memory')",
        "import os; os.kill(os.getpid(), 9)",
    ):
        with pytest.raises(CourseError, match="ran out of memory: lower per_device_train_batch_size"):
            jobs.run("python", "-c", failing, folder=tmp_path)


def test_a_job_that_fails_says_why(tmp_path):
    with pytest.raises(CourseError, match="ended with code 1: ValueError: no such thing"):
        jobs.run("python", "-c", "raise ValueError('no such thing')", folder=tmp_path)
    with pytest.raises(CourseError, match="--max_steps.*: invalid int value: 'soon'"):
        jobs.run("python", str(JOB / "train.py"), "--output_dir", "x", "--max_steps", "soon", folder=tmp_path)
    with pytest.raises(CourseError, match="no-such-program is not installed"):
        jobs.run("no-such-program", folder=tmp_path)


def test_what_a_job_prints_survives_the_encoding_of_windows(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")  # what Python writes in there, into anything but a terminal
    assert jobs.run("python", "-c", r"print('\u2192 \u958b\u71c8')", folder=tmp_path).stdout == "→ 開燈\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "line, late",
    [
        ("learnin_rate: 1e-4", "unrecognized arguments: --learnin_rate"),
        ("max_steps: 2.5", "TypeError: 'float' object cannot be interpreted as an integer"),
    ],
)
def test_why_a_configuration_is_looked_at_first(job, line, late):
    (job / "sft.yaml").write_text((job / "sft.yaml").read_text().replace("max_steps: -1", line))
    with pytest.raises(CourseError, match="sft.yaml, line"):
        jobs.check(job / "sft.yaml")
    with pytest.raises(CourseError, match=late):
        jobs.run("trl", "sft", "--config", "sft.yaml", "--use_cpu", "true", folder=job)


@pytest.mark.slow
def test_two_processes_make_the_run_of_one_and_refuse_its_checkpoint(job):
    one = launch(job, "one_process", into="one")
    two = launch(job, "two_cpus", "--per_device_train_batch_size", "8", into="two")
    assert (
        (one.processes, two.processes) == (1, 2)
        and losses(two) == pytest.approx(losses(one), abs=1e-4)
        and len(losses(one)) == 4
    )
    with pytest.raises(CourseError, match=r"checkpoint-4 is of 1 process, not 2: start 1, or pass --output_dir"):
        launch(job, "two_cpus", "--per_device_train_batch_size", "8", into="one")


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="two processes find each other on a GPU")
def test_two_processes_that_would_each_train_alone_stop(job):
    with pytest.raises(CourseError, match="each of 2 processes would train alone: on a CPU, pass --use_cpu true"):
        launch(job, "two_cpus", "--use_cpu", "false", into="alone")
    assert not (job / "alone").exists()


@pytest.mark.slow
def test_an_interrupted_job_leaves_no_process_and_resumes(job):
    # A notebook in a process of its own, which gets what the square in the toolbar sends.
    notebook = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in the background
        "import sys; sys.path[:0] = sys.argv[1:3]; from tests.training import test_jobs; "
        "test_jobs.launch(sys.argv[3], 'two_cpus', '--per_device_train_batch_size', '8', '--max_steps', '2000')"
    )
    paths = (str(lessons.ROOT), str(lessons.ROOT / "tests"), str(job))
    started = subprocess.Popen([sys.executable, "-c", notebook, *paths], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((job / "run").glob("checkpoint-*/trainer_state.json")):
        assert started.poll() is None, started.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(relatives(job)) >= 3  # the launcher and two workers
    started.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in started.communicate(timeout=60)[1]
    assert relatives(job) == []
    kept = checkpoints.last_whole(job / "run")
    half = job / "run" / f"checkpoint-{checkpoints.step_of(kept) + 2}"
    half.mkdir(exist_ok=True)  # as if the stop had come while it was written
    before = run_log.read(kept / "trainer_state.json")
    more = str(int(before[-1]["step"]) + 4)
    resumed = launch(job, "two_cpus", "--per_device_train_batch_size", "8", "--max_steps", more)
    assert resumed.log[: len(before)] == before and resumed.log[-1]["step"] == int(more)
