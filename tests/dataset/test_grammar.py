"""The grammar: what nobody would say is left out, and numbers in words are numbers."""

import pytest

from helpers.dataset.grammar import load_grammar


@pytest.mark.parametrize(
    "text, slots, nonsense",
    [
        ("turn on the the lights", {}, True),
        ("is the lights on", {}, True),
        ("where is the anna", {}, True),
        ("take 4 hours off my 10 minute timer", {"hours": 4, "start_minutes": 10}, True),
        ("take 4 minutes off my 10 minute timer", {"minutes": 4, "start_minutes": 10}, False),
        ("turn on the bedroom lights", {}, False),
        ("set a timer for 5 minutes", {}, False),
    ],
)
def test_what_reads_as_nonsense(text, slots, nonsense):
    assert load_grammar().reads_as_nonsense(text, slots) == nonsense


def test_numbers_in_words_are_read_as_numbers():
    [reading] = load_grammar().parse("set the temperature to twenty one point five degrees")
    assert reading == ("HassClimateSetTemperature", {"temperature": 21.5})
