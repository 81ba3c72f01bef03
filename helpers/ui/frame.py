"""The frame of the widgets that redraw: choices above, a picture and a text below, both drawn anew at each change."""

import html
from collections.abc import Callable

import ipywidgets as w
import pandas as pd
from matplotlib.figure import Figure

from helpers.errors import CourseError
from helpers.language import _
from helpers.ui import figures

LAYOUT = dict(style={"description_width": "9em"}, layout=w.Layout(width="27em"))


def frame(draw: Callable[..., tuple[Figure | None, str]], choices: dict[str, w.Widget]) -> w.VBox:
    """A widget that calls `draw` with the value of each choice, by name, now and whenever one changes.

    draw: returns a figure, or None for no picture, and HTML. A CourseError that it raises is shown as its sentence.
    Children: the choices, picture (PNG), result (HTML).
    """
    picture, result = w.Image(format="png"), w.HTML()

    def redraw(change=None) -> None:
        try:
            fig, text = draw(**{name: choice.value for name, choice in choices.items()})
        except CourseError as error:
            fig, text = None, f"<p>{html.escape(str(error))}</p>"
        result.value = text
        if fig is not None:
            picture.value = figures.png(fig)
        picture.layout.display = "none" if fig is None else None

    for choice in choices.values():
        choice.description = _(choice.description)
        if isinstance(choice, w.Dropdown):
            _translate_options(choice)
        choice.observe(redraw, names="value")
    redraw()
    grid = w.GridBox(list(choices.values()), layout=w.Layout(grid_template_columns="28em 28em"))
    return w.VBox([grid, picture, result])


def _translate_options(choice: w.Dropdown) -> None:
    """Show the options in the language of the notebook; the value stays what the code knows."""
    if not all(isinstance(option, str) for option in choice.options):
        return  # they have names of their own
    shown, chosen = [(_(option), option) for option in choice.options], choice.value
    if any(name != option for name, option in shown):
        choice.options, choice.value = shown, chosen


def log_slider(name: str, value: float, low: int, high: int) -> w.FloatLogSlider:
    """A choice between 10**low and 10**high, on a logarithmic scale."""
    return w.FloatLogSlider(value, min=low, max=high, readout_format=".3g", description=name, **LAYOUT)


def table(facts: dict) -> str:
    """HTML of facts by name, numbers as short as they read."""
    shown = {_(name): fact if isinstance(fact, str) else f"{fact:g}" for name, fact in facts.items()}
    return pd.Series(shown).to_frame("").to_html(header=False, border=0)
