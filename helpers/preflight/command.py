"""Command: `python -m helpers.preflight FILE`, what it prints and how it ends."""

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

import pandas as pd

from helpers import setup
from helpers.dataset import files
from helpers.dataset.files import DataFile
from helpers.errors import CourseError
from helpers.language import _
from helpers.model import load_config, load_tokenizer
from helpers.preflight import findings, planning, tokens
from helpers.training import jobs

USABLE, SPOILED, REFUSED = 0, 1, 2  # exit status
MAX_LENGTH = 1024  # TRL's default
SHOWN = 5  # rows named for each check
MASKED = 200  # tokens of the coloured row that are shown


def main(arguments: list[str] | None = None) -> int:
    """Runs the command with these arguments, or those of the process; returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print is not the command's answer
            setup()
            answer, shown, status = _judge(asked)
    except Exception as error:  # a user's file never ends in a traceback
        refusal = error if isinstance(error, CourseError) else None
        sentence = str(refusal or _(f"Preflight itself failed on this file ({type(error).__name__}: {error})."))
        answer = refused_object(sentence, getattr(error, "format", "unknown"), getattr(error, "rows", 0))
        shown, status = sentence, REFUSED
    print(json.dumps(answer, ensure_ascii=False) if asked.json else shown)
    return status


def report_object(file: DataFile, found: pd.DataFrame, planned: dict | None = None) -> dict:
    """What --json prints about a file that was read."""
    counts = found["check"].value_counts()
    return {
        "file": file.path.name,
        "format": file.format,
        "rows": file.total,
        "usable": findings.usable(file, found),
        "findings": {check: int(counts[check]) for check in findings.CHECKS if check in counts},
        "spoils": findings.spoils(found, file.total),
        "refused": None,
        "plan": planned,
        "how": file.how,
        "sha256": file.sha256,
    }


def refused_object(sentence: str, format: str = "unknown", rows: int = 0) -> dict:
    """What --json prints about a file that was refused."""
    return {
        "format": format,
        "rows": rows,
        "usable": 0,
        "findings": {},
        "spoils": [],
        "refused": sentence,
        "plan": None,
    }


def _judge(asked: argparse.Namespace) -> tuple[dict, str, int]:
    """(the object for --json, the text for people, the exit status)."""
    mapping = files.mapping(asked.map)
    file = files.read(asked.file, mapping, asked.chosen, asked.cut)
    held_out = files.read(asked.held_out, mapping, asked.chosen, asked.cut) if asked.held_out else None
    name, tokenizer = _tokenizer(asked.model)
    config, wrong = _configuration(asked.config)
    max_length = asked.max_length or config.get("max_length", MAX_LENGTH)
    config = config | {"max_length": max_length}
    found = findings.inspect(file, tokenizer, max_length, held_out)
    if wrong:
        line = pd.DataFrame([(0, "configuration", wrong)], columns=found.columns)
        found = pd.concat([found, line], ignore_index=True)
    planned = None
    if findings.usable(file, found):
        seconds = planning.measure(file.rows, name, config) if asked.time else None
        planned = planning.plan(file.rows, load_config(name), tokenizer, config, seconds, found.attrs.get("lengths"))
    answer = report_object(file, found, planned)
    return answer, _shown(file, found, answer, tokenizer, name), SPOILED if answer["spoils"] else USABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m helpers.preflight", description=_("Is this file fit for SFT?"))
    parser.add_argument("file", help=_("JSON, JSON Lines, CSV or Parquet"))
    parser.add_argument("--model", help=_('whose tokenizer and template count; "smollm2" unless given'))
    parser.add_argument("--config", metavar="sft.yaml", help=_("a configuration for `trl sft`, checked key by key"))
    parser.add_argument("--map", action="append", default=[], metavar="prompt=COLUMN", help=_("which column is what"))
    parser.add_argument("--held-out", metavar="FILE", help=_("a file of which nothing may be trained on"))
    parser.add_argument("--max-length", type=_positive, metavar="TOKENS", help=_(f"{MAX_LENGTH} unless given"))
    parser.add_argument("--chosen", action="store_true", help=_("of preference data, take the preferred answers"))
    parser.add_argument("--cut", default="", metavar="MARKER", help=_('cut each text at the last MARKER, such as "A:"'))
    parser.add_argument("--time", action="store_true", help=_("train a few steps to tell the minutes"))
    parser.add_argument("--json", action="store_true", help=_("print one JSON object"))
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _tokenizer(name: str | None) -> tuple[str, object]:
    """A model's name and its tokenizer: the one asked for, else SmolLM2's, or nano's where that cannot be fetched."""
    if name:
        return name, load_tokenizer(name)
    try:
        return "smollm2", load_tokenizer("smollm2")
    except CourseError as problem:
        print(_(f"{problem} nano's tokenizer is taken instead; it makes more tokens of a text."), file=sys.stderr)
        return "nano", load_tokenizer("nano")


def _configuration(path: str | None) -> tuple[dict, str]:
    """What a configuration says, and what is wrong with it, or ""."""
    if not path:
        return {}, ""
    try:
        settings = jobs.check(Path(path))
        planning.settings_of(settings)
    except (CourseError, ValueError, TypeError, ImportError) as problem:
        return {}, " ".join(str(problem).split())
    return settings, ""


def _shown(file: DataFile, found: pd.DataFrame, answer: dict, tokenizer, name: str) -> str:
    lines = [file.how, ""]
    for check in answer["findings"]:
        rows = found[found["check"] == check]
        places = [str(row) for row in rows["row"] if row][:SHOWN]
        where = _("row {}{}: ").format(", ".join(places), " …" if len(rows) > SHOWN else "") if places else ""
        mark = "✗" if check in answer["spoils"] else "·"
        told = _("{}, {}: {}").format(_(check), f"{len(rows):,}", _(findings.CHECKS[check]))
        lines.append(f"{mark} {told}")
        lines.append(f"    {where}{_(rows['detail'].iloc[0])}")
    masked = tokens.mask(file.rows[0], tokenizer)
    colour = sys.__stdout__ is not None and sys.__stdout__.isatty() and "NO_COLOR" not in os.environ
    text = tokens.marked(masked.head(MASKED), colour)
    counted = int(masked["counted"].sum())
    where = _("on green") if colour else _("between ⟦ and ⟧")
    first = f"Row {file.numbers[0]} for {name}; {counted} of {len(masked)} tokens are in the loss, {where}:"
    lines += ["", _(first), text]
    if planned := answer["plan"]:
        lines += ["", _plan_in_words(planned)]
    counts = f"{answer['usable']:,}", f"{answer['rows']:,}"
    if answer["spoils"]:
        spoils = _(", ").join(_(check) for check in answer["spoils"])
        usable = _("{} of {} rows can be trained on; put right first: {}.").format(*counts, spoils)
    else:
        usable = _("{} of {} rows can be trained on.").format(*counts)
    return "\n".join([*lines, "", usable])


def _plan_in_words(planned: dict) -> str:
    unknown, known = _("add --time to measure the minutes"), _("{} minutes here").format(planned["minutes"])
    minutes = unknown if planned["minutes"] is None else known
    plan = _(
        f"Plan: {planned['updates']:,} updates, {planned['epochs']:g} epochs of {planned['tokens']:,} tokens "
        f"({planned['tokens in the loss']:,} in the loss), {planned['memory (GB)']} GB of memory, {minutes}."
    )
    verdict = _("Pack") if planned["pack"] else _("Do not pack")
    return plan + "\n" + _("{}: {}.").format(verdict, _(planned["why"]))
