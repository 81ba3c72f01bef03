"""Predictions: a question that the reader answers before the cell that answers it, and sees again beside the result.

An answer is kept beside the notebook (helpers.answers), so it is there again when the notebook is opened again.
"""

import html
from collections.abc import Sequence

import ipywidgets as w

from helpers import answers
from helpers.language import _

# What a reader sees, in English; _() translates it.
PREDICT = "Predict."
NUMBER = "a number"
NO_NUMBER = "Write a number, such as 12.5."
NOTED = "Noted: {}. The result comes below."
BESIDE = "You said {}; it is {}."
ALONE = "It is {}. You made no prediction."
RIGHT = "You said {}, and so it is."
SINGULAR = {"families": "family", "s": "s"}  # of units that do not just lose an s


class Prediction(w.VBox):
    """The question, what is to be chosen or written, and a line that says what was noted.

    `answer` is None until there is one, then an option's text or a number.
    """

    def __init__(self, question: str, control: w.Widget, unit: str = ""):
        self.answer: str | float | None = None
        self.question, self.unit, self.control, self.noted = question, unit, control, w.HTML()
        super().__init__([w.HTML(f"<b>{_(PREDICT)}</b> {html.escape(_(question))}"), control, self.noted])

    def note(self, answer: str | float | None, otherwise: str = "") -> None:
        """Keep the answer and say so; `otherwise` is said when there is none."""
        self.answer = answer
        if answer is not None:
            answers.keep("predictions", self.question, answer)
        text = otherwise if answer is None else _(NOTED).format(self._with_unit(answer))
        self.noted.value = html.escape(text)

    def reveal(self, truth: str | float) -> None:
        """Print the prediction beside `truth`, a number or the text of the right option. Without one, the truth alone.

        A number within a tenth of the truth counts as right.
        """
        shown = self._with_unit(truth)
        if self.answer is None:
            print(_(ALONE).format(shown))
        elif self.answer == truth or (not isinstance(truth, str) and abs(self.answer - truth) <= abs(truth) / 10):
            print(_(RIGHT).format(self._with_unit(self.answer)))
        else:
            print(_(BESIDE).format(self._with_unit(self.answer), shown))

    def _with_unit(self, answer: str | float) -> str:
        if isinstance(answer, str):
            return _(answer)
        space, unit = "" if self.unit in ("", "%") else " ", _(self.unit, "unit")
        if answer == 1 and unit == self.unit:  # in English
            unit = SINGULAR.get(unit, unit.removesuffix("s"))
        return f"{answer:,g}{space}{unit}"


def choose(question: str, options: Sequence[str]) -> Prediction:
    """A prediction that is one of `options`."""
    shown = [(_(option), option) for option in options]
    radio = w.RadioButtons(options=shown, index=None, layout=w.Layout(width="auto"))
    prediction = Prediction(question, radio)
    radio.observe(lambda change: prediction.note(change["new"]), names="value")
    if (before := answers.kept("predictions").get(question)) in options:
        radio.value = before
    return prediction


def estimate(question: str, unit: str = "") -> Prediction:
    """A prediction that is a number, in `unit`."""
    field = w.Text(placeholder=_(NUMBER), continuous_update=False, layout=w.Layout(width="12em"))
    field.tooltip = _(question)  # what a screen reader says
    prediction = Prediction(question, field, unit)

    def read(change) -> None:
        text = change["new"].strip().rstrip("%").replace(",", "")
        try:
            prediction.note(float(text))
        except ValueError:
            prediction.note(None, otherwise=_(NO_NUMBER) if text else "")

    field.observe(read, names="value")
    if isinstance(before := answers.kept("predictions").get(question), int | float):
        field.value = f"{before:g}"
    return prediction
