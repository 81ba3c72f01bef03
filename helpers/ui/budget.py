"""The label budget: a widget that spends labels on kinds of sentences, trains on them and shows what they bought."""

import html
from collections.abc import Callable, Sequence

import ipywidgets as w
import pandas as pd

from helpers.language import _

OVER = "That is {} labels of {}: take {} away first."
ROUND = "round {}"
SHORT_TEXTS = ("your guess (%)", "mean (%)")
GUESS = "Write a guess between 0 and 100 first; then press Train."


class LabelBudget:
    """`LabelBudget(kinds, budget, train).box` is the widget; `rounds` has a row for each round played.

    kinds: names of what labels can be spent on. budget: labels for one round. train: a function from {kind: labels} to
    {what was scored: percent}, called at each press of the button; it takes seconds.
    """

    def __init__(self, kinds: Sequence[str], budget: int, train: Callable[[dict[str, int]], dict[str, float]]):
        self.budget, self.train = budget, train
        wide = dict(style={"description_width": "12em"}, layout=w.Layout(width="32em"), continuous_update=False)
        self.labels = {kind: w.IntSlider(0, min=0, max=budget, step=10, description=_(kind), **wide) for kind in kinds}
        self.guess = w.FloatText(value=None, description=_("guess of the mean (%)"), **wide)
        self.button = w.Button(description=_("Train"), button_style="primary")
        self.status, self.shown = w.HTML(), w.HTML()
        self.rounds = pd.DataFrame()
        for slider in self.labels.values():
            slider.observe(lambda _: self._count(), names="value")
        self.button.on_click(lambda _: self.play())
        self._count()
        self.box = w.VBox([*self.labels.values(), self.guess, w.HBox([self.button, self.status]), self.shown])

    def play(self) -> None:
        """Train on what the sliders say, and add the round to the table."""
        bought = {kind: slider.value for kind, slider in self.labels.items()}
        if not self._count():
            return
        if self.guess.value is None or not 0 < self.guess.value <= 100:
            self.status.value = _(GUESS)
            return
        self.button.disabled, self.status.value = True, _("Training …")
        try:
            scores = self.train(bought)
            mean = sum(scores.values()) / len(scores)
            row = {**bought, **{f"{name} (%)": score for name, score in scores.items()}}
            row |= {"your guess (%)": self.guess.value, "mean (%)": mean}
            self.rounds = pd.concat([self.rounds, pd.DataFrame([row])], ignore_index=True)
            self.rounds.index = [_(ROUND).format(number) for number in range(1, len(self.rounds) + 1)]
            shown = self.rounds.rename(columns=_)
            self.shown.value = shown.to_html(border=0, float_format="{:.0f}".format)
            self.status.value = _(f"Mean of all kinds: {mean:.0f}%, and you guessed {self.guess.value:g}%.")
        except Exception as error:  # a callback's error would vanish in the server's log
            self.status.value = _(f"The round failed: {html.escape(' '.join(str(error).split())[:200])}")
        finally:
            self.button.disabled = False

    def _count(self) -> bool:
        """Say how many labels are spent; whether that is within the budget."""
        spent = sum(slider.value for slider in self.labels.values())
        over = spent - self.budget
        self.status.value = (
            _(OVER).format(spent, self.budget, over) if over > 0 else _(f"{spent} of {self.budget} labels spent.")
        )
        return over <= 0
