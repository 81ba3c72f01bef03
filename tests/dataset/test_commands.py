"""The dataset as a reader loads it: its splits share no wording, and every label is valid."""

import re
from collections import Counter

import fastjsonschema
import pytest

from helpers.dataset import build, calls, commands, likeness, rules, splits, validation
from helpers.dataset.grammar import load_grammar
from helpers.dataset.homes import homes, plan, small_home
from helpers.errors import CourseError
from helpers.evaluation import METRICS, end_states, scores
from helpers.model import load_tokenizer
from tests.dataset.reading import call, texts

# At the least: rows to train on, their patterns, natural commands to add. home-assistant-intents has fewer in Chinese.
LARGE = {"en": (2000, 500, 300), "zh-TW": (1500, 250, 240)}


@pytest.fixture(scope="module", params=LARGE)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def dataset(language):
    return commands.load(language)


def test_training_is_large_and_no_template_dominates(dataset, language):
    per_template = Counter(dataset["train"]["template"])
    rows, patterns, _ = LARGE[language]
    assert len(dataset["train"]) >= rows and len(per_template) >= patterns
    assert max(per_template.values()) <= build.CAP["train"]
    assert commands.counts(language)["templates"]["train"] == len(per_template)


def test_no_wording_is_in_two_splits(dataset, language):
    family = {t.id: t.family for t in load_grammar(language).templates}
    for one, other in [("train", "test"), ("train", "validation"), ("validation", "test")]:
        assert not set(texts(dataset[one])) & set(texts(dataset[other]))
        assert not {family[t] for t in dataset[one]["template"]} & {family[t] for t in dataset[other]["template"]}


def test_every_label_is_valid_and_written_in_the_order_of_the_schema(dataset, language):
    fastjsonschema.compile(calls.schema(language))
    for split in dataset:
        for row in dataset[split]:
            answer = row["completion"][0]["content"]
            assert calls.problem(call(row), language) is None
            assert calls.call_text(**call(row), language=language) == answer
            assert call(row)["name"] == row["intent"]


def test_names_kept_for_the_test_are_never_trained_on(dataset, language):
    names = homes(language)
    pools = [names["areas"], names["floors"], *names["devices"].values(), *names["values"].values()]
    reserved = {word for pool in pools for word in pool["test_only"]}
    values = {v for row in dataset["train"] for v in call(row)["arguments"].values() if isinstance(v, str)}
    assert not reserved & values
    assert reserved & {v for row in dataset["test"] for v in call(row)["arguments"].values() if isinstance(v, str)}


def test_the_rule_parser_reads_each_test_sentence_as_labelled(dataset, language):
    for row in dataset["test"].select(range(60)):
        assert load_grammar(language).parse(row["prompt"][-1]["content"])[0] == (row["intent"], call(row)["arguments"])


def test_natural_commands_join_training_on_request(dataset, language):
    more = commands.load(language, natural_in_train=True)
    added = set(texts(more["train"])) - set(texts(dataset["train"]))
    assert len(more["train"]) - len(dataset["train"]) >= LARGE[language][-1]
    assert not added & set(texts(more["natural"]))
    assert any(t.startswith("natural/") for t in more["train"].select(range(100))["template"])  # mixed in


def test_chinese_has_no_spaces_and_only_the_characters_of_taiwan():
    for split in commands.load("zh-TW").values():
        for text in texts(split):
            assert not re.search(r"(?<![a-z])\s|\s(?![a-z])", text), text  # "taylor swift" has one
            assert re.search(r"[\u4e00-\u9fff]", text)
            text.encode("cp950")


def test_the_system_message_and_the_natural_commands_are_in_the_language(dataset, language):
    for split in dataset.values():
        assert {prompt[0]["content"] for prompt in split["prompt"]} == {homes(language)["system"]}
    assert dataset["natural"].to_list() == commands.natural_commands("test", language)


def test_the_checks_of_the_course_find_nothing_in_its_data(dataset, language):
    """Those of notebook 02: no malformed row, no wrong label, no contradiction, no leak."""

    def not_a_call(answer):
        return calls.problem(calls.parse(answer), language)

    found = validation.findings(dataset, load_tokenizer("nano"), 256, label_problem=not_a_call)
    assert set(found["check"]) <= {"near duplicate"}


def test_labels_score_as_exact_and_their_effect_as_right(dataset, language):
    rows = dataset["validation"]
    scored = scores.score([row["completion"][0]["content"] for row in rows], rows, language)
    assert list(scored.table().index) == list(METRICS.values()) and set(scored.table()["value"]) == {100}
    assert end_states.judge(scored, language)["right_end"].all()


def test_near_duplicates_and_clusters_need_no_spaces():
    texts = ["把客廳的燈打開", "把客廳的燈打開", "取消我的計時器"]
    assert list(splits.clusters(texts)) == [0, 0, 1]
    assert (1, 0, 100) in list(likeness.pairs(texts, texts))


@pytest.mark.parametrize(
    "asked",
    [commands.load, commands.counts, commands.prompt, commands.natural_commands, calls.schema, rules.rule_parser,
     homes, plan, small_home],
    ids=lambda asked: asked.__name__,
)  # fmt: skip
def test_an_unknown_language_is_refused(asked):
    needed = {"prompt": "on", "natural_commands": "test", "rule_parser": None}
    before = [needed[asked.__name__]] if asked.__name__ in needed else []
    with pytest.raises(CourseError, match=r"^There is no language 'tlh' in data/\w+\.json; choose one of en.*\.$"):
        asked(*before, language="tlh")
