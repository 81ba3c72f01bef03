"""The sentence templates of home-assistant-intents: sampling sentences from them, and reading sentences back.

Source: the PyPI packages home-assistant-intents (templates) and hassil (their grammar and parser).
"""

import json
import random
import re
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import home_assistant_intents
from hassil import Intents, recognize_all, recognize_best
from hassil.expression import Alternative, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList
from hassil.numbers import get_rbnf_engine

# Their sentences have no call of their own: small talk, and a command wrapped inside a timer.
LEFT_OUT_INTENTS = {"HassRespond"}
LEFT_OUT_LISTS = {"timer_command"}

# The grammar allows 0 to 100 of everything; people say these (first, last, step).
SENSIBLE = {
    "temperature": (15, 27, 0.5),
    "color_temperature": (2000, 6500, 500),
    "timer_seconds": (10, 90, 5),
    "timer_minutes": (2, 60, 1),
    "timer_hours": (2, 12, 1),
}
SENSIBLE_PERCENT = (5, 100, 5)

# Rules of the grammar that accept far more than anyone says; sampling uses these parts of them.
SAID = {
    "en": {
        "is": "(is|are)",
        "all": "(all [(the|my)]|every)",
        "any": "any [of (the|my)]",
        "which": "which",
        "how_many": "how many",
        "in": "in",
        "turn": "(turn|switch)",
        "numeric_value_set": "(set|change)",
        "here": "([in] here|in (this|the) room)",
        "close": "(close|shut)",
        "open": "open",
    }
}
# What the rest of it still forgives and nobody says, per language.
_THINGS = "light|lamp|fan|switch|lock|door|window|gate|curtain|blind|shade|shutter|awning"
_UNITS = "hour|minute|second"
_MORE_TIME = rf"(?!((\sand)?\s\w+(\s\w+)?[\s-]({_UNITS}))?\stimer)"
NONSENSE = {
    "en": re.compile(
        rf"""
        \b(\w+)\s\1\b | \ban\stimer\b | \bare\severy\b                # the the
      | \b(the|my|our)\s(every|all|any|the|my|our)\b                 # the every light
      | \b(every)(\s\w+)*\s(({_THINGS})e?s|lighting)\b
      | \b(all|any|how\smany)\s((of|the|my|\w+\sroom|\w+)\s){{0,4}}(({_THINGS})|lighting)\b
      | \bis\s(\w+\s){{0,4}}(({_THINGS})e?s)\b                         # is the lights
      | \bare\s((the|my|our|all|any|every|of)\s)*(\w+\s){{0,2}}(({_THINGS})|lighting|flap|box|spot|motion)\b
      | ^(how\smany|which)\b.*\bis\b | \bwhich\s(\w+\s){{0,3}}({_THINGS}|lighting)\b
      | \b(change|make)\s(\w+\s)*(on|off|out)$
      | \b(light|chandelier|sconce|pendant|lamp|lights)\s(lamps?|lights?|lighting)\b
      | \b(fan|extractor|purifier|hood|ventilator)\sfans?\b
      | \bturn\b.*\b(temp|temperature|color|mode|brightness)\b
      | -({_UNITS})s\b | \b(half|1/2)\san?\s({_UNITS})s\b | \ba\s1/2\b   # 5-hours
      | (?<!\san)(?<!\sa)(?<!half)\s({_UNITS})\b{_MORE_TIME} | -({_UNITS})\b{_MORE_TIME}  # by 34 minute
      | \b(ground|first|third|top|middle|lower|upper)\b(?!\sfloor) | \bsecond\s({_THINGS}|volume|fan)
      | \b(up|down)stairs\sfloor | \b(in|on|of)\s((the|my|our)\s)?(up|down)stairs\b
      """,
        re.VERBOSE,
    ),
}
_SECONDS = {"hours": 3600, "minutes": 60, "seconds": 1}


class Template(NamedTuple):
    """One sentence template with what its block of the grammar fixes."""

    id: str  # intent/slot combination/number
    intent: str
    family: str  # its text with the units of time made alike: families, not templates, are split
    sentence: Any  # hassil's parsed Sentence
    slots: dict  # values the block fixes, as {"domain": "light"}
    domains: tuple  # domains that {name} must come from
    rules: dict  # expansion rules of the block alone


@lru_cache
def spelled(number: float, language: str) -> str:
    """The number in words, as a transcript has it: "twenty one point five"."""
    return get_rbnf_engine(language).format_number(number).text.replace("-", " ")


def _choose(rng, values):
    """The grammar's authors put the usual wording first, so earlier alternatives weigh more."""
    return rng.choices(values, weights=[1 / (i + 1) for i in range(len(values))])[0]


class Grammar:
    """Templates, lists and parser of one language.

    `names` is one language's part of data/homes.json: areas, floors, devices by domain, values by list,
    each with `everywhere` and `test_only` words.
    """

    def __init__(self, language: str, names: dict):
        self.language, self.names = language, names
        self.raw = home_assistant_intents.get_intents(language)
        self.intents = Intents.from_dict(self.raw)
        flat = lambda pools: [*pools["everywhere"], *pools["test_only"]]
        said = Intents.from_dict(
            {"language": language, "intents": {}, "expansion_rules": SAID.get(language, {})}
        ).expansion_rules
        self.said = {**self.intents.expansion_rules, **said}
        people = [n for p in names["devices"].get("person", {}).values() for n in p]
        self.bare = re.compile(rf"\b(the|my|our)\s({'|'.join(people)})\b")  # the anna
        devices = [(n, n, {"domain": domain}) for domain, pools in names["devices"].items() for n in flat(pools)]
        self.lists = {
            "area": TextSlotList.from_strings(flat(names["areas"])),
            "floor": TextSlotList.from_strings(flat(names["floors"])),
            "name": TextSlotList.from_tuples(devices),
        }

    @cached_property
    def templates(self) -> list[Template]:
        found = []
        for name, intent in self.intents.intents.items():
            for block, raw in zip(intent.data, self.raw["intents"][name]["data"], strict=True):
                domains = (block.requires_context or {}).get("domain", ())
                combination = raw["metadata"]["slot_combination"]
                for sentence in block.sentences:
                    lists = set(sentence.expression.list_names(self.intents.expansion_rules))
                    if name in LEFT_OUT_INTENTS or lists & LEFT_OUT_LISTS:
                        continue
                    family = re.sub(r"\{timer_\w+?(:\w+)?\}", "{time}", sentence.text)
                    family = re.sub(r"\b(hour|minute|second)\b", "unit", family)
                    ident = f"{name}/{combination}/{len(found)}"
                    domains = tuple([domains] if isinstance(domains, str) else domains)
                    found.append(
                        Template(ident, name, f"{name} {family}", sentence, block.slots, domains, block.expansion_rules)
                    )
        return found

    def sample(self, template: Template, rng: random.Random, unseen: bool = False) -> tuple[str, dict]:
        """One sentence of the template and the call's arguments; `unseen` adds the names kept for the test."""
        slots = dict(template.slots)
        words = self._walk(template.sentence.expression, template, rng, slots, unseen)
        return re.sub(r"\s+", " ", words).strip().lower(), slots

    def _walk(self, node, template, rng, slots, unseen) -> str:
        again = lambda child: self._walk(child, template, rng, slots, unseen)
        if isinstance(node, TextChunk):
            return node.original_text
        if isinstance(node, RuleReference):
            return again({**self.said, **template.rules}[node.rule_name].expression)
        if isinstance(node, ListReference):
            return self._pick(node, template, rng, slots, unseen)
        if isinstance(node, Alternative):
            return again(rng.choice(node.items) if node.is_optional else _choose(rng, node.items))
        if isinstance(node, Permutation):
            return " ".join(again(child) for child in rng.sample(node.items, len(node.items)))
        return "".join(again(child) for child in node.items)

    def _pick(self, node, template, rng, slots, unseen) -> str:
        """Fills one {list}: the words, while slots[slot name] takes the value they stand for."""
        pool = lambda p: p["everywhere"] + (p["test_only"] if unseen else [])
        name, values = node.list_name, self.intents.slot_lists.get(node.list_name)
        if name in ("area", "floor"):
            words = value = rng.choice(pool(self.names[name + "s"]))
        elif name == "name":
            devices = self.names["devices"]
            words = value = rng.choice([n for d in template.domains if d in devices for n in pool(devices[d])])
        elif name in self.names["values"]:
            words = value = rng.choice(pool(self.names["values"][name]))
        elif isinstance(values, RangeSlotList):
            first, last, step = SENSIBLE.get(name, SENSIBLE_PERCENT)
            value = _plain(first + step * rng.randint(0, round((last - first) / step)))
            words = str(value)
            if rng.random() < 0.2:  # a transcript spells numbers out
                words = spelled(value, self.language)
            value = int(value * values.multiplier) if values.multiplier else value
        else:
            chosen = _choose(rng, values.values)
            words, value = self._walk(chosen.text_in, template, rng, slots, unseen), chosen.value_out
        slots[node.slot_name] = value
        return words

    def reads_as_nonsense(self, text: str, slots: dict) -> bool:
        """True for a sentence that the grammar forgives but nobody would say."""
        pattern = NONSENSE.get(self.language)
        length = sum(slots.get(f"start_{unit}", 0) * n for unit, n in _SECONDS.items())
        change = sum(slots.get(unit, 0) * n for unit, n in _SECONDS.items())
        said = pattern is None or not (pattern.search(text) or self.bare.search(text))
        return not said or 0 < length <= change  # 4 hours off a 10 minute timer

    def parse(self, text: str, best_only: bool = False) -> list[tuple[str, dict]]:
        """Every reading hassil finds, best first, as (intent, arguments); none when the grammar lacks it.

        The speaker's own room is context that hassil wants and a call leaves open, so it is left out again.
        """
        room = object()
        options = dict(slot_lists=self.lists, intent_context={"area": room}, language=self.language)
        best = recognize_best(text, self.intents, **options)
        if best is None:
            return []
        results = [best] if best_only else [best, *recognize_all(text, self.intents, **options)]
        readings = []
        for result in results:
            found = {**result.intent_data.slots, **{e.name: e.value for e in result.entities_list}}
            arguments = {k: _plain(v) for k, v in found.items() if v is not room}
            if (result.intent.name, arguments) not in readings:
                readings.append((result.intent.name, arguments))
        return readings

    @cached_property
    def schema(self) -> dict:
        """JSON Schema of a call: intents and their slots from intents.json, types from the templates' lists."""
        described = json.loads(files(home_assistant_intents).joinpath("intents.json").read_text())
        types: dict = {}
        for t in self.templates:
            kinds = types.setdefault(t.intent, {})
            for slot, value in t.slots.items():
                kinds.setdefault(slot, []).append({"enum": [value]})
            for ref in t.sentence.expression.list_references({**self.intents.expansion_rules, **t.rules}):
                kinds.setdefault(ref.slot_name, []).append(self._kind(ref.list_name))
        calls = []
        for intent, kinds in types.items():
            about = described[intent]
            order = [s for s in about["slots"] if s in kinds] if "slots" in about else []
            # A slot that the speaker's own room fills is "required" there and absent from the sentence.
            combinations = [c["slots"] for c in about["slot_combinations"].values()]
            always = [s for s in order if all(s in slots for slots in combinations)]
            calls.append(
                {
                    "type": "object",
                    "description": about["description"],
                    "properties": {
                        "name": {"const": intent},
                        "arguments": {
                            "type": "object",
                            "properties": {s: _merge(kinds[s]) for s in order},
                            "required": always,
                            "minProperties": min(map(len, combinations)),
                            "additionalProperties": False,
                        },
                    },
                    "required": ["name", "arguments"],
                    "additionalProperties": False,
                }
            )
        return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "home call", "oneOf": calls}

    def _kind(self, list_name: str) -> dict:
        values = self.intents.slot_lists.get(list_name)
        if isinstance(values, RangeSlotList):
            ends = sorted(n * (values.multiplier or 1) for n in (values.start, values.stop))
            whole = "number" if values.fraction_type else "integer"
            return {"type": whole, "minimum": int(ends[0]), "maximum": int(ends[1])}
        if isinstance(values, TextSlotList):
            return {"enum": sorted({v.value_out for v in values.values}, key=str)}
        return {"type": "string", "minLength": 1}


def _merge(kinds: list[dict]) -> dict:
    """One type for a slot that several templates fill: their enums joined, other types as alternatives."""
    enum = sorted({v for k in kinds for v in k.get("enum", [])}, key=str)
    others = [k for i, k in enumerate(kinds) if "enum" not in k and k not in kinds[:i]]
    options = ([{"enum": enum}] if enum else []) + others
    return options[0] if len(options) == 1 else {"anyOf": options}


def _plain(value):
    """A call writes 20, not 20.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
