"""The sentence patterns of home-assistant-intents: sampling sentences from them, and reading sentences back.

Source: the PyPI packages home-assistant-intents (patterns) and hassil (their grammar and parser).
"""

import random
import re
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import home_assistant_intents
from hassil import Intents, recognize_all, recognize_best
from hassil.expression import Alternative, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList
from hassil.numbers import get_rbnf_engine

from helpers.dataset.devices import seconds
from helpers.dataset.homes import homes
from helpers.dataset.usage import Usage, usage

# Their sentences have no call of their own: small talk, and a command wrapped inside a timer.
LEFT_OUT_INTENTS = {"HassRespond"}
LEFT_OUT_LISTS = {"timer_command"}

# The grammar allows 0 to 100 of everything; a sentence gets a likelier number (first, last, step).
SENSIBLE = {
    "temperature": (15, 27, 0.5),
    "color_temperature": (2000, 6500, 500),
    "timer_seconds": (10, 90, 5),
    "timer_minutes": (2, 60, 1),
    "timer_hours": (2, 12, 1),
}
SENSIBLE_PERCENT = (5, 100, 5)


class Template(NamedTuple):
    """One sentence pattern with what its block of the grammar fixes."""

    id: str  # intent/slot combination/number
    intent: str
    family: str  # its text with the units of time made alike: families, not patterns, are split
    sentence: Any  # hassil's parsed Sentence
    slots: dict  # values the block fixes, as {"domain": "light"}
    domains: tuple  # domains that {name} must come from
    rules: dict  # expansion rules of the block alone


@lru_cache
def load_grammar(language: str = "en") -> "Grammar":
    """The sentence patterns and the rule parser of a language; CourseError when homes.json does not have it."""
    return Grammar(language, homes(language), usage(language))


@lru_cache
def spelled(number: float, language: str) -> str:
    """The number in words, as a transcript has it: "twenty one point five"."""
    words = get_rbnf_engine(language).format_number(number)
    return words.text_by_ruleset.get(usage(language).counted, words.text).replace("-", " ")


def _choose(rng, values):
    """The grammar's authors put the usual wording first, so earlier alternatives weigh more."""
    return rng.choices(values, weights=[1 / (i + 1) for i in range(len(values))])[0]


class Grammar:
    """Patterns, lists and parser of one language.

    `names` is one language's part of data/homes.json: areas, floors, devices by domain, values by list,
    each with `everywhere` and `test_only` words. `said` is how the language is spoken.
    """

    def __init__(self, language: str, names: dict, said: Usage):
        self.language, self.names, self.said = language, names, said
        raw = home_assistant_intents.get_intents(language)
        self.raw = {**raw, "lists": {**raw["lists"], **said.lists}}
        self.intents = Intents.from_dict(self.raw)
        usual = {"language": language, "intents": {}, "expansion_rules": said.rules}
        self.sampled_rules = {**self.intents.expansion_rules, **Intents.from_dict(usual).expansion_rules}
        pools = {"area": names["areas"], "floor": names["floors"], **names["devices"]}
        self.nonsense = re.compile(_with_names(said.nonsense, pools), re.VERBOSE)
        devices = []
        for domain, pools in names["devices"].items():
            devices += [(name, name, {"domain": domain}) for name in _words(pools, unseen=True)]
        self.lists = {
            "area": TextSlotList.from_strings(_words(names["areas"], unseen=True)),
            "floor": TextSlotList.from_strings(_words(names["floors"], unseen=True)),
            "name": TextSlotList.from_tuples(devices),
        }

    @cached_property
    def templates(self) -> list[Template]:
        templates = []
        for name, intent in self.intents.intents.items():
            for block, raw in zip(intent.data, self.raw["intents"][name]["data"], strict=True):
                domains = (block.requires_context or {}).get("domain", ())
                domains = (domains,) if isinstance(domains, str) else tuple(domains)
                combination = raw["metadata"]["slot_combination"]
                for sentence in block.sentences:
                    lists = set(sentence.expression.list_names(self.intents.expansion_rules))
                    if name in LEFT_OUT_INTENTS or lists & LEFT_OUT_LISTS:
                        continue
                    family = re.sub(r"\{timer_\w+?(:\w+)?\}", "{time}", sentence.text)
                    family = f"{name} " + re.sub(self.said.unit, "unit", family)
                    ident = f"{name}/{combination}/{len(templates)}"
                    rules = block.expansion_rules
                    templates.append(Template(ident, name, family, sentence, block.slots, domains, rules))
        return templates

    def sample(self, template: Template, rng: random.Random, unseen: bool = False) -> tuple[str, dict]:
        """One sentence of the pattern and the call's arguments; `unseen` adds the names kept for the test."""
        slots = dict(template.slots)
        words = self._walk(template.sentence.expression, template, rng, slots, unseen)
        return re.sub(r"\s+", " ", words).strip().lower(), slots

    def _walk(self, node, template, rng, slots, unseen) -> str:
        def walk(child) -> str:
            return self._walk(child, template, rng, slots, unseen)

        if isinstance(node, TextChunk):
            return node.original_text
        if isinstance(node, RuleReference):
            return walk({**self.sampled_rules, **template.rules}[node.rule_name].expression)
        if isinstance(node, ListReference):
            return self._pick(node, template, rng, slots, unseen)
        if isinstance(node, Alternative):
            return walk(rng.choice(node.items) if node.is_optional else _choose(rng, node.items))
        if isinstance(node, Permutation):
            return " ".join(walk(child) for child in rng.sample(node.items, len(node.items)))
        return "".join(walk(child) for child in node.items)

    def _pick(self, node, template, rng, slots, unseen) -> str:
        """Fills one {list}: the words, while slots[slot name] takes the value they stand for."""
        name, values = node.list_name, self.intents.slot_lists.get(node.list_name)
        if name in ("area", "floor"):
            words = value = rng.choice(_words(self.names[name + "s"], unseen))
        elif name == "name":
            devices = [self.names["devices"][domain] for domain in template.domains if domain in self.names["devices"]]
            words = value = rng.choice([device for pools in devices for device in _words(pools, unseen)])
        elif name in self.names["values"]:
            words = value = rng.choice(_words(self.names["values"][name], unseen))
        elif isinstance(values, RangeSlotList):
            first, last, step = SENSIBLE.get(name, SENSIBLE_PERCENT)
            value = _plain(first + step * rng.randint(0, round((last - first) / step)))
            words = str(value)
            if rng.random() < self.said.spelled:  # a transcript spells numbers out
                words = spelled(value, self.language)
            value = int(value * values.multiplier) if values.multiplier else value
        else:
            chosen = _choose(rng, values.values)
            words, value = self._walk(chosen.text_in, template, rng, slots, unseen), chosen.value_out
        slots[node.slot_name] = value
        return words

    def reads_as_nonsense(self, text: str, slots: dict) -> bool:
        """True for a sentence that the grammar forgives but nobody would say."""
        if self.nonsense.search(text) or ("state" in slots and not re.search(self.said.asks_state, text)):
            return True
        length = seconds(slots, "start_")
        change = seconds(slots)
        return 0 < length <= change  # 4 hours off a 10 minute timer

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
            slots = {**result.intent_data.slots, **{e.name: e.value for e in result.entities_list}}
            arguments = {slot: _plain(value) for slot, value in slots.items() if value is not room}
            if (result.intent.name, arguments) not in readings:
                readings.append((result.intent.name, arguments))
        return readings


def _with_names(pattern: str, pools: dict) -> str:
    """The pattern with every name of a pool in the place of <its name>, such as <person>."""
    for kind, pool in pools.items():
        pattern = pattern.replace(f"<{kind}>", "|".join(map(re.escape, _words(pool, unseen=True))))
    return pattern


def _words(pools: dict, unseen: bool) -> list[str]:
    return pools["everywhere"] + (pools["test_only"] if unseen else [])


def _plain(value):
    """A call writes 20, not 20.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
