"""A home that acts, as a picture: its rooms and devices, before and after a call, with what changed in a frame.

The picture is an SVG inside an image, so that it looks the same in JupyterLab's light and dark themes, and on pages
that remove SVG from text. What a call does, helpers.dataset.acting decides.
"""

import base64
import html
from collections.abc import Callable, Sequence

import ipywidgets as w

from helpers.dataset import calls
from helpers.dataset.acting import Outcome, apply
from helpers.dataset.devices import Change, Device, State, reading, translated
from helpers.dataset.homes import plan, small_home
from helpers.language import _
from helpers.ui import compare, figures
from helpers.ui.icons import icon

# What a reader may see; kept together for a translation.
HINT = "Type a command for this home, such as: it's too dark in the office"
TELL, AGAIN = "Tell the home", "Start again"
FIRST = "The home as it is now. You are in the {}."
BEFORE, AFTER = "The home before", "The home after the call of “{}”"
STAYS = "The home stays as it is"
ALT = "A doll's house with {} rooms. {}"
NOT_MARKED, MARKED = "Nothing is in a frame.", "In a frame: {}."
YOU, FLOOR = "you", "{} floor"
NO_CHANGE = "Nothing changes: it is so already."
DEVICE_READINGS = (  # how devices are, part by part, as helpers.dataset.devices words it
    "on", "off", "open", "closed", "{0}% open", "locked", "unlocked", "docked", "mowing", "empty", "not run yet",
    "run once", "run {0} times", "cleaning {0}", "everything", "the {0}", "the {0} floor", "playing {0}", "paused {0}",
    "playing {0} at {1}%", "paused {0} at {1}%", "track {0}", "track {0} at {1}%", "{0} at {1}%", "muted", "paused",
    "set to {0}°", "fan {0}", "{0} left", "{0} (done)", "not there", "gone", "home", "work", "cloudy", "sunny",
    "white", "red", "blue", "green", "orange", "pink", "purple", "turquoise", "yellow", "brown", "black", "timer",
    "list", "scene", "script",
)  # fmt: skip
NOWHERE = {"timer": "timer", "todo": "list", "scene": "scene", "script": "script", "person": "", "weather": ""}

ROOM, ROW, HEAD, EDGE, ROOF = 244, 40, 34, 44, 74  # pixels of the drawing
ROWS, ROWS_OUTSIDE = 5, 2  # rows of devices in a room, and in the garden, where three stand side by side
FITS = 22  # characters of a reading beside its icon
NIGHT, DARK, LAWN, WALL, TILES, MOON, FRAME = (
    "#10141f", "#2c3752", "#21492f", "#cdbda9", "#a4493d", "#f7e9b9", "#ff6a13",
)  # fmt: skip
LIGHT_INK, DARK_INK = "#f3f6fc", "#171c28"
LIT = {
    "white": "#fff1bf", "red": "#ffb8ae", "blue": "#b5d0ff", "green": "#bfeab8", "orange": "#ffd29c", "pink": "#ffc9e0",
    "purple": "#dcc8ff", "turquoise": "#b0eee6", "yellow": "#fff3a0", "brown": "#dcc09c", "black": "#a2a2ae",
}  # fmt: skip


def acting_box(models: dict[str, Callable[[str], str]]) -> w.VBox:
    """A box for a command: each model's answer, what a home makes of its call, and the home before and after.

    models: {name: what generate.answerer(...) gives}. Each call is carried out on the same home; the last model's then
    stays, so that the next command finds the home as it is. The second button begins again.
    Children: the text and the buttons, and the result (HTML).
    """
    home, last = small_home(), list(models)[-1]

    def respond(command: str) -> str:
        nonlocal home
        answers = {name: answer(command) for name, answer in models.items()}
        outcomes = {name: apply(home, calls.parse(answer)) for name, answer in answers.items()}
        shown = _rows(command, answers, outcomes) + before_and_after(home, outcomes[last], last)
        home = outcomes[last].state
        return shown

    def begin(button=None) -> None:
        nonlocal home
        home = small_home()
        result.value = f"<p>{_(FIRST).format(home.here)}</p>{picture(home)}"

    box = compare.asking_box(respond, _(HINT), _(TELL))
    asked, result = box.children
    again = w.Button(description=_(AGAIN))
    again.on_click(begin)
    asked.children = (*asked.children, again)
    begin()
    return box


def before_and_after(home: State, outcome: Outcome, name: str) -> str:
    """HTML: the home before and after a call, side by side where the page is wide enough; once if nothing changed."""
    if not outcome.changed:
        return f"<b>{_(STAYS)}</b><br>{picture(home)}"
    changed, style = outcome.changed, "flex:1 1 420px; margin:0 0.5em 0.5em 0"
    before = f"<div style='{style}'><b>{_(BEFORE)}</b>{picture(home, changed, dashed=True)}</div>"
    after = f"<div style='{style}'><b>{_(AFTER).format(html.escape(name))}</b>{picture(outcome.state, changed)}</div>"
    return f"<div style='display:flex; flex-wrap:wrap'>{before}{after}</div>"


def in_words(outcome: Outcome) -> str:
    """HTML: what became of a call; a refusal in the color of what went wrong."""
    if outcome.refusal:
        return f"<span style='color:{figures.COLORS['validation']}'>{html.escape(_(outcome.refusal))}</span>"
    changes = "<br>".join(html.escape(str(change)) for change in outcome.changed)
    return changes or html.escape(_(outcome.reply or NO_CHANGE))


def _rows(command: str, answers: dict[str, str], outcomes: dict[str, Outcome]) -> str:
    left, rows = "style='text-align:left; padding-right:1em; vertical-align:top'", ""
    for name, answer in answers.items():
        cells = f"<td {left}><code>{html.escape(answer)}</code></td><td {left}>{in_words(outcomes[name])}</td>"
        rows += f"<tr><th {left}>{html.escape(name)}</th>{cells}</tr>"
    return f"<p>“{html.escape(command)}”</p><table>{rows}</table>"


def picture(home: State, changed: Sequence[Change] = (), dashed: bool = False) -> str:
    """HTML: the home as an image, what changed in a frame. dashed: it is about to change."""
    marked = {(change.domain, change.name) for change in changed}
    words = _(MARKED).format("; ".join(map(str, changed))) if changed else _(NOT_MARKED)
    alt = html.escape(_(ALT).format(len(plan()["rooms"]), words), quote=True)
    data = base64.b64encode(svg(home, marked, dashed, alt).encode()).decode()
    return f'<img alt="{alt}" style="width:100%; max-width:800px" src="data:image/svg+xml;base64,{data}">'


def svg(home: State, marked: set[tuple[str, str]] = frozenset(), dashed: bool = False, title: str = "") -> str:
    """The drawing. marked: (domain, name) of what is in a frame. title: what a screen reader says, as HTML."""
    width, high, low = 2 * EDGE + 3 * ROOM, HEAD + ROWS * ROW, HEAD + ROWS_OUTSIDE * ROW
    floors = len({room["floor"] for room in plan()["rooms"]} - {""})
    left, right = EDGE - 7, EDGE + 3 * ROOM + 7
    parts = [
        f'<circle cx="{width - 40}" cy="38" r="17" fill="{MOON}"/>',
        f'<rect x="{left}" y="{ROOF - 7}" width="{right - left}" height="{floors * high + 7}" fill="{WALL}"/>',
        f'<polygon points="{left - 22},{ROOF - 4} {width / 2},10 {right + 22},{ROOF - 4}" fill="{TILES}"/>',
    ]
    bottom = ROOF
    for room in plan()["rooms"]:
        column, row = room["place"]
        x, y = EDGE + column * ROOM, ROOF + row * high
        inside = bool(room["floor"])
        size = (ROOM, high) if inside else (3 * ROOM, low)
        bottom = max(bottom, y + size[1])
        devices = [
            device for device in home.devices.values() if device.area == room["area"] and device.domain != "timer"
        ]
        here = room["area"] == home.here
        parts.append(f'<g transform="translate({x} {y})">{_room(room, devices, size, here, marked, dashed)}</g>')
        if inside and column == 0:
            label = _(FLOOR).format(room["floor"])
            place = f'transform="translate({EDGE - 16} {y + high / 2}) rotate(-90)" text-anchor="middle"'
            parts.append(f'<text {place} font-size="14" fill="{LIGHT_INK}">{html.escape(label)}</text>')
    notes = [device for domain in NOWHERE for device in home.devices.values() if device.domain == domain]
    places = [(EDGE + i % 3 * ROOM, bottom + 8 + i // 3 * ROW) for i in range(len(notes))]
    for note, (x, y) in zip(notes, places, strict=True):
        parts.append(f'<g transform="translate({x} {y})">{_note(note, marked, dashed)}</g>')
    height = places[-1][1] + ROW + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" rx="12" fill="{NIGHT}"/>{"".join(parts)}</svg>'
    )


def _room(room: dict, devices: list[Device], size: tuple, here: bool, marked: set, dashed: bool) -> str:
    """A room in its own coordinates: its light, its name and its devices."""
    (width, height), inside = size, bool(room["floor"])
    colors = [device.values["color"] for device in devices if device.domain == "light" and device.values["on"]]
    fill = LIT.get(colors[0], LIT["white"]) if colors else DARK if inside else LAWN
    ink, wall = DARK_INK if colors else LIGHT_INK, WALL if inside else NIGHT
    name = room["area"] + (f" · {_(YOU)}" if here else "")
    parts = [
        f'<rect width="{width}" height="{height}" fill="{fill}" stroke="{wall}" stroke-width="6"/>',
        f'<text x="14" y="25" font-size="17" font-weight="bold" fill="{ink}">{html.escape(name)}</text>',
    ]
    if here:
        parts.append(f'<circle cx="{width - 24}" cy="20" r="7" fill="{FRAME}" stroke="{ink}" stroke-width="2"/>')
    across = 1 if inside else 3
    for i, device in enumerate(devices):
        row = _row(device, translated(reading(device)), ink, (device.domain, device.name) in marked, dashed)
        parts.append(f'<g transform="translate({i % across * ROOM} {HEAD + i // across * ROW})">{row}</g>')
    return "".join(parts)


def _row(device: Device, how: str, ink: str, marked: bool, dashed: bool) -> str:
    """A device: its icon, its name and how it is now, which is cut if it is long."""
    short = how if len(how) <= FITS else how[: FITS - 1] + "…"
    line = f'stroke="{FRAME}" stroke-width="3.5"' + (' stroke-dasharray="7 5"' if dashed else "")
    frame = f'<rect x="6" y="0" width="{ROOM - 13}" height="{ROW - 3}" rx="9" fill="none" {line}/>' if marked else ""
    weight = "bold" if marked else "normal"
    return (
        f'{frame}<g transform="translate(11 3.5)">{icon(device)}</g>'
        f'<text x="48" y="16" font-size="15" font-weight="bold" fill="{ink}">{html.escape(device.name)}</text>'
        f'<text x="48" y="32" font-size="14" font-weight="{weight}" fill="{ink}">{html.escape(short)}</text>'
    )


def _note(device: Device, marked: set, dashed: bool) -> str:
    """What is in no room: a list, a timer, a person."""
    kind = NOWHERE[device.domain]
    how = translated(reading(device))
    how = f"{translated(kind)}: {how}" if kind else how
    return _row(device, how, LIGHT_INK, (device.domain, device.name) in marked, dashed)
