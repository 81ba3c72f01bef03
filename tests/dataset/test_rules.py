"""The rule parser knows the patterns that it is given, and is silent on the rest."""

from helpers.dataset import commands
from helpers.dataset.rules import rule_parser
from tests.dataset.reading import texts


def test_rules_know_the_patterns_they_are_given():
    dataset = commands.load()
    whole, seen = rule_parser(), rule_parser(set(dataset["train"]["template"]))
    row = dataset["test"][0]
    assert whole(row["prompt"][-1]["content"]) == row["completion"][0]["content"]
    right = sum(seen(r["prompt"][-1]["content"]) == r["completion"][0]["content"] for r in dataset["train"].take(60))
    assert right >= 55  # a few sentences fit a template of another split better
    assert sum(bool(seen(text)) for text in texts(dataset["test"])) < 0.5 * len(dataset["test"])
    assert whole("it's too dark in the office") == "" == seen("gibberish")
    assert rule_parser(set())("turn on the kitchen lights") == ""
