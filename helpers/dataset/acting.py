"""Calls carried out: what a home is like after a call, what it would answer, or why it refuses.

The meanings are those of Home Assistant's intents, with four decisions of ours, since a call leaves open in which room
it was said. A call without a name or a place is for the speaker's room; if it turns, sets or asks about a whole kind of
devices, such as all lights, it is for the whole home. "up" and "down" move a volume by 10. Setting a temperature
turns a thermostat on. A home has no clock, no forecast and no music: for these the reply says what it would do.
Source: https://developers.home-assistant.io/docs/intent_builtin.
"""

from functools import partial
from typing import Any, NamedTuple

from helpers.dataset import acting_devices, calls
from helpers.dataset.acting_devices import Refused, find, require_place
from helpers.dataset.devices import Change, Device, State, changes, make, reading, seconds
from helpers.dataset.homes import SHOPPING
from helpers.language import _


class Outcome(NamedTuple):
    """What became of a call. `state` is the home afterwards; of the others, one at most says something.

    changed: what is different now. reply: what the home would say. refusal: why nothing was done, in one sentence.
    """

    state: State
    changed: list[Change]
    reply: str
    refusal: str


def apply(state: State, call: Any, language: str = "en") -> Outcome:
    """Carry out one call on a home. call: parsed JSON of any kind; None stands for an answer that is no JSON.

    A call that cannot be carried out is refused, and raises nothing.
    """
    if call is None:
        return Outcome(state, [], "", "The answer is not JSON, so there is no call to carry out.")
    if reason := calls.problem(call, language):
        reason = reason.replace("cannot be validated by any definition", "takes no such value")
        return Outcome(state, [], "", f"The call does not fit the schema: {reason}.")
    try:
        result = _HANDLERS[call["name"]](state, call["arguments"])
    except Refused as refused:
        return Outcome(state, [], "", str(refused))
    if isinstance(result, str):
        return Outcome(state, [], result, "")
    return Outcome(result, changes(state, result), "", "")


def _timers(state: State, wanted: dict) -> list[Device]:
    """The timers that the arguments fit: by name, by the room in which they were started, by what they were set to."""
    require_place(state, wanted.get("area"))
    length = seconds(wanted, "start_")
    fitting = [
        device
        for device in state.devices.values()
        if device.domain == "timer"
        and wanted.get("name") in (None, device.name)
        and wanted.get("area") in (None, device.area)
        and length in (0, device.values["length"])
    ]
    if not fitting:
        raise Refused("No timer fits what the call says.")
    return fitting


def _timer(state: State, wanted: dict) -> Device:
    fitting = _timers(state, wanted)
    if len(fitting) > 1:
        raise Refused(f"{len(fitting)} timers fit what the call says, and it has to name one.")
    return fitting[0]


def _start_timer(state: State, wanted: dict) -> State:
    length, names = seconds(wanted), {name for domain, name in state.devices if domain == "timer"}
    free = next(name for name in ["timer", *(f"timer {n}" for n in range(2, 99))] if name not in names)
    name = wanted.get("name", free)
    if name in names:
        raise Refused(f"A timer called “{name}” is running already.")
    return state.with_(make("timer", name, state.here, length=length, left=length))


def _change_timer(state: State, wanted: dict, sign: int) -> State:
    timer = _timer(state, wanted)
    left = timer.values["left"] + sign * seconds(wanted)
    return state.with_(timer.now(left=left)) if left > 0 else state.without(timer)


def _pause_timer(state: State, wanted: dict) -> State:
    return state.with_(_timer(state, wanted).now(running=False))


def _unpause_timer(state: State, wanted: dict) -> State:
    return state.with_(_timer(state, wanted).now(running=True))


def _cancel_timer(state: State, wanted: dict) -> State:
    return state.without(_timer(state, wanted))


def _cancel_all_timers(state: State, wanted: dict) -> State:
    return state.without(*_timers(state, wanted))


def _timer_status(state: State, wanted: dict) -> str:
    return _readings(_timers(state, wanted))


def _readings(devices: list[Device]) -> str:
    return "; ".join(f"{device.name}: {reading(device)}" for device in devices)


def _list(state: State, wanted: dict) -> Device:
    return find(state, {"name": wanted.get("name", SHOPPING)}, ("todo",), "holds no items")[0]


def _listed(state: State, wanted: dict) -> tuple[Device, str]:
    """The list and the item of a call; Refused for an item that is not on it."""
    listed, item = _list(state, wanted), wanted["item"]
    if item not in listed.values["items"]:
        raise Refused(f"“{item}” is not on the list “{listed.name}”.")
    return listed, item


def _add_item(state: State, wanted: dict) -> State:
    listed = _list(state, wanted)
    return state.with_(listed.now(items=listed.values["items"] | {wanted["item"]: False}))


def _complete_item(state: State, wanted: dict) -> State:
    listed, item = _listed(state, wanted)
    return state.with_(listed.now(items=listed.values["items"] | {item: True}))


def _remove_item(state: State, wanted: dict) -> State:
    listed, item = _listed(state, wanted)
    return state.with_(listed.now(items={i: done for i, done in listed.values["items"].items() if i != item}))


def _state(state: State, wanted: dict) -> str:
    asked, found = wanted.get("state"), find(state, wanted, everywhere=True)
    if asked is None:
        return _readings(found)
    fitting = [device.name for device in found if asked in _states(device)]
    return _("{} of {} {}").format(len(fitting), len(found), asked) + (f": {', '.join(fitting)}" if fitting else "")


def _states(device: Device) -> set[str]:
    """The words of the schema that are true of a device. Covers jump, so none is ever opening or closing."""
    values = device.values
    if "position" in values:
        return {"open" if values["position"] else "closed"}
    if "on" in values:
        return {"on" if values["on"] else "off"}
    return {values["value"]} if "value" in values else {reading(device)}


def _temperature(state: State, wanted: dict) -> str:
    found = find(state, wanted, ("climate",), "measures no temperature")
    return "; ".join(f"{device.name}: {device.values['measured']:g}°" for device in found)


def _weather(state: State, wanted: dict) -> str:
    return _readings(find(state, wanted, ("weather",), "has no weather", everywhere=True)[:1])


def _broadcast(state: State, wanted: dict) -> str:
    return f"All speakers say: “{wanted['message']}”."


def _time(state: State, wanted: dict) -> str:
    return "It says the time of its clock."


def _date(state: State, wanted: dict) -> str:
    return "It says the date of its calendar."


def _nothing(state: State, wanted: dict) -> str:
    return "It does nothing."


# What each call does or says: (home, arguments) → home or reply.
_HANDLERS = {
    **acting_devices.HANDLERS,
    "HassStartTimer": _start_timer,
    "HassIncreaseTimer": partial(_change_timer, sign=1),
    "HassDecreaseTimer": partial(_change_timer, sign=-1),
    "HassPauseTimer": _pause_timer,
    "HassUnpauseTimer": _unpause_timer,
    "HassCancelTimer": _cancel_timer,
    "HassCancelAllTimers": _cancel_all_timers,
    "HassTimerStatus": _timer_status,
    "HassListAddItem": _add_item,
    "HassListCompleteItem": _complete_item,
    "HassListRemoveItem": _remove_item,
    "HassShoppingListAddItem": _add_item,
    "HassShoppingListCompleteItem": _complete_item,
    "HassGetState": _state,
    "HassClimateGetTemperature": _temperature,
    "HassGetWeather": _weather,
    "HassGetCurrentTime": _time,
    "HassGetCurrentDate": _date,
    "HassBroadcast": _broadcast,
    "HassNevermind": _nothing,
    calls.NO_COMMAND["name"]: _nothing,
}
