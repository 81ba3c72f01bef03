"""Records: the text of a JSON, JSON Lines or CSV file, or a Parquet file, as one dictionary for each row."""

import csv
import io
import json
from pathlib import Path

import pyarrow
from pyarrow import parquet

from helpers.dataset.columns import ANSWERS, CHATS, PROMPTS, plain
from helpers.errors import CourseError
from helpers.language import _

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Keys under which a JSON object keeps the rows, the first that it has; other lists of objects in it are left.
WRAPPERS = ("data", "train", "rows", "examples", "instances", "records", "items", "dataset")
CUT_OFF = "the file ends in the middle of this row, so it was not copied whole; copy it again or delete the row"
HALF = "half a row"  # key of a CSV record with too few or too many fields: what is wrong with it
csv.field_size_limit(2**31 - 1)  # an answer may be longer than the 131,072 characters that Python allows


def from_text(name: str, text: str) -> tuple[list, str]:
    """The records of a text, and what it is in words; CourseError names the line that is no JSON or no CSV."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "[") or Path(name).suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return _json(name, text.removeprefix("\ufeff"))
    return _csv(name, start)


def from_parquet(name: str, data: bytes, most_bytes: int) -> tuple[list[dict], str]:
    """The records of a Parquet file; CourseError when it is damaged, or larger than `most_bytes` once unpacked."""
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
        if sum(groups) > most_bytes:
            raise CourseError(f"{name} unpacks to {sum(groups) / 1e9:.1f} GB: write a part of it to a new file.")
        return file.read().to_pylist(), "Parquet"
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CourseError(f"{name} is a damaged Parquet file ({reason}): copy it again.") from None


def _json(name: str, text: str) -> tuple[list, str]:
    lines = text.split("\n")  # not splitlines, which also splits at characters that may stand inside a string
    first, second = ([line.strip() for line in lines if line.strip()] + [""])[:2]
    goes_on = first.endswith(("[", "{", ","))  # an object over several lines, and no row that is broken
    if second and (_is_json(first) or (first[0] == "{" and second[0] == "{" and not goes_on)):
        return _json_lines(name, lines), "JSON Lines"
    if Path(name).suffix.lower() in (".jsonl", ".ndjson") and not second and _is_json(first):
        return [json.loads(first)], "JSON Lines"
    return _one_value(name, text)


def _one_value(name: str, text: str) -> tuple[list, str]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        objects = _objects(text) if error.msg == "Extra data" else None
        if objects:
            return objects, "JSON objects, one after the other"
        if error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated string"):
            raise CourseError(f"{name}, line {error.lineno}: {CUT_OFF}.") from None
        raise CourseError(f"{name}, line {error.lineno}: not valid JSON ({error.msg}); mend that line.") from None
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{name} holds JSON that Python does not read ({error}); mend it.") from None
    if not isinstance(value, list):
        return _unwrapped(name, value)
    if len(value) == 1 and isinstance(value[0], dict):  # perhaps all rows in one object
        rows, how = _unwrapped(name, value[0])
        return (rows, how) if len(rows) > 1 else (value, "a JSON array")
    return value, "a JSON array"


def _unwrapped(name: str, value: dict) -> tuple[list, str]:
    """The rows inside a JSON object."""
    lists = {key: v for key, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
    names = {plain(key) for key in value}
    is_row = names & {*CHATS, "chosen"} or (lists and names & {*PROMPTS, *ANSWERS})
    if is_row or (not lists and not all(isinstance(v, list | dict) for v in value.values())):
        return [value], "one JSON object"
    for key in WRAPPERS:
        if key in lists:
            rows = lists[key]
            nested = all(isinstance(row, dict) and isinstance(row.get("row"), dict) for row in rows)
            rows = [row["row"] for row in rows] if nested else _questions(rows) or rows
            return rows, f'a JSON object with the rows under "{key}"'
    if len(lists) == 1:
        (key, rows) = next(iter(lists.items()))
        return rows, f'a JSON object with the rows under "{key}"'
    if lists:
        raise CourseError(f"{name} holds several lists, {', '.join(lists)}: save the one to train on as its own file.")
    values = list(value.values())
    if values and all(isinstance(v, list) and len(v) == len(values[0]) for v in values):
        return [dict(zip(value, row, strict=True)) for row in zip(*values, strict=True)], "a JSON object of columns"
    if values and all(isinstance(v, dict) for v in values):
        return values, "a JSON object of rows by their names"
    return [value], "one JSON object"


def _questions(articles: list[dict]) -> list[dict]:
    """The rows of SQuAD's own nesting, in which articles hold paragraphs and these the questions; [] for any other."""
    paragraphs = [p for a in articles if isinstance(a, dict) for p in a.get("paragraphs") or [] if isinstance(p, dict)]
    return [{"context": p.get("context")} | qa for p in paragraphs for qa in p.get("qas") or [] if isinstance(qa, dict)]


def _json_lines(name: str, lines: list[str]) -> list:
    records = []
    last = max(n for n, line in enumerate(lines) if line.strip())
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == last and number == len(lines) - 1 and number:
                raise CourseError(f"{name}, line {number + 1}: {CUT_OFF}.") from None
            message = f"{name}, line {number + 1}: not valid JSON ({error.msg}); mend that line."
            raise CourseError(message) from None
        except (ValueError, RecursionError) as error:
            raise CourseError(f"{name}, line {number + 1}: Python does not read it ({error}).") from None
    return records


def _objects(text: str) -> list | None:
    """Several JSON values one after the other, each over any number of lines; None where they are not."""
    decoder, values, place = json.JSONDecoder(), [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        try:
            value, place = decoder.raw_decode(text, place)
        except ValueError:
            return None
        values.append(value)
    return values


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _csv(name: str, text: str) -> tuple[list[dict], str]:
    """The records of a CSV text, by its first line's names; a record of another length holds HALF."""
    told = ""
    if text[:4].lower() == "sep=" and text[5:6] in ("\r", "\n"):  # Excel's own way to name it
        told, text = text[4], text[5:].lstrip("\r\n")
    separator = told or _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = [column.strip() for column in next(reader)]
    named = len(set(filter(None, header)))
    records, began = [], reader.line_num + 1
    for fields in reader:
        if any(field.strip() for field in fields):
            record = dict(zip(header, fields, strict=False))
            surplus = "".join(fields[len(header) :]).strip()
            if len(fields) < len(header) or surplus:
                record[HALF] = f"it has {len(fields)} of {len(header)} fields"
            records.append(record)
            last = began
        began = reader.line_num + 1
    # Quotes come in pairs, those within a field too, as they are doubled there.
    if records and text.count('"') % 2 and any("\n" in str(value) for value in records[-1].values()):
        raise CourseError(f'{name}, line {last}: a quote (") is opened and never closed; close it or delete the row.')
    between = _(SEPARATORS.get(separator, repr(separator)))
    return records, f"CSV, {between} between the fields" if named > 1 else "CSV, one column"


def _separator(text: str) -> str:
    """The separator that cuts the header into several names, and most of the first rows into as many fields."""
    best, best_score = ",", (0.0, 0)
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [fields for fields, _ in zip(reader, range(100), strict=False) if fields]
        width = len(rows[0])
        if width < 2:
            continue
        fitting = sum(len(fields) == width for fields in rows[1:]) / max(1, len(rows) - 1)
        if (fitting, width) > best_score:
            best, best_score = separator, (fitting, width)
    return best
