"""Log files: the lines of a run out of what trainers and trackers write, and out of what was copied from a console."""

import ast
import codecs
import csv
import json
import math
import re
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from operator import itemgetter
from pathlib import Path

from helpers.errors import CourseError

EXAMPLE = '{"step": 10, "loss": 0.7}'
GIVE = "give a trainer_state.json, a CSV, or lines copied from a console"
LARGEST = 200_000_000  # bytes: the log of a long run has a few million
EVERY = 10  # updates between lines that give no step: TRL's default of logging_steps
# Our name: those of others, in lower case and with _ for / and blanks. Of several that a log has, the first is taken:
# beside `loss`, a `train_loss` is the mean of the whole run.
NAMES = {
    "step": ("step", "global_step", "train_global_step", "trainer_global_step", "current_steps", "_step", "iteration"),
    "loss": ("loss", "train_loss", "training_loss", "train_loss_step"),
    "eval_loss": ("eval_loss", "val_loss", "valid_loss", "validation_loss", "dev_loss"),
    "learning_rate": ("learning_rate", "train_learning_rate", "lr", "train_lr"),
}
SAME_NAME = ("epoch", "grad_norm", "mean_token_accuracy", "entropy", "num_tokens", "tokens_per_second")
NAMES |= {name: (name, f"train_{name}") for name in SAME_NAME}
EMPTY = ("", "none", "null", "no log", "-")  # what stands for a value that there is none of
PRINTED = re.compile(r"\{\s*['\"]\w[^{}]*\}")  # a line of a Trainer, or of JSON Lines
BAR = re.compile(r"(?:^|[\r\n])\s*\d+%\|[^|\r\n]*\|\s*(\d+)/(\d+) ")  # tqdm's, without a name before it
BARE = re.compile(r"(?<=:)\s*(-?(?:nan|inf|infinity|null))(?=\s*[,}])", re.IGNORECASE)


def parts(source: Path | str | bytes | Sequence | dict[str, bytes]) -> list[list[dict[str, float]]]:
    """The lines of each file under our names, as they stand in it; `run_log.read` says what `source` may be."""
    sources = source if isinstance(source, list | tuple) else [source]
    return [_known(_parsed(content, name)) for one in sources for name, content in _contents(one)]


def _contents(source) -> list[tuple[str, bytes]]:
    """[(name, content)] of what holds a log: content itself, a file, or the files of a folder."""
    if isinstance(source, dict):
        return list(source.items())
    if isinstance(source, bytes):
        return [("", source)]
    if isinstance(source, str) and ("\n" in source or source.lstrip()[:1] in ("{", "[")):
        return [("", source.encode())]
    path = Path(source)
    files = [path]
    if path.is_dir():
        states = [*path.glob("trainer_state.json"), *path.glob("checkpoint-*/trainer_state.json")]
        files = states or sorted(path.glob("*.csv"))
        if not files:
            raise CourseError(f"{path.name} is a folder without a trainer_state.json or a CSV: {GIVE}.")
    try:
        for file in files:
            if file.stat().st_size > LARGEST:
                raise CourseError(f"{file.name} has {file.stat().st_size / 1e9:.1f} GB, which no log of a run has.")
        return [(file.name, file.read_bytes()) for file in files]
    except OSError as error:
        raise CourseError(f"This log does not read ({error.strerror}): {GIVE}.") from None


def _parsed(content: bytes, name: str) -> list[dict]:
    """The lines as they stand in the file, whatever its format is."""
    try:
        text = _decoded(content, name).strip()
        if not text:
            raise CourseError(f"{name or 'This log'} is empty: {GIVE}.")
        if re.match(r"\{|\[\s*[{\]]", text):
            try:
                return _of_json(json.loads(text))
            except ValueError:
                # What Python prints, or JSON Lines, may be read otherwise; half a file may not.
                if (text[0] == "[") != (text[-1] == "]") or '"log_history"' in text or not PRINTED.search(text):
                    raise
        if PRINTED.search(text):
            return _of_console(text)
        return _of_csv(text, name)
    except (ValueError, csv.Error) as error:
        raise CourseError(f"This log does not read ({' '.join(str(error).split())[:100]}): {GIVE}.") from None


def _decoded(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 as PowerShell writes it; a byte order mark is no part of it."""
    if "tfevents" in name:
        raise ValueError("it is TensorBoard's own binary format: download the CSV of each curve")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    if b"\0" in content:
        raise ValueError("it is a binary file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8, save it in that encoding") from None


def _of_json(content) -> list:
    """A list of lines, or the list within a trainer_state.json or a run of this course."""
    found = content if isinstance(content, list) else content.get("log_history", content.get("log"))
    if isinstance(content, dict) and "loss" in content:
        found = [content]  # the only line of a file in JSON Lines
    if not isinstance(found, list):
        raise CourseError("This file has no log_history: a trainer_state.json lies in each checkpoint folder.")
    return found


def _of_console(text: str) -> list[dict]:
    """Dictionaries as a Trainer prints them, or JSON Lines. The step of a line without one is read off the progress
    bar; if there is none either, the lines of training loss are taken for one every `EVERY` updates."""
    bars = [(bar.start(), int(bar[1]), bar[2]) for bar in BAR.finditer(text)]
    bars = [(start, done) for start, done, total in bars if total == bars[0][2]]  # and not those of an evaluation
    lines, before, after = [], [], []
    for match in PRINTED.finditer(text):
        try:
            line = ast.literal_eval(BARE.sub(r" '\1'", match[0]))
        except (ValueError, SyntaxError):
            continue  # braces of something else
        if isinstance(line, dict) and any("loss" in str(key) or "step" in str(key) for key in line):
            lines.append(line)
            place = bisect(bars, (match.start(),))
            before.append(bars[place - 1][1] if place else None)
            after.append(bars[place][1] if place < len(bars) else before[-1])
    cut = re.search(r"\{\s*['\"]\w+['\"]\s*:[^{}]*$", text)
    if cut:
        raise ValueError(f"line {text.count(chr(10), 0, cut.start()) + 1} is cut off")
    if any(_plain(key) in NAMES["step"] for line in lines for key in line):
        return lines
    trained = ["loss" in line for line in lines]
    # A bar before a line may be late: tqdm draws ten a second, and one more after the line. Lines come evenly.
    (count, _), steps = min(((_distances([*compress(b, trained)]), b) for b in (before, after)), key=itemgetter(0))
    if count == math.inf:
        steps = [EVERY * count for count in accumulate(trained)]
    return [{"step": step or 0, **line} for line, step in zip(lines, steps, strict=True)]


def _distances(steps: list[int | None]) -> tuple[float, bool]:
    """How many distances lie between steps (infinite: one is unknown, 0 or late); whether the first is no multiple."""
    distances = {b - a for a, b in pairwise(steps)} if all(steps) else {0}
    least = min(distances, default=1)
    return (len(distances), steps != [] and steps[0] % least > 0) if least > 0 else (math.inf, True)


def _of_csv(text: str, name: str) -> list[dict]:
    """Rows of a table by the names in its first line: a column for each measure, or a row for each value."""
    rows = text.splitlines(keepends=True)
    separator = max(",;\t", key=rows[0].count)
    header, *rows = [row for row in csv.reader(rows, delimiter=separator) if row]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"row {number} has {len(row)} fields, the first row {len(header)}")
    # Weights & Biases puts "name of the run - " before a measure, and adds the least and the largest of several runs.
    names = [None if column.endswith(("__MIN", "__MAX")) else column.rpartition(" - ")[2] for column in header]
    losses = [column for column in names if column and _plain(column) in NAMES["loss"]]
    if len(set(losses)) < len(losses):
        raise CourseError(f"This log holds {len(losses)} runs: export one.")
    table = [{column: value for column, value in zip(names, row, strict=True) if column} for row in rows]
    plain = {_plain(column): column for column in names if column}
    if not {"value", "step"} <= set(plain):
        return table
    run = next((plain[key] for key in ("run_id", "run") if key in plain), None)
    runs = {row[run] for row in table} if run else ()
    if len(runs) > 1:
        raise CourseError(f"This log holds {len(runs)} runs: export one.")
    measure = next((plain[key] for key in ("tag", "metric", "key") if key in plain), None)
    step, value, of_file = plain["step"], plain["value"], _measure_of_file(name)
    return [{"step": row[step], (row[measure] if measure else of_file): row[value]} for row in table]


def _measure_of_file(name: str) -> str:
    """What TensorBoard's CSV of one curve holds, which only the file's name says."""
    tag = _plain(re.split(r"tag[-_]", Path(name).stem)[-1])
    if any(tag in others for others in NAMES.values()):
        return tag
    return "eval_loss" if re.search(r"eval|val", tag) and "loss" in tag else tag if "train_train" in tag else "loss"


def _closing(line) -> bool:
    """Whether this is the summary at the end of a run, which is no point of its curve."""
    return isinstance(line, dict) and not _empty(line.get("train_runtime"))


def _empty(value) -> bool:
    return str(value).strip().lower() in EMPTY


def _plain(name: str) -> str:
    return re.sub(r"[/ ]+", "_", str(name).strip().lower())


def _known(found: list) -> list[dict[str, float]]:
    """The lines under our names, as numbers, without empty fields and without columns that we do not know."""
    found = [line for line in found if not _closing(line)]
    present = {_plain(name) for line in found if isinstance(line, dict) for name in line}
    ours = {next((name for name in others if name in present), None): mine for mine, others in NAMES.items()}
    known = []
    for number, line in enumerate(found, start=1):
        values = {}
        for name, value in line.items() if isinstance(line, dict) else ():
            if _plain(name) in ours and not _empty(value):
                values[ours[_plain(name)]] = _number(number, name, value)
        if not math.isfinite(values.get("step", math.nan)):
            if not isinstance(line, dict) or {"loss", "eval_loss"} & set(values):
                raise CourseError(f"Line {number} of the log has no step: each line needs one, such as {EXAMPLE}.")
            continue
        known.append(values)
    return known


def _number(number: int, name: str, value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise CourseError(f"Line {number} of the log: {name} is {value!r}, which is no number.") from None
