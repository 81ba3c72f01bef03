"""The rule parser: what fine-tuning has to beat, exact on the sentences that its grammar foresaw."""

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from helpers.dataset.calls import call_text, problem
from helpers.dataset.grammar import Grammar, load_grammar


def rule_parser(templates: set[str] | None = None, language: str = "en") -> Callable[[str], str]:
    """A function from a command to its call, or to "" where no rule foresaw the command.

    templates: ids of the sentence patterns that it knows; None for all of home-assistant-intents. It knows all names of
    data/homes.json. Source of the parser: hassil.
    """
    grammar = load_grammar(language)
    if templates is not None:
        grammar = _narrowed(grammar, templates)

    def answer(command: str) -> str:
        for name, arguments in grammar.parse(command, best_only=True):
            if problem({"name": name, "arguments": arguments}, language) is None:  # the package knows other calls too
                return call_text(name, arguments, language)
        return ""

    return answer


def _narrowed(grammar: Grammar, templates: set[str]) -> Grammar:
    """A copy of the grammar whose parser knows only these patterns."""
    allowed = defaultdict(set)
    for t in grammar.templates:
        if t.id in templates:
            allowed[t.intent].add(t.sentence.text)
    intents = {}
    for name, intent in grammar.intents.intents.items():
        blocks = []
        for block in intent.data:
            texts = [sentence.text for sentence in block.sentences if sentence.text in allowed[name]]
            blocks.append(replace(block, sentence_texts=texts))
        intents[name] = replace(intent, data=blocks)
    narrowed = copy.copy(grammar)
    narrowed.intents = replace(grammar.intents, intents=intents)
    return narrowed
