"""Files of rows that others wrote: read line by line, with the place of what is wrong."""

import json
from pathlib import Path

from helpers.errors import CourseError


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
