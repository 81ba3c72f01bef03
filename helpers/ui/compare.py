"""Models compared: a box for a command of the reader's, and what each model answers to it."""

import html
from collections.abc import Callable

import ipywidgets as w

from helpers.dataset import calls
from helpers.language import _
from helpers.ui import figures


def compare_box(models: dict[str, Callable], as_calls: bool = True) -> w.VBox:
    """A text box and a button; a click fills a table with each model's answer to the command typed.

    models: {name: what generate.answerer(...) gives}. as_calls: say of each answer whether it is a valid call.
    Children: the text and the button, and the result (HTML).
    """

    def compare(command: str) -> str:
        return answers_table(command, {name: answer(command) for name, answer in models.items()}, as_calls)

    example = _("Type a command, such as: it's too dark in the office") if as_calls else _("Type a question")
    return asking_box(compare, example, _("Compare"))


def asking_box(respond: Callable[[str], str], placeholder: str, label: str) -> w.VBox:
    """A text box, a button with the label, and below them the HTML that `respond` makes of what was typed."""
    text = w.Text(placeholder=placeholder, layout=w.Layout(width="70%"))
    button = w.Button(description=label, button_style="primary")
    result = w.HTML()

    def click(button):
        typed = text.value.strip()
        if not typed:
            result.value = _("Type something first.")
            return
        button.disabled, result.value = True, _("Thinking…")
        try:
            result.value = respond(typed)
        except Exception as error:  # a callback's error would vanish in the server's log
            result.value = _("No answer: {}").format(html.escape(str(error)))
        finally:
            button.disabled = False

    button.on_click(click)
    return w.VBox([w.HBox([text, button]), result])


def answers_table(command: str, answers: dict, as_calls: bool = True) -> str:
    """HTML: one row for each model with its answer and, with `as_calls`, whether that is a valid call.

    answers: {name: answer}, or {name: (answer, token probabilities)}, which adds the probability of the whole answer
    and marks each token that was under 90% probable.
    """
    left, rows = "style='text-align:left; padding-right:1em'", []
    for name, entry in answers.items():
        answer, tokens = entry if isinstance(entry, tuple) else (entry, None)
        call = calls.parse(answer)
        reason = _("not JSON") if call is None else calls.problem(call)
        color = figures.COLORS["validation" if reason else "after"]
        shown, probability = html.escape(answer), ""
        if tokens is not None:
            shown, probability = _marked(tokens), f"<td {left}>{tokens['probability'].prod():.0%}</td>"
        verdict = f"<td {left[:-1]}; color:{color}'>{html.escape(_(reason or 'valid call'))}</td>" if as_calls else ""
        row = f"<th {left}>{html.escape(name)}</th><td {left}><code>{shown}</code></td>{probability}{verdict}"
        rows.append(f"<tr>{row}</tr>")
    return f"<p>“{html.escape(command)}”</p><table>{''.join(rows)}</table>"


def _marked(tokens) -> str:
    """The tokens as HTML; one that the model was unsure of is underlined, with its probability."""
    spans = []
    for token, p in zip(tokens["token"], tokens["probability"], strict=True):
        mark = f"<u title='{p:.0%}'><b>{html.escape(token)}</b></u><sub>{p:.0%}</sub>"
        spans.append(html.escape(token) if p >= 0.9 else mark)
    return "".join(spans)
