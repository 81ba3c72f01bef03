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


@pytest.mark.parametrize(
    "text, slots, nonsense",
    [
        ("打開客廳的燈的", {}, True),
        ("把客廳26度", {}, True),
        ("音量調到百分之五十趴", {}, True),
        ("音量調到50 %", {}, True),
        ("打開前門", {}, True),
        ("客廳的燈是開著的", {"state": "on"}, True),
        ("客廳的燈是開著的嗎", {"state": "on"}, False),
        ("把客廳的燈打開", {}, False),
        ("打開鐵捲門", {}, False),
        ("在客廳播放taylor swift", {}, False),
    ],
)
def test_what_nobody_says_in_chinese(text, slots, nonsense):
    assert load_grammar("zh-TW").reads_as_nonsense(text, slots) == nonsense


@pytest.mark.parametrize(
    "text, arguments",
    [
        ("設定溫度二十一點五度", {"temperature": 21.5}),
        ("計時兩個小時又十二分鐘", {"hours": 2, "minutes": 12}),
        ("計時半小時", {"minutes": 30}),
        ("色溫調到兩千五百", {"domain": "light", "temperature": 2500}),
    ],
)
def test_chinese_numerals_are_read_as_numbers(text, arguments):
    assert load_grammar("zh-TW").parse(text)[0][1] == arguments


def test_a_curtain_is_a_curtain_in_chinese():
    """Upstream's list gives the word to blinds first."""
    assert load_grammar("zh-TW").parse("打開客廳的窗簾")[0][1]["device_class"] == "curtain"
