"""Files of rows that others wrote: what they hold, read into the formats that SFTTrainer takes.

The bytes become text (decoding), the text records (records), the records rows (formats, turns, preferences).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from helpers.dataset import decoding, formats, records
from helpers.dataset.columns import Format, Unknown, value_of
from helpers.dataset.turns import Unfit
from helpers.errors import CourseError
from helpers.language import _

MOST_BYTES = 1_000_000_000
GROWTH = 8  # bytes of memory for a byte of JSON or CSV: its bytes, its text and the rows
DATA_FILES = ("*.jsonl", "*.json", "*.csv", "*.tsv", "*.parquet")


class Refused(CourseError):
    """A file that SFT does not train on; format is what it is ("unknown" if nothing fits), rows how many it has."""

    def __init__(self, message: str, format: str = "unknown", rows: int = 0):
        super().__init__(message)
        self.format, self.rows = format, rows


class Remark(NamedTuple):
    row: int  # its place in the file, from 1
    check: str  # plain name
    detail: str


@dataclass(frozen=True)
class DataFile:
    """A file as `read` understood it.

    format: "messages", "prompt-completion", "question-answer", "alpaca", "sharegpt", "text", "tool calling" or
        "preference". how: two lines that say how the file was read.
    rows: in one shape for the whole file. "text": {"text": …}; "tool calling": {"messages": […], "tools": […]};
        any other: {"prompt": [messages], "completion": [the last answer]}. Earlier answers of a conversation stand in
        the prompt, outside the loss; `turns.every_turn` makes a row of each.
    numbers: the place in the file of each of `rows`, from 1; a header is not counted.
    unusable: rows that are left out, and why. notes: rows that were changed. sha256: of the file, as hex.
    groups: for each of `rows` its value in the column that is mapped as "group", or None if it is empty; None without
        such a column.
    """

    path: Path
    format: str
    how: str
    rows: list[dict]
    numbers: list[int]
    unusable: list[Remark]
    notes: list[Remark]
    sha256: str
    groups: list | None = None

    @property
    def total(self) -> int:
        """Rows in the file, usable or not."""
        return len(set(self.numbers)) + len(self.unusable)

    def changed(self) -> bool:
        """Whether the file is gone by now, or holds something else than what was read."""
        try:
            with self.path.open("rb") as now:
                return hashlib.file_digest(now, "sha256").hexdigest() != self.sha256
        except OSError:
            return True


def mapping(pairs: Iterable[str]) -> dict[str, str]:
    """{"prompt": column, …} of texts such as "prompt=question", as `read` takes it; Refused for one that is none."""
    columns = {}
    for pair in pairs:
        key, equals, column = pair.partition("=")
        if not (key and equals and column):
            raise Refused(f"{pair!r} is no mapping: write it as prompt=COLUMN.")
        columns[key.strip()] = column.strip()
    return columns


def read(
    path: Path | str,
    mapping: dict[str, str] | None = None,
    chosen: bool = False,
    cut: str = "",
    max_bytes: int = MOST_BYTES,
) -> DataFile:
    """A JSON, JSON Lines, CSV or Parquet file of other people, in any encoding and format that is known.

    mapping: which column is the "prompt" and the "completion", or "text", "messages", "tools" and "system"; a name
        such as "answers.text" reaches into an object. "group" is a column, such as a customer, whose equal values say
        that rows belong together. chosen: of preference data take the preferred answers.
    cut: a marker, such as "A:"; each text is cut at the last one into prompt and completion.
    Raises Refused, a CourseError, with one sentence that says what is wrong and what to do.
    """
    path = Path(path).expanduser()
    data = _bytes(path, max_bytes)
    container, found = _records(path, data, max_bytes)
    found = [record if isinstance(record, dict) else _as_record(record) for record in found]
    objects = [record for record in found if record is not None]
    if not objects:
        what = "no rows below its header" if container.startswith(("CSV", "Parquet")) else _("no rows")
        raise Refused(f"{path.name} holds {what}: pass a file with at least one example.", rows=len(found))
    try:
        format = formats.recognise(objects, mapping, chosen, cut)
    except Unknown as problem:
        raise Refused(_("{} holds {}.").format(path.name, _(str(problem))), problem.format, len(found)) from None
    rows, unusable, notes = {}, [], []
    for number, record in enumerate(found, start=1):
        try:
            rows[number], changes = _row(record, format)
            notes += [Remark(number, *change) for change in changes]
        except Unfit as problem:
            unusable.append(Remark(number, problem.check, str(problem)))
    if not rows:
        reason = f"{path.name} has no row to train on (row {unusable[0].row}: {unusable[0].detail})"
        raise Refused(f"{reason}; mend the file, or name its columns with --map.", format.name, len(found))
    columns = dict.fromkeys(str(column) for record in objects for column in record)
    group = (mapping or {}).get("group")
    unused = ", ".join([column for column in columns if column not in {*format.used, records.HALF, group}][:8])
    how = f"{_how_read(container, len(found))}\n{_how_used(format, unused)}"
    values = [value_of(found[number - 1], group) for number in rows] if group else None
    groups = values and [None if value == "" else value for value in values]
    sha256 = hashlib.sha256(data).hexdigest()
    return DataFile(path, format.name, how, list(rows.values()), list(rows), unusable, notes, sha256, groups)


def _how_read(container: str, rows: int) -> str:
    said = _("Read as {}: {} row.") if rows == 1 else _("Read as {}: {} rows.")
    return said.format("".join(map(_, container.rpartition(", "))), f"{rows:,}")


def _how_used(format: Format, unused: str) -> str:
    if unused:
        return _("Format: {} ({}; not used: {}).").format(_(format.name), format.columns, unused)
    return _("Format: {} ({}).").format(_(format.name), format.columns)


def _row(record: dict | None, format: Format) -> tuple[dict, list]:
    if record is None:
        raise Unfit("malformed", "it is no object with named fields")
    if records.HALF in record:
        raise Unfit("malformed", record[records.HALF])
    return format.row(record)


def _bytes(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that there is, that is a file, and that memory holds."""
    if path.is_dir():
        inside = sorted(found.name for pattern in DATA_FILES for found in path.glob(pattern))[:5]
        advice = f"pass one of its files, such as {', '.join(inside)}" if inside else "pass a file"
        raise Refused(f"{path} is a folder: {advice}.")
    if not path.exists():
        raise Refused(f"There is no file {path}: check its name and the folder that you are in.")
    if not path.is_file():
        raise Refused(f"{path} is a device or a pipe: pass a file.")
    size = path.stat().st_size
    if not size:
        raise Refused(f"{path.name} is empty: pass a file with at least one example.")
    room = min(max_bytes, psutil.virtual_memory().available // GROWTH)
    if size > room:
        advice = f"take a part of it, such as `head -n 10000 {path.name} > part{path.suffix}`"
        raise Refused(f"{path.name} has {size / 1e9:.2g} GB, and {room / 1e9:.2g} GB can be read here: {advice}.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path.name} does not read ({error.strerror}): check who may read it.") from None


def _records(path: Path, data: bytes, max_bytes: int) -> tuple[str, list]:
    """How the file holds its records, in words, and the records."""
    try:
        kind = decoding.signature(data)
        if kind == "parquet":
            found, container = records.from_parquet(path.name, data, max_bytes)
            return container, found
        if kind:
            raise Refused(_("{} is {}.").format(path.name, _(kind)))
        text, encoding = decoding.decode(data)
        if not text.strip("\ufeff \t\r\n"):
            raise Refused(f"{path.name} holds nothing but blanks: pass a file with at least one example.")
        found, container = records.from_text(path.name, text)
        return f"{container}, {encoding}", found
    except decoding.NotText as problem:
        raise Refused(_("{} is {}.").format(path.name, _(str(problem)))) from None
    except Refused:
        raise
    except CourseError as problem:
        raise Refused(str(problem)) from None


def _as_record(value) -> dict | None:
    """A row that is no object: a text, or the turns of a conversation; None for anything else."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list) and value:
        return {"conversations": value}
    return None


def read_jsonl(path: Path | str) -> list[dict]:
    """The rows of a JSON Lines file; CourseError says which line is not UTF-8, no JSON or no object."""
    path, rows = Path(path), []
    if not path.is_file():
        raise CourseError(f"There is no file {path}: check the name and the folder that the notebook runs in.")
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            what = f"not UTF-8 at byte {error.start + 1}; save the file as UTF-8"
            raise CourseError(f"{path.name}, line {number}: {what}.") from None
        except json.JSONDecodeError as error:
            raise CourseError(f"{path.name}, line {number}: not valid JSON ({error.msg}); mend that line.") from None
        if not isinstance(row, dict):
            raise CourseError(f"{path.name}, line {number}: {type(row).__name__} where an object should be.")
        rows.append(row)
    return rows
