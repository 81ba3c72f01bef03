"""Icons of a home's devices, drawn from how they are now: SVG inside a tile of 30 by 30 pixels."""

from helpers.dataset.devices import Device

INK, REST, TILE = "#2a3145", "#c9cedb", "#f7f8fb"
GLOW, COOL, WATER, GOOD, BAD, WARM = "#ffc21a", "#23a6d5", "#2f7de1", "#2f9e5b", "#d6453d", "#e2603b"
COLORS = {"white": GLOW, "turquoise": "#20c4b4", "black": "#555b6b"}  # of lights; other colors by their own names
LINE = f'stroke="{INK}" stroke-width="2" fill="none"'


def icon(device: Device) -> str:
    """The device's tile, its upper left corner at 0, 0."""
    draw = _ICONS.get(device.domain, _gauge)
    return f'<rect width="30" height="30" rx="7" fill="{TILE}"/>{draw(device.values)}'


def _light(values: dict) -> str:
    color = COLORS.get(values["color"], GLOW if values["color"].endswith("K") else values["color"])
    rays = (
        f'<path d="M15 1v4M4 5l3 3M26 5l-3 3M1 14h4M25 14h4" stroke="{color}" stroke-width="2"/>'
        if values["on"]
        else ""
    )
    return (
        f'{rays}<circle cx="15" cy="14" r="7" fill="{color if values["on"] else REST}" stroke="{INK}"/>'
        f'<rect x="12" y="21" width="6" height="6" fill="{INK}"/>'
    )


def _switch(values: dict) -> str:
    color = GOOD if values["on"] else REST
    return (
        f'<rect x="4" y="9" width="22" height="12" rx="6" fill="{color}" stroke="{INK}"/>'
        f'<circle cx="{20 if values["on"] else 10}" cy="15" r="5" fill="white" stroke="{INK}"/>'
    )


def _fan(values: dict) -> str:
    color = COOL if values["on"] else REST
    blades = "".join(
        f'<ellipse cx="15" cy="8" rx="4" ry="7" fill="{color}" stroke="{INK}" transform="rotate({turn} 15 15)"/>'
        for turn in (0, 120, 240)
    )
    return f'{blades}<circle cx="15" cy="15" r="3" fill="{INK}"/>'


def _cover(values: dict) -> str:
    down = round(22 * (100 - values["position"]) / 100)
    return (
        f'<rect x="4" y="4" width="22" height="22" fill="#bfe3ff"/><rect x="4" y="4" width="22" height="{down}" '
        f'fill="#8a6f4d"/><rect x="4" y="4" width="22" height="22" {LINE}/><path d="M15 4v22" stroke="{INK}"/>'
    )


def _valve(values: dict) -> str:
    drop = f'<path d="M15 17q-5 7 0 9q5 -2 0 -9" fill="{WATER}"/>' if values["position"] else ""
    return f'<path d="M3 12h16q5 0 5 5M11 12v-6M6 6h10" {LINE} stroke-linecap="round"/>{drop}'


def _lock(values: dict) -> str:
    shackle = "M10 14v-4a5 5 0 0 1 10 0v4" if values["locked"] else "M10 14v-6a5 5 0 0 1 10 0"
    color = GOOD if values["locked"] else BAD
    return (
        f'<path d="{shackle}" {LINE}/><rect x="7" y="14" width="16" height="12" rx="2" fill="{color}" stroke="{INK}"/>'
    )


def _climate(values: dict) -> str:
    level = round(14 * min(max((values["target"] - 5) / 30, 0), 1))
    color = WARM if values["on"] else REST
    return (
        f'<rect x="12" y="3" width="6" height="19" rx="3" fill="white" stroke="{INK}"/>'
        f'<rect x="13.5" y="{20 - level}" width="3" height="{level}" fill="{color}"/>'
        f'<circle cx="15" cy="23" r="5" fill="{color}" stroke="{INK}"/>'
    )


def _player(values: dict) -> str:
    color = GOOD if values["on"] else REST
    shape = "M9 6l14 9l-14 9z" if values["playing"] else "M9 6h4v18h-4zM17 6h4v18h-4z"
    if not values["on"]:
        shape = "M8 8h14v14h-14z"
    muted = f'<path d="M4 26L26 4" stroke="{BAD}" stroke-width="3"/>' if values["muted"] else ""
    return f'<path d="{shape}" fill="{color}" stroke="{INK}"/>{muted}'


def _vacuum(values: dict) -> str:
    color = COOL if values["cleans"] else REST
    return (
        f'<circle cx="15" cy="15" r="11" fill="{color}" stroke="{INK}"/><circle cx="15" cy="15" r="4" fill="{TILE}" '
        f'stroke="{INK}"/>'
    )


def _mower(values: dict) -> str:
    color = GOOD if values["mowing"] else REST
    return (
        f'<path d="M4 20v-6l6 -5h10l6 5v6z" fill="{color}" stroke="{INK}"/>'
        f'<circle cx="9" cy="22" r="4" fill="{INK}"/><circle cx="22" cy="22" r="4" fill="{INK}"/>'
    )


def _button(values: dict) -> str:
    return f'<path d="M6 22h18q-3 -3 -3 -9a6 6 0 0 0 -12 0q0 6 -3 9z" fill="{GLOW}" stroke="{INK}"/>'


def _todo(values: dict) -> str:
    return f'<path d="M7 3h16v24h-16zM11 9h8M11 14h8M11 19h8" {LINE}/>'


def _timer(values: dict) -> str:
    color = COOL if values["running"] else REST
    return f'<circle cx="15" cy="16" r="10" fill="{color}" stroke="{INK}"/><path d="M15 16v-7M15 16h5M12 3h6" {LINE}/>'


def _runs(values: dict) -> str:
    color = GLOW if values["runs"] else REST
    star = "M15 3l3.5 8 8.5 .8-6.5 5.7 2 8.5-7.5-4.6-7.5 4.6 2-8.5-6.5-5.7 8.5-.8z"
    return f'<path d="{star}" fill="{color}" stroke="{INK}"/>'


def _person(values: dict) -> str:
    color = GOOD if values["value"] == "home" else REST
    style = f'fill="{color}" stroke="{INK}"'
    return f'<path d="M5 27a10 10 0 0 1 20 0z" {style}/><circle cx="15" cy="10" r="6" {style}/>'


def _weather(values: dict) -> str:
    return f'<path d="M8 22h15a5 5 0 0 0 0-10 7 7 0 0 0-13-1 6 6 0 0 0-2 11z" fill="{REST}" stroke="{INK}"/>'


def _gauge(values: dict) -> str:
    return f'<path d="M6 22a11 11 0 1 1 18 0M15 17l6 -7" {LINE}/><circle cx="15" cy="18" r="2.5" fill="{INK}"/>'


_ICONS = {
    "light": _light, "switch": _switch, "fan": _fan, "cover": _cover, "valve": _valve, "lock": _lock,
    "climate": _climate, "media_player": _player, "vacuum": _vacuum, "lawn_mower": _mower, "button": _button,
    "todo": _todo, "timer": _timer, "scene": _runs, "script": _runs, "person": _person, "weather": _weather,
}  # fmt: skip
