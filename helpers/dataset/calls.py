"""Calls: the JSON that answers a command, its schema, what is wrong with one, and the record that pairs the two."""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import fastjsonschema
import home_assistant_intents
from hassil.intents import RangeSlotList, TextSlotList

from helpers.dataset.grammar import Grammar, load_grammar
from helpers.dataset.homes import homes
from helpers.errors import CourseError

# The answer to what asks for nothing that a home can do. Ours: home-assistant-intents has no such intent, and the
# schema that models are prompted and constrained with has none. Notebook 08 trains on it; as an answer it is valid.
NO_COMMAND = {"name": "HassNoCommand", "arguments": {}}
# What fastjsonschema says of a call that does not fit; kept together for a translation.
SCHEMA_SAYS = (
    "{0} must be object",
    "{0} must be string",
    "{0} must be integer",
    "{0} must be number",
    "{0} must be one of {1}",
    "{0} must be bigger than or equal to {1}",
    "{0} must be smaller than or equal to {1}",
    "{0} must be longer than or equal to {1} characters",
    "{0} must contain {1} properties",
    "{0} must contain at least {1} properties",
    "{0} must not contain {1} properties",
    "{0} cannot be validated by any definition",
    "{0} takes no such value",
)


@lru_cache
def schema(language: str = "en") -> dict:
    """The JSON Schema of a call: a branch of `oneOf` for each intent.

    Intents and the order of their slots come from intents.json of home-assistant-intents, the types of the slots from
    the lists of its sentence patterns.
    """
    grammar = load_grammar(language)
    described = json.loads(files(home_assistant_intents).joinpath("intents.json").read_text(encoding="utf-8"))
    calls = [_branch(intent, kinds, described[intent]) for intent, kinds in _kinds_of_slots(grammar).items()]
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "home call", "oneOf": calls}


def problem(call: Any, language: str = "en") -> str | None:
    """Why `call` (parsed JSON) is not a valid call, in a few words; None when it is valid."""
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        return "not an object with just the keys name and arguments"
    if not isinstance(call["name"], str) or call["name"] not in _branches(language):
        return f"there is no call named {call['name']!r}"
    try:
        _validator(call["name"], language)(call)
    except fastjsonschema.JsonSchemaValueException as error:
        return error.message.removeprefix("data.")
    return None


def call_text(name: str, arguments: dict, language: str = "en") -> str:
    """The call as the model should write it: compact JSON, keys in the schema's order."""
    order = list(_branches(language)[name]["properties"]["arguments"]["properties"])
    arguments = {slot: arguments[slot] for slot in sorted(arguments, key=order.index)}
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, separators=(",", ":"))


def prompt(command: str, language: str = "en") -> list[dict]:
    """The messages that ask for the call of one command: system and user; CourseError when it is not text."""
    if not isinstance(command, str):
        raise CourseError(f"A command has to be text, and this one is {command!r}: pass what was said as a string.")
    return [{"role": "system", "content": homes(language)["system"]}, {"role": "user", "content": command}]


def record(command: str, call: dict, template: str, language: str = "en") -> dict:
    """One record of the dataset. `call`: {"name": str, "arguments": dict}, valid against the schema."""
    answer = {"role": "assistant", "content": call_text(**call, language=language)}
    return {"prompt": prompt(command, language), "completion": [answer], "template": template, "intent": call["name"]}


def parse(answer: str) -> Any:
    """The JSON value that is the whole answer, or None."""
    try:
        return json.loads(answer)
    except ValueError:
        return None


@lru_cache
def _branches(language: str) -> dict[str, dict]:
    """The schema of each call by name: its messages are far clearer than those of the whole oneOf."""
    nothing = {"description": "Asks for nothing that a home can do", "slot_combinations": {"none": {"slots": []}}}
    branches = [*schema(language)["oneOf"], _branch(NO_COMMAND["name"], {}, nothing)]
    return {branch["properties"]["name"]["const"]: branch for branch in branches}


@lru_cache
def _validator(name: str, language: str):
    return fastjsonschema.compile(_branches(language)[name])


def _kinds_of_slots(grammar: Grammar) -> dict[str, dict[str, list[dict]]]:
    """{intent: {slot: the types that its sentence patterns give the slot}}."""
    kinds: dict = {}
    for t in grammar.templates:
        of_intent = kinds.setdefault(t.intent, {})
        for slot, value in t.slots.items():
            of_intent.setdefault(slot, []).append({"enum": [value]})
        for reference in t.sentence.expression.list_references({**grammar.intents.expansion_rules, **t.rules}):
            kind = _kind_of_list(grammar.intents.slot_lists.get(reference.list_name))
            of_intent.setdefault(reference.slot_name, []).append(kind)
    return kinds


def _branch(intent: str, kinds: dict[str, list[dict]], described: dict) -> dict:
    order = [slot for slot in described.get("slots", ()) if slot in kinds]
    # A slot that the speaker's own room fills is "required" there and absent from the sentence.
    combinations = [combination["slots"] for combination in described["slot_combinations"].values()]
    return {
        "type": "object",
        "description": described["description"],
        "properties": {
            "name": {"const": intent},
            "arguments": {
                "type": "object",
                "properties": {slot: _merge(kinds[slot]) for slot in order},
                "required": [slot for slot in order if all(slot in slots for slots in combinations)],
                "minProperties": min(map(len, combinations)),
                "additionalProperties": False,
            },
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _kind_of_list(values) -> dict:
    """The type of what a {list} of the grammar can stand for."""
    if isinstance(values, RangeSlotList):
        ends = sorted(n * (values.multiplier or 1) for n in (values.start, values.stop))
        whole = "number" if values.fraction_type else "integer"
        return {"type": whole, "minimum": int(ends[0]), "maximum": int(ends[1])}
    if isinstance(values, TextSlotList):
        return {"enum": sorted({v.value_out for v in values.values}, key=str)}
    return {"type": "string", "minLength": 1}


def _merge(kinds: list[dict]) -> dict:
    """One type for a slot that several patterns fill: their enums joined, other types as alternatives."""
    enum = sorted({v for k in kinds for v in k.get("enum", [])}, key=str)
    others = [k for i, k in enumerate(kinds) if "enum" not in k and k not in kinds[:i]]
    options = ([{"enum": enum}] if enum else []) + others
    return options[0] if len(options) == 1 else {"anyOf": options}
