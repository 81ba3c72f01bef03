"""The home as a picture: every device is in it, what changed is in a frame, and a refusal is a sentence."""

import base64
import re
import xml.etree.ElementTree as ET

from helpers.dataset.acting import apply
from helpers.dataset.homes import small_home
from helpers.ui import home, still

ON = '{"name":"HassTurnOn","arguments":{"area":"office","domain":"light"}}'
SVG = "{http://www.w3.org/2000/svg}"


def drawn(html: str) -> list[ET.Element]:
    """The drawings in some HTML, parsed."""
    return [ET.fromstring(base64.b64decode(data)) for data in re.findall(r"image/svg\+xml;base64,([^\"]+)", html)]


def frames(drawing: ET.Element) -> list[ET.Element]:
    return [rect for rect in drawing.iter(f"{SVG}rect") if rect.get("stroke") == home.FRAME]


def opened(models: dict):
    box = home.acting_box(models)
    (text, tell, again), result = box.children[0].children, box.children[1]
    return text, tell, again, result


def say(text, tell, command: str) -> None:
    text.value = command
    tell.click()


def test_every_device_and_room_of_the_home_is_drawn_inside_the_picture():
    state = small_home()
    (drawing,) = drawn(home.picture(state))
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert {device.name for device in state.devices.values()} <= set(texts)
    assert all(any(area in text for text in texts) for area in state.floors)
    assert not frames(drawing) and home.NOT_MARKED in drawing.find(f"{SVG}title").text
    places = re.findall(r"translate\((\d+) (\d+)\)", home.svg(state))
    assert all(int(x) < int(drawing.get("width")) and int(y) < int(drawing.get("height")) for x, y in places)


def test_what_changed_is_in_a_frame_and_in_the_words_for_readers_who_do_not_see_it():
    state = small_home()
    outcome = apply(state, {"name": "HassTurnOn", "arguments": {"area": "office", "domain": "light"}})
    before, after = drawn(home.before_and_after(state, outcome, "a <model>"))
    assert len(frames(before)) == len(frames(after)) == 1
    assert frames(before)[0].get("stroke-dasharray") and not frames(after)[0].get("stroke-dasharray")
    assert "desk lamp: off → 100%" in after.find(f"{SVG}title").text
    assert home.LIT["white"] not in [rect.get("fill") for rect in frames(before)]


def test_a_room_is_lit_by_its_lamps_in_their_color():
    state = small_home()
    red = apply(state, {"name": "HassLightSet", "arguments": {"area": "office", "color": "red"}}).state
    assert home.LIT["red"] in home.svg(red) and home.LIT["red"] not in home.svg(state)


def test_the_box_shows_each_answer_with_what_the_home_makes_of_it():
    text, tell, again, result = opened({"before": lambda command: "Sure, " + command, "after": lambda command: ON})
    assert len(drawn(result.value)) == 1 and "living room" in result.value
    say(text, tell, "lights <b>on</b> in the office")
    assert "<b>on</b>" not in result.value and "The answer is not JSON" in result.value
    assert "desk lamp: off → 100%" in result.value and len(drawn(result.value)) == 2


def test_the_home_stays_as_the_last_model_left_it_until_it_begins_again():
    text, tell, again, result = opened({"model": lambda command: ON})
    say(text, tell, "lights on")
    say(text, tell, "lights on")
    assert home.NO_CHANGE in result.value and home.STAYS in result.value and len(drawn(result.value)) == 1
    again.click()
    say(text, tell, "lights on")
    assert "desk lamp: off → 100%" in result.value


def test_a_refusal_and_a_reply_are_sentences():
    text, tell, again, result = opened({"model": lambda command: command})
    say(text, tell, ON.replace("office", "<i>cellar</i>"))
    assert "There is no room called “&lt;i&gt;cellar&lt;/i&gt;” in this home." in result.value
    say(text, tell, '{"name":"HassGetState","arguments":{"name":"front door"}}')
    assert "front door: unlocked" in result.value


def test_a_page_without_a_kernel_shows_the_home():
    shown = still.still(home.acting_box({"model": lambda command: ON}))
    assert len(drawn(shown)) == 1 and still.NOTE in shown and f"[{home.TELL}]" in shown
    assert shown == still.still(home.acting_box({"model": lambda command: ON}))
