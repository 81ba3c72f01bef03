"""A home that acts: every call does what it says, and a wrong one is refused with its reason."""

import copy
import json

import pytest

from helpers.dataset import calls, commands
from helpers.dataset.acting import apply
from helpers.dataset.devices import ENDS, changes, duration, make, reading
from helpers.dataset.homes import home_around, plan, small_home

PIZZA, LISTED, MUSIC = "pizza: 5 min left", "shopping list: milk, eggs", "tv: playing track 1 at 30%"
RADIO = "kitchen radio: playing track 1 at 40%"
# What each call does to the small home, or what the home replies.
DOES = [
    ("HassTurnOn", {"name": "desk lamp"}, "desk lamp: off → 100%"),
    ("HassTurnOn", {"name": "front door"}, "front door: unlocked → locked"),
    ("HassTurnOn", {"name": "sprinkler valve"}, "sprinkler valve: closed → open"),
    ("HassTurnOn", {"name": "movie night"}, "movie night: not run yet → run once"),
    ("HassTurnOn", {"area": "office", "domain": "fan"}, "desk fan: off → 100%"),
    ("HassTurnOff", {"domain": "light"}, "bedside lamp: 30% → off; counter lights: 100% → off"),
    ("HassTurnOff", {"area": "kitchen"}, f"counter lights: 100% → off; {RADIO} → off at 40%"),
    ("HassTurnOff", {"floor": "first", "domain": "cover", "device_class": "window"}, "roof window: open → closed"),
    ("HassLightSet", {"name": "desk lamp", "brightness": 40}, "desk lamp: off → 40%"),
    ("HassLightSet", {"area": "kitchen", "color": "red"}, "counter lights: 100% → 100%, red"),
    ("HassLightSet", {"name": "desk lamp", "temperature": 2700}, "desk lamp: off → 100%, 2700 K"),
    ("HassLightSet", {"name": "bedside lamp", "brightness": 0}, "bedside lamp: 30% → off"),
    ("HassFanSetSpeed", {"name": "desk fan", "percentage": 30}, "desk fan: off → 30%"),
    ("HassFanSetSpeed", {"area": "bathroom", "percentage": 0}, "bathroom fan: 40% → off"),
    ("HassSetPosition", {"name": "left blind", "position": 20}, "left blind: open → 20% open"),
    ("HassClimateSetTemperature", {"temperature": 22.5}, "thermostat: set to 21° → set to 22.5°"),
    ("HassClimateSetFanMode", {"area": "bedroom", "fan_mode": "low"}, "heat pump: set to 19° → set to 19°, fan low"),
    ("HassClimateGetTemperature", {"area": "bathroom"}, "floor heating: 21°"),
    ("HassMediaPause", {}, f"{MUSIC} → paused track 1 at 30%"),
    ("HassMediaUnpause", {"area": "bedroom"}, "bedroom speaker: off at 20% → playing track 1 at 20%"),
    ("HassMediaNext", {}, f"{MUSIC} → playing track 2 at 30%"),
    ("HassMediaPrevious", {"area": "bedroom"}, "bedroom speaker: off at 20% → playing track 1 at 20%"),
    ("HassMediaPlayerMute", {"name": "tv"}, f"{MUSIC} → playing track 1 at 30%, muted"),
    ("HassMediaPlayerUnmute", {"name": "tv"}, ""),
    ("HassMediaSearchAndPlay", {"search_query": "U2", "media_class": "artist"}, f"{MUSIC} → playing artist U2 at 30%"),
    ("HassSetVolume", {"volume_level": 80}, f"{MUSIC} → playing track 1 at 80%"),
    ("HassSetVolumeRelative", {"volume_step": "down"}, f"{MUSIC} → playing track 1 at 20%"),
    ("HassSetVolumeRelative", {"volume_step": -95}, f"{MUSIC} → playing track 1 at 0%"),
    ("HassVacuumStart", {"name": "rosie"}, "rosie: docked → cleaning everything"),
    ("HassVacuumStart", {"floor": "first"}, "rosie: docked → cleaning the first floor"),
    ("HassVacuumCleanArea", {}, "rosie: docked → cleaning the living room"),
    ("HassVacuumReturnToBase", {"name": "rosie"}, ""),
    ("HassLawnMowerStartMowing", {}, "clippy: docked → mowing"),
    ("HassLawnMowerDock", {}, ""),
    ("HassStartTimer", {"minutes": 90, "name": "bread"}, "bread: not there → 1 h 30 min left"),
    ("HassIncreaseTimer", {"minutes": 2, "name": "pizza"}, f"{PIZZA} → 7 min left"),
    ("HassDecreaseTimer", {"seconds": 30, "start_minutes": 12}, f"{PIZZA} → 4 min 30 s left"),
    ("HassDecreaseTimer", {"minutes": 5}, f"{PIZZA} → gone"),
    ("HassPauseTimer", {"area": "kitchen"}, f"{PIZZA} → 5 min left, paused"),
    ("HassUnpauseTimer", {}, ""),
    ("HassCancelTimer", {}, f"{PIZZA} → gone"),
    ("HassCancelAllTimers", {}, f"{PIZZA} → gone"),
    ("HassTimerStatus", {}, PIZZA),
    ("HassListAddItem", {"item": "iron", "name": "chores"}, "chores: wash the car → wash the car, iron"),
    ("HassListCompleteItem", {"item": "wash the car", "name": "chores"}, "chores: wash the car → wash the car (done)"),
    ("HassListRemoveItem", {"item": "wash the car", "name": "chores"}, "chores: wash the car → empty"),
    ("HassShoppingListAddItem", {"item": "rice"}, f"{LISTED} → milk, eggs, rice"),
    ("HassShoppingListCompleteItem", {"item": "milk"}, f"{LISTED} → milk (done), eggs"),
    ("HassGetState", {"name": "front door"}, "front door: unlocked"),
    ("HassGetState", {"domain": "light", "state": "on"}, "2 of 8 on: bedside lamp, counter lights"),
    ("HassGetState", {"area": "office", "domain": "cover", "state": "closed"}, "0 of 2 closed"),
    ("HassGetState", {"domain": "person", "state": "work"}, "1 of 2 work: tom"),
    ("HassGetWeather", {}, "london: cloudy, 14 °C"),
    ("HassGetCurrentTime", {}, "It says the time of its clock."),
    ("HassGetCurrentDate", {}, "It says the date of its calendar."),
    ("HassBroadcast", {"message": "dinner"}, "All speakers say: “dinner”."),
    ("HassNevermind", {}, "It does nothing."),
    ("HassNoCommand", {}, "It does nothing."),
]  # fmt: skip
REFUSED = [
    (None, "The answer is not JSON, so there is no call to carry out."),
    ("lights on", "The call does not fit the schema: not an object with just the keys name and arguments."),
    ([], "The call does not fit the schema: not an object with just the keys name and arguments."),
    ({"name": "HassFly", "arguments": {}}, "The call does not fit the schema: there is no call named 'HassFly'."),
    (("HassTurnOn", {"name": "lava lamp"}), "There is no device called “lava lamp” in this home."),
    (("HassTurnOn", {"area": "cellar", "domain": "light"}), "There is no room called “cellar” in this home."),
    (("HassTurnOn", {"floor": "third", "domain": "light"}), "There is no floor called “third” in this home."),
    (("HassTurnOn", {"name": "tv", "area": "kitchen"}), "There is no tv in the kitchen."),
    (("HassTurnOn", {"name": "tv", "floor": "first"}), "There is no tv on the first floor."),
    (("HassTurnOn", {"name": "tv", "domain": "fan"}), "The tv is no fan."),
    (("HassTurnOn", {"name": "left blind", "device_class": "window"}), "The left blind is no window."),
    (("HassTurnOn", {"area": "garden", "domain": "fan"}), "There is no fan in the garden."),
    (("HassTurnOn", {"domain": "cover", "device_class": "shutter"}), "There is no shutter in this home."),
    (("HassTurnOn", {"name": "outdoor temperature"}), "The outdoor temperature is a sensor and cannot be turned on."),
    (("HassTurnOff", {"name": "movie night"}), "The movie night is a scene and cannot be turned off."),
    (("HassFanSetSpeed", {"name": "tv", "percentage": 30}), "The tv is a media player and has no speed."),
    (("HassFanSetSpeed", {"percentage": 30}), "There is no fan in the living room, where you are."),
    (("HassLightSet", {"name": "desk lamp", "area": "office"}), "The call says neither a brightness nor a color."),
    (
        ("HassLightSet", {"name": "desk lamp", "brightness": 400}),
        "The call does not fit the schema: arguments.brightness takes no such value.",
    ),
    (
        ("HassClimateSetTemperature", {"temperature": 95}),
        "A thermostat takes 5 to 35 degrees, and the call asks for 95.",
    ),
    (("HassClimateGetTemperature", {"area": "office"}), "There is no thermostat in the office."),
    (("HassVacuumCleanArea", {"area": "cellar"}), "There is no room called “cellar” in this home."),
    (("HassVacuumStart", {"floor": "third"}), "There is no floor called “third” in this home."),
    (("HassVacuumStart", {"name": "tv"}), "The tv is a media player and is no vacuum."),
    (("HassCancelTimer", {"name": "tea"}), "No timer fits what the call says."),
    (("HassCancelTimer", {"area": "cellar"}), "There is no room called “cellar” in this home."),
    (("HassStartTimer", {"minutes": 1, "name": "pizza"}), "A timer called “pizza” is running already."),
    (("HassListAddItem", {"item": "iron", "name": "camping"}), "There is no device called “camping” in this home."),
    (("HassShoppingListCompleteItem", {"item": "tea"}), "“tea” is not on the list “shopping list”."),
    (("HassGetWeather", {"name": "paris"}), "There is no device called “paris” in this home."),
]


@pytest.mark.parametrize("name, arguments, does", DOES, ids=lambda value: str(value)[:40])
def test_a_call_does_what_it_says(name, arguments, does):
    home = small_home()
    outcome = apply(home, {"name": name, "arguments": arguments})
    assert outcome.refusal == "" and ("; ".join(map(str, outcome.changed)) or outcome.reply) == does
    assert (outcome.state == home) == (not outcome.changed)


def test_every_call_of_the_schema_is_tried():
    known = {branch["properties"]["name"]["const"] for branch in calls.schema()["oneOf"]}
    assert {name for name, *_ in DOES} == known | {calls.NO_COMMAND["name"]}


@pytest.mark.parametrize("call, reason", REFUSED, ids=lambda value: str(value)[:60])
def test_a_wrong_call_is_refused_with_its_reason(call, reason):
    if isinstance(call, tuple):
        call = {"name": call[0], "arguments": call[1]}
    home = small_home()
    outcome = apply(home, call)
    assert outcome.refusal == reason
    assert outcome.state == home and not outcome.changed and not outcome.reply


def test_two_timers_need_a_name():
    home = apply(small_home(), {"name": "HassStartTimer", "arguments": {"minutes": 5}}).state
    outcome = apply(home, {"name": "HassCancelTimer", "arguments": {}})
    assert outcome.refusal == "2 timers fit what the call says, and it has to name one."
    third = apply(home, {"name": "HassStartTimer", "arguments": {"minutes": 5}})
    assert [str(change) for change in third.changed] == ["timer 2: not there → 5 min left"]


def test_a_home_is_not_changed_in_place():
    home = small_home()
    before = copy.deepcopy(home)
    for name, arguments, _ in DOES:
        apply(home, {"name": name, "arguments": arguments})
    assert home == before


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_every_label_does_something_in_the_home_around_it(language):
    """One label for each intent and each set of arguments: none is refused, whatever the devices are like before."""
    labels = {}
    for rows in commands.load(language).values():
        for row in rows:
            call = json.loads(row["completion"][0]["content"])
            labels[call["name"], *call["arguments"]] = call
    for call in labels.values():
        outcomes = [apply(home_around(call, end, language), call, language) for end in (0, 1)]
        assert [outcome.refusal for outcome in outcomes] == ["", ""], call
        assert any(outcome.changed or outcome.reply for outcome in outcomes), call


def test_the_devices_of_the_plan_have_the_names_and_values_of_the_course_s_homes():
    around = home_around({"name": "HassNevermind", "arguments": {}})
    drawn = small_home()
    for key, device in drawn.devices.items():
        assert set(device.values) == set(ENDS[device.domain][0]), key
        assert key in around.devices or device.domain == "timer", f"{key} is no device of data/homes.json"
    places = [tuple(room["place"]) for room in plan()["rooms"]]
    assert len(set(places)) == len(places) and drawn.here in drawn.floors


def test_each_device_reads_as_it_is():
    assert reading(make("cover", "left blind", position=0)) == "closed"
    assert reading(make("climate", "boiler", target=20)) == "off, set to 20°"
    assert reading(make("media_player", "tv", on=True, plays="jazz", track=3)) == "paused jazz, track 3 at 0%"
    assert reading(make("button", "doorbell", runs=2)) == "run 2 times"
    assert (duration(3690), duration(0)) == ("1 h 1 min 30 s", "0 s")
    assert make("cover", "velvet curtains").device_class == "curtain" and make("cover", "skylight").device_class == ""
    assert changes(small_home(), small_home()) == []
