"""A home as its devices: what each is, where it is and how it is now.

A state is never changed in place: what acts on a home makes a new state of it.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from helpers.language import _

# What a device of a domain knows of itself, at one end and at the other end of what it can be. A home where everything
# is at one end shows what any call does that the other end would hide: a lamp that is on cannot be turned on.
ENDS = {
    "light": ({"on": False, "brightness": 100, "color": "white"}, {"on": True, "brightness": 50, "color": "blue"}),
    "switch": ({"on": False}, {"on": True}),
    "fan": ({"on": False, "speed": 100}, {"on": True, "speed": 50}),
    "cover": ({"position": 0}, {"position": 100}),
    "valve": ({"position": 0}, {"position": 100}),
    "lock": ({"locked": False}, {"locked": True}),
    "climate": (
        {"on": False, "target": 10, "fan_mode": "auto", "measured": 20},
        {"on": True, "target": 30, "fan_mode": "high", "measured": 22},
    ),
    "media_player": (
        {"on": False, "playing": False, "plays": "", "track": 1, "volume": 0, "muted": False},
        {"on": True, "playing": True, "plays": "", "track": 5, "volume": 100, "muted": True},
    ),
    "vacuum": ({"cleans": ""}, {"cleans": "everything"}),
    "lawn_mower": ({"mowing": False}, {"mowing": True}),
    "scene": ({"runs": 0}, {"runs": 0}),
    "script": ({"runs": 0}, {"runs": 0}),
    "button": ({"runs": 0}, {"runs": 0}),
    "sensor": ({"value": "20"}, {"value": "30"}),
    "binary_sensor": ({"value": "off"}, {"value": "on"}),
    "person": ({"value": "home"}, {"value": "work"}),
    "weather": ({"value": "cloudy"}, {"value": "sunny"}),
    "todo": ({"items": {}}, {"items": {}}),
    "timer": ({"length": 60, "left": 60, "running": True}, {"length": 60, "left": 60, "running": False}),
}
# The device classes of covers, as the schema has them; the name of a cover tells its class.
CLASSES = ("awning", "blind", "curtain", "door", "garage", "gate", "shade", "shutter", "window")
SECONDS = {"hours": 3600, "minutes": 60, "seconds": 1}


def seconds(wanted: dict, prefix: str = "") -> int:
    """The time that a call's arguments name, in seconds: that of "hours" and so on, or of "start_hours"."""
    return sum(wanted.get(prefix + unit, 0) * length for unit, length in SECONDS.items())


@dataclass(frozen=True)
class Device:
    """One thing of a home. `values`: what it knows of itself, with the keys of its domain in ENDS."""

    domain: str
    name: str
    area: str = ""  # "" for what is in no room, such as a list
    device_class: str = ""
    values: dict = field(default_factory=dict)

    def now(self, **values) -> "Device":
        return replace(self, values=self.values | values)


@dataclass(frozen=True)
class State:
    """A home at one moment. Its devices by (domain, name), the floor of each area, and the speaker's own room."""

    devices: dict[tuple[str, str], Device]
    floors: dict[str, str]
    here: str

    def with_(self, *devices: Device) -> "State":
        """The home with these devices as they are now; new ones are added."""
        return replace(self, devices=self.devices | {(d.domain, d.name): d for d in devices})

    def without(self, *devices: Device) -> "State":
        gone = {(d.domain, d.name) for d in devices}
        return replace(self, devices={key: d for key, d in self.devices.items() if key not in gone})


class Change(NamedTuple):
    """What is different about a device; before is None for one that is new, after for one that is gone."""

    domain: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.name}: {translated(self.before or 'not there')} → {translated(self.after or 'gone')}"


def changes(before: State, after: State) -> list[Change]:
    """What differs between two states of a home, device by device."""
    found = []
    for key in {**before.devices, **after.devices}:
        old, new = before.devices.get(key), after.devices.get(key)
        if old != new:
            found.append(Change(*key, old and reading(old), new and reading(new)))
    return found


def translated(words: str) -> str:
    """A reading in the language of the notebook, part by part; names in it stay."""
    return _(", ").join(_(part, "reading") for part in words.split(", "))


def reading(device: Device) -> str:
    """How the device is, in a few words: "40%, red", "locked", "playing track 2 at 30%"."""
    return _READINGS.get(device.domain, _value)(device.values)


def duration(seconds: int) -> str:
    """Seconds as "1 h 30 min" or "45 s"."""
    parts = (seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def _value(values: dict) -> str:
    return values["value"]


def _on(values: dict) -> str:
    return "on" if values["on"] else "off"


def _light(values: dict) -> str:
    color = "" if values["color"] == "white" else f", {values['color']}"
    return f"{values['brightness']}%{color}" if values["on"] else "off"


def _fan(values: dict) -> str:
    return f"{values['speed']}%" if values["on"] else "off"


def _opening(values: dict) -> str:
    return {0: "closed", 100: "open"}.get(values["position"], f"{values['position']}% open")


def _lock(values: dict) -> str:
    return "locked" if values["locked"] else "unlocked"


def _climate(values: dict) -> str:
    mode = "" if values["fan_mode"] == "auto" else f", fan {values['fan_mode']}"
    return f"{'' if values['on'] else 'off, '}set to {values['target']:g}°{mode}"


def _player(values: dict) -> str:
    track = f"track {values['track']}"
    plays = f"{values['plays']}, {track}" if values["plays"] and values["track"] > 1 else values["plays"] or track
    doing = f"{'playing' if values['playing'] else 'paused'} {plays}" if values["on"] else "off"
    return f"{doing} at {values['volume']}%{', muted' if values['muted'] else ''}"


def _vacuum(values: dict) -> str:
    return f"cleaning {values['cleans']}" if values["cleans"] else "docked"


def _mower(values: dict) -> str:
    return "mowing" if values["mowing"] else "docked"


def _runs(values: dict) -> str:
    return {0: "not run yet", 1: "run once"}.get(values["runs"], f"run {values['runs']} times")


def _items(values: dict) -> str:
    return ", ".join(f"{item} (done)" if done else item for item, done in values["items"].items()) or "empty"


def _timer(values: dict) -> str:
    return f"{duration(values['left'])} left" + ("" if values["running"] else ", paused")


_READINGS = {
    "light": _light, "switch": _on, "fan": _fan, "cover": _opening, "valve": _opening, "lock": _lock,
    "climate": _climate, "media_player": _player, "vacuum": _vacuum, "lawn_mower": _mower, "scene": _runs,
    "script": _runs, "button": _runs, "todo": _items, "timer": _timer,
}  # fmt: skip


def make(domain: str, name: str, area: str = "", end: int = 0, **values) -> Device:
    """A device at one end of what it can be (0 or 1), but for the values given; a cover's name tells its class."""
    fitting = [kind for kind in CLASSES if domain == "cover" and name.removesuffix("s").endswith(kind)]
    return Device(domain, name, area, fitting[0] if fitting else "", ENDS[domain][end] | values)
