"""What the calls do to the devices of a home: who is meant, and how each of them is afterwards."""

from collections.abc import Callable
from functools import partial

from helpers.dataset.devices import Device, State
from helpers.language import _

WORDS = {
    "media_player": "media player", "lawn_mower": "lawn mower", "binary_sensor": "contact", "todo": "list",
    "climate": "thermostat", "weather": "place with weather",
}  # fmt: skip
RUN = ("scene", "script", "button")
ON_AND_OFF = ("light", "switch", "fan", "media_player")  # what a room without a kind of devices stands for
TURNED = (*ON_AND_OFF, "climate", "cover", "valve", "lock")
COLDEST, WARMEST = 5, 35  # degrees that a thermostat takes
STEP = 10  # of a volume that goes "up" or "down"


class Refused(Exception):
    """The sentence with which a home refuses a call."""


def find(state: State, wanted: dict, domains: tuple = (), cannot: str = "", everywhere: bool = False) -> list[Device]:
    """The devices that a call's arguments name: those of `domains` (all, if empty) with its name, place and kind.

    everywhere: without a name or a place, those of the whole home instead of the speaker's room. cannot: what is said
    of a device of another domain, such as "cannot be locked". Raises Refused when there is none.
    """
    name, area, floor = wanted.get("name"), wanted.get("area"), wanted.get("floor")
    domain, device_class = wanted.get("domain"), wanted.get("device_class")
    require_place(state, area, floor)
    found = [device for device in state.devices.values() if device.domain != "timer"]
    if name is not None:
        found = _some([d for d in found if d.name == name], f"There is no device called “{name}” in this home.")
        if domains:
            is_a = f"The {name} is a {word(found[0].domain)} and {cannot}."
            found = _some([d for d in found if d.domain in domains], is_a)
    elif domains:
        found = [d for d in found if d.domain in domains]
    what = name or word(device_class or domain or (domains[0] if len(domains) == 1 else _("such device")))
    if domain is not None:
        is_no = f"The {name} is no {word(domain)}." if name else f"There is no {what} in this home."
        found = _some([d for d in found if d.domain == domain], is_no)
    if device_class is not None:
        is_no = f"The {name} is no {device_class}." if name else f"There is no {what} in this home."
        found = _some([d for d in found if d.device_class == device_class], is_no)
    if area is not None:
        found = _some([d for d in found if d.area == area], f"There is no {what} in the {area}.")
    if floor is not None:
        on_floor = [d for d in found if state.floors.get(d.area) == floor]
        found = _some(on_floor, f"There is no {what} on the {floor} floor.")
    if not everywhere and (name, area, floor) == (None, None, None):
        here = [d for d in found if d.area == state.here]
        found = _some(here, f"There is no {what} in the {state.here}, where you are.")
    return _some(found, f"There is no {what} in this home.")


def _some(found: list[Device], otherwise: str) -> list[Device]:
    if not found:
        raise Refused(otherwise)
    return found


def require_place(state: State, area: str | None, floor: str | None = None) -> None:
    """Raise Refused for a room or a floor that the home does not have."""
    if area is not None and area not in state.floors:
        raise Refused(f"There is no room called “{area}” in this home.")
    if floor is not None and floor not in state.floors.values():
        raise Refused(f"There is no floor called “{floor}” in this home.")


def word(domain: str) -> str:
    """What a device of the domain is called in a sentence."""
    return WORDS.get(domain, domain)


def _turn(state: State, wanted: dict, on: bool) -> State:
    cannot = f"cannot be turned {'on' if on else 'off'}"
    whole_room = "name" not in wanted and "domain" not in wanted and "device_class" not in wanted
    domains = ON_AND_OFF if whole_room else TURNED + RUN if on else TURNED
    return state.with_(*[_turned(device, on) for device in find(state, wanted, domains, cannot, everywhere=True)])


def _turned(device: Device, on: bool) -> Device:
    if device.domain in ("cover", "valve"):
        return device.now(position=100 if on else 0)
    if device.domain == "lock":
        return device.now(locked=on)
    if device.domain in RUN:
        return device.now(runs=device.values["runs"] + 1)
    return device.now(on=on, playing=on) if device.domain == "media_player" else device.now(on=on)


def _set_light(state: State, wanted: dict) -> State:
    values = {"on": wanted.get("brightness") != 0}
    if wanted.get("brightness"):
        values["brightness"] = wanted["brightness"]
    if "color" in wanted or "temperature" in wanted:
        values["color"] = wanted.get("color") or f"{wanted['temperature']} K"
    if not {"brightness", "color", "temperature"} & set(wanted):
        raise Refused("The call says neither a brightness nor a color.")
    lights = find(state, wanted, ("light",), "has neither brightness nor color", everywhere=True)
    return state.with_(*[light.now(**values) for light in lights])


def _set_fan(state: State, wanted: dict) -> State:
    speed = wanted["percentage"]
    values = {"on": True, "speed": speed} if speed else {"on": False}
    return state.with_(*[fan.now(**values) for fan in find(state, wanted, ("fan",), "has no speed")])


def _set_position(state: State, wanted: dict) -> State:
    found = find(state, wanted, ("cover", "valve"), "has no position", everywhere=True)
    return state.with_(*[device.now(position=wanted["position"]) for device in found])


def _set_temperature(state: State, wanted: dict) -> State:
    target = wanted["temperature"]
    if not COLDEST <= target <= WARMEST:
        raise Refused(f"A thermostat takes {COLDEST} to {WARMEST} degrees, and the call asks for {target:g}.")
    found = find(state, wanted, ("climate",), "heats or cools no room")
    return state.with_(*[device.now(on=True, target=target) for device in found])


def _set_fan_mode(state: State, wanted: dict) -> State:
    found = find(state, wanted, ("climate",), "has no fan mode")
    return state.with_(*[device.now(fan_mode=wanted["fan_mode"]) for device in found])


def _players(state: State, wanted: dict) -> list[Device]:
    return find(state, wanted, ("media_player",), "plays nothing")


def _player(**values) -> Callable:
    """The handler that gives the media players of a call these values."""
    return lambda state, wanted: state.with_(*[player.now(**values) for player in _players(state, wanted)])


def _skip(by: int) -> Callable:
    def handler(state: State, wanted: dict) -> State:
        found = _players(state, wanted)
        return state.with_(*[p.now(on=True, playing=True, track=max(1, p.values["track"] + by)) for p in found])

    return handler


def _search(state: State, wanted: dict) -> State:
    plays = f"{wanted.get('media_class', '').replace('_', ' ')} {wanted['search_query']}".strip()
    return _player(on=True, playing=True, plays=plays, track=1)(state, wanted)


def _set_volume(state: State, wanted: dict) -> State:
    return _player(volume=wanted["volume_level"])(state, wanted)


def _change_volume(state: State, wanted: dict) -> State:
    step = {"up": STEP, "down": -STEP}.get(wanted["volume_step"], wanted["volume_step"])
    found = _players(state, wanted)
    return state.with_(*[player.now(volume=min(100, max(0, player.values["volume"] + step))) for player in found])


def _first(state: State, wanted: dict, domain: str) -> Device:
    """The one of these that the call names, or the first of the home."""
    named = {"name": wanted["name"]} if "name" in wanted else {}
    return find(state, named, (domain,), f"is no {word(domain)}", everywhere=True)[0]


def _clean(state: State, wanted: dict) -> State:
    area = wanted.get("area", state.here)
    require_place(state, area)
    return state.with_(_first(state, wanted, "vacuum").now(cleans=f"the {area}"))


def _start_vacuum(state: State, wanted: dict) -> State:
    floor = wanted.get("floor")
    require_place(state, None, floor)
    return state.with_(_first(state, wanted, "vacuum").now(cleans=f"the {floor} floor" if floor else "everything"))


def _dock_vacuum(state: State, wanted: dict) -> State:
    return state.with_(_first(state, wanted, "vacuum").now(cleans=""))


def _mow(mowing: bool) -> Callable:
    return lambda state, wanted: state.with_(_first(state, wanted, "lawn_mower").now(mowing=mowing))


# What each call does: (home, arguments) → home.
HANDLERS: dict[str, Callable[[State, dict], State]] = {
    "HassTurnOn": partial(_turn, on=True),
    "HassTurnOff": partial(_turn, on=False),
    "HassLightSet": _set_light,
    "HassFanSetSpeed": _set_fan,
    "HassSetPosition": _set_position,
    "HassClimateSetTemperature": _set_temperature,
    "HassClimateSetFanMode": _set_fan_mode,
    "HassMediaPause": _player(playing=False),
    "HassMediaUnpause": _player(on=True, playing=True),
    "HassMediaNext": _skip(1),
    "HassMediaPrevious": _skip(-1),
    "HassMediaPlayerMute": _player(muted=True),
    "HassMediaPlayerUnmute": _player(muted=False),
    "HassMediaSearchAndPlay": _search,
    "HassSetVolume": _set_volume,
    "HassSetVolumeRelative": _change_volume,
    "HassVacuumStart": _start_vacuum,
    "HassVacuumCleanArea": _clean,
    "HassVacuumReturnToBase": _dock_vacuum,
    "HassLawnMowerStartMowing": _mow(True),
    "HassLawnMowerDock": _mow(False),
}
