"""What the imaginary homes are made of: rooms, floors, devices, values and the system message, by language.

And two of these homes, as states that a call can act on: the small one that the course draws as a plan, and a large
one in which any call of the dataset can do something.
"""

import json
from dataclasses import replace
from functools import lru_cache

from helpers.dataset.devices import CLASSES, SECONDS, State, make, seconds
from helpers.errors import CourseError
from helpers.paths import DATA

SHOPPING = "shopping list"
IN_EVERY_ROOM = ("light", "fan", "climate", "media_player", "lock", "switch")  # of the large home; and covers


@lru_cache
def _all_homes() -> dict:
    return json.loads((DATA / "homes.json").read_text(encoding="utf-8"))


def homes(language: str = "en") -> dict:
    """What homes in a language are made of: {"system", "areas", "floors", "devices", "values"}, from data/homes.json.

    Raises CourseError when the file has no such language.
    """
    return _of_language(language, _all_homes(), "homes.json")


@lru_cache
def plan(language: str = "en") -> dict:
    """The rooms of the small home, as data/plan.json gives them: each with its area, floor, place and devices."""
    drawn = json.loads((DATA / "plan.json").read_text(encoding="utf-8"))
    return _of_language(language, drawn, "plan.json")


def _of_language(language: str, known: dict, file: str) -> dict:
    if language not in known:
        raise CourseError(f"There is no language {language!r} in data/{file}; choose one of {', '.join(known)}.")
    return known[language]


def small_home(language: str = "en") -> State:
    """The home of the plan as a day begins: seven rooms on two floors and a garden."""
    drawn = plan(language)
    devices = [make(area=room["area"], **device) for room in drawn["rooms"] for device in room["devices"]]
    devices += [make(**device) for device in drawn["nowhere"]]
    floors = {room["area"]: room["floor"] for room in drawn["rooms"]}
    return State({}, floors, drawn["here"]).with_(*devices)


@lru_cache
def _large_home(language: str, end: int) -> State:
    names = homes(language)
    areas, floors = ([word for pool in names[part].values() for word in pool] for part in ("areas", "floors"))
    devices = []
    for area in areas:
        devices += [make(domain, f"{area}: {domain}", area, end) for domain in IN_EVERY_ROOM]
        devices += [make("cover", f"{area}: {kind}", area, end) for kind in CLASSES]
    for domain, pools in names["devices"].items():
        words = [word for pool in pools.values() for word in pool]
        somewhere = domain not in ("person", "weather", "todo")
        devices += [make(domain, w, areas[i % len(areas)] if somewhere else "", end) for i, w in enumerate(words)]
    devices.append(make("todo", SHOPPING))
    on_floors = {area: floors[i % len(floors)] for i, area in enumerate(areas)}
    return State({}, on_floors, areas[0]).with_(*devices)


def home_around(call: dict, end: int = 0, language: str = "en") -> State:
    """A large home in which a valid call can do something; its devices are all at one end (0 or 1) of what they can be.

    It has every room and every device name of data/homes.json. A device that the call names is where the call says. A
    timer or an item of a list that the call names is there, and another timer beside it.
    """
    state, wanted = _large_home(language, end), call["arguments"]
    area = wanted.get("area") or next((a for a, f in state.floors.items() if f == wanted.get("floor")), "")
    if area:
        state = state.with_(*[replace(d, area=area) for d in state.devices.values() if d.name == wanted.get("name")])
    if call["name"].endswith(("CompleteItem", "RemoveItem")):
        held = state.devices.get(("todo", wanted.get("name", SHOPPING)))
        state = state.with_(held.now(items={"bread": False, wanted["item"]: False})) if held else state
    if "Timer" in call["name"] and call["name"] != "HassStartTimer":
        length = seconds(wanted, "start_") or 99 * 3600
        name, started = wanted.get("name", "timer"), area or state.here
        state = state.with_(make("timer", name, started, end, length=length, left=length))
        if set(wanted) - set(SECONDS):  # the call says which timer, so there is another one
            elsewhere = next(a for a in state.floors if a != started)
            other = length + 1  # "the timer of 60 seconds" is not this one
            state = state.with_(make("timer", "other", elsewhere, end, length=other, left=other))
    return state
