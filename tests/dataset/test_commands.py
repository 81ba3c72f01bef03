"""The dataset as a reader loads it: its splits share no wording, and every label is valid."""

from collections import Counter

import fastjsonschema
import pytest

from helpers.dataset import build, calls, commands
from helpers.dataset.grammar import load_grammar
from helpers.dataset.homes import homes
from helpers.errors import CourseError
from tests.dataset.reading import call, texts


@pytest.fixture(scope="module")
def dataset():
    return commands.load()


def test_training_is_large_and_no_template_dominates(dataset):
    per_template = Counter(dataset["train"]["template"])
    assert len(dataset["train"]) >= 2000 and len(per_template) >= 500
    assert max(per_template.values()) <= build.CAP["train"]
    assert commands.counts()["templates"]["train"] == len(per_template)


def test_no_wording_is_in_two_splits(dataset):
    family = {t.id: t.family for t in load_grammar().templates}
    for one, other in [("train", "test"), ("train", "validation"), ("validation", "test")]:
        assert not set(texts(dataset[one])) & set(texts(dataset[other]))
        assert not {family[t] for t in dataset[one]["template"]} & {family[t] for t in dataset[other]["template"]}


def test_every_label_is_valid_and_written_in_the_order_of_the_schema(dataset):
    fastjsonschema.compile(calls.schema())
    for split in dataset:
        for row in dataset[split]:
            answer = row["completion"][0]["content"]
            assert calls.problem(call(row)) is None
            assert calls.call_text(**call(row)) == answer
            assert call(row)["name"] == row["intent"]


def test_names_kept_for_the_test_are_never_trained_on(dataset):
    names = homes()
    pools = [names["areas"], names["floors"], *names["devices"].values(), *names["values"].values()]
    reserved = {word for pool in pools for word in pool["test_only"]}
    values = {v for row in dataset["train"] for v in call(row)["arguments"].values() if isinstance(v, str)}
    assert not reserved & values
    assert reserved & {v for row in dataset["test"] for v in call(row)["arguments"].values() if isinstance(v, str)}


def test_the_rule_parser_reads_each_test_sentence_as_labelled(dataset):
    for row in dataset["test"].select(range(60)):
        assert load_grammar().parse(row["prompt"][-1]["content"])[0] == (row["intent"], call(row)["arguments"])


def test_natural_commands_join_training_on_request(dataset):
    more = commands.load(natural_in_train=True)
    added = set(texts(more["train"])) - set(texts(dataset["train"]))
    assert len(more["train"]) - len(dataset["train"]) >= 300
    assert not added & set(texts(more["natural"]))
    assert any(t.startswith("natural/") for t in more["train"].select(range(100))["template"])  # mixed in


def test_an_unknown_language_is_refused():
    with pytest.raises(CourseError, match="no language 'tlh'.*choose one of en"):
        commands.load("tlh")
