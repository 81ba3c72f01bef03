"""What stands in a widget's place on a page without a kernel: on GitHub, on a slide, in a notebook just opened.

A widget lives as long as its kernel. So beside each one that is displayed goes a still: its texts, choices and
pictures as plain HTML, as they are at that moment. JupyterLab shows the widget while it can, everything else the still.
"""

import base64
import html
import io

import ipywidgets as w
from IPython import get_ipython
from PIL import Image

from helpers.language import _

VIEW = "application/vnd.jupyter.widget-view+json"
# Tests that compare stored outputs leave stills out, as pictures and what a model answers differ between machines.
START, END = '<div class="sft-still">', "<!-- end of the still --></div>"
# What a reader may see; kept together for a translation.
NOTE = "A still picture: run the cell to use it."
DRAWN = "What the widget had drawn."
WIDTH = 560  # pixels of a picture at most, so that a notebook full of widgets stays small


def install() -> None:
    """From now on each widget that this kernel displays comes with its still; without a kernel, nothing happens."""
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(w.Widget, bundle)


def bundle(widget: w.Widget, include=None, exclude=None) -> dict | None:
    """The widget's own representations by MIME type, and its still as text/html; None for a widget without a view."""
    data = widget._repr_mimebundle_()
    return None if data is None else {**data, "text/html": still(widget)}


def still(widget: w.Widget) -> str:
    """HTML of the widget as it is now, with a sentence that says what it is."""
    return f"{START}{_drawn(widget)}<p><small><i>{_(NOTE)}</i></small></p>{END}"


def without_views(data: dict) -> dict:
    """An output's data for a page without a kernel: where there is a still, without the view that would replace it."""
    return {mime: content for mime, content in data.items() if mime != VIEW or "text/html" not in data}


def _drawn(widget: w.Widget) -> str:
    if widget.layout.display == "none" or isinstance(widget, w.IntProgress):
        return ""
    if isinstance(widget, w.Box):
        parts = [_drawn(child) for child in widget.children]
        between = " " if isinstance(widget, w.HBox | w.GridBox) else "\n"
        return f"<div>{between.join(part for part in parts if part)}</div>"
    if isinstance(widget, w.Image):
        return _picture(bytes(widget.value))
    if isinstance(widget, w.HTML):
        return f"<div>{widget.value}</div>" if widget.value else ""
    if isinstance(widget, w.Button | w.FileUpload):
        return f"[{html.escape(widget.description)}]"
    if isinstance(widget, w.RadioButtons):
        labels = [option[0] if isinstance(option, tuple) else option for option in widget.options]
        return "<br>".join(f"{_mark(i == widget.index)} {html.escape(label)}" for i, label in enumerate(labels))
    return f"<span>{_control(widget)} &nbsp; </span>"


def _mark(chosen: bool) -> str:
    return "●" if chosen else "○"


def _control(widget: w.Widget) -> str:
    """Name and value of a slider, a list, a box to tick or to write in."""
    value = getattr(widget, "value", "")
    if isinstance(widget, w.Checkbox):
        shown = "☑" if value else "☐"
    elif isinstance(widget, w.SelectMultiple):
        shown = html.escape(", ".join(value))
    elif isinstance(widget, w.Dropdown):
        shown = html.escape(str(widget.label))
    elif isinstance(value, float):
        shown = f"{value:g}"
    else:
        shown = html.escape(str(value) or getattr(widget, "placeholder", "")).replace("\n", "<br>")
    name = html.escape(widget.description)
    return f"{name}: <b>{shown}</b>" if name else f"<b>{shown}</b>"


def _picture(png: bytes) -> str:
    """The picture inside the HTML, no wider than WIDTH; nothing for an empty one."""
    if not png:
        return ""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    image.save(small, "WEBP", quality=25, method=6)  # half of a PNG's bytes, and curves stay clear
    data = base64.b64encode(small.getvalue()).decode()
    return f'<div><img alt="{_(DRAWN)}" src="data:image/webp;base64,{data}"></div>'
