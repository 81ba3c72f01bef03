"""Widgets: a run's live picture, models compared on a command of the reader's, playgrounds for masks and packing."""

import contextlib
import html
import io
import time
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import ipywidgets as w
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from PIL import Image
from tqdm.auto import tqdm
from transformers import PrinterCallback, ProgressCallback
from transformers.utils.notebook import NotebookProgressCallback
from trl.trainer import sft_trainer

from helpers import advice, chat, commands, curves, packing, plots, scoring, validation


class LivePicture(curves.Clock):
    """A trainer callback that draws loss, learning rate, gradient norm and speed while the run goes on.

    Redraws when the trainer logs or evaluates, at most every two seconds. It replaces the trainer's own printing:
    hand the trainer to `instead_of_printing`.
    """

    def __init__(self):
        super().__init__()
        self.bar = w.IntProgress(layout=w.Layout(width="320px"))
        self.status = w.HTML()
        self.image = w.Image(format="png")
        self.box = w.VBox([w.HBox([self.bar, self.status]), self.image])
        self.drawn = 0.0

    def instead_of_printing(self, trainer) -> None:
        """Adds the picture to `trainer` and takes out its own progress bar and printed log lines."""
        stop_printing(trainer)
        trainer.add_callback(self)

    def on_train_begin(self, args, state, control, **kwargs):
        super().on_train_begin(args, state, control, **kwargs)
        self.bar.max = state.max_steps
        display(self.box)

    def on_step_end(self, args, state, control, **kwargs):
        super().on_step_end(args, state, control, **kwargs)
        self._report(state)

    def on_log(self, args, state, control, logs=None, **kwargs):
        super().on_log(args, state, control, logs=logs, **kwargs)
        if time.monotonic() - self.drawn > 2:
            self._draw(state)

    def on_evaluate(self, args, state, control, **kwargs):
        self._draw(state)

    def on_train_end(self, args, state, control, **kwargs):
        self._draw(state)
        self._report(state)

    def _report(self, state) -> None:
        self.bar.value = state.global_step
        left = self.seconds_left(state)
        self.status.value = f"step {state.global_step} of {state.max_steps} · " + (
            f"{left // 60:.0f} min {left % 60:02.0f} s left" if left else "done" if left == 0 else "starting"
        )

    def _draw(self, state) -> None:
        log = curves.table(state.log_history)
        if len(log):
            fig = plots.training(log, f"Step {state.global_step} of {state.max_steps}", state.max_steps)
            self.image.value = png(fig)
            self.drawn = time.monotonic()


def progress(items: Collection) -> tqdm:
    """The items, with a bar that is gone when they are done."""
    return tqdm(items, leave=False, **scoring.bar_only_if(True))


def stop_printing(trainer) -> None:
    """Takes out the trainer's own progress bar and printed log lines."""
    for callback in (PrinterCallback, ProgressCallback, NotebookProgressCallback):
        trainer.remove_callback(callback)


def png(fig: plt.Figure) -> bytes:
    """The figure as a PNG of 64 colours, small enough to be stored; closes it, so that it is not shown twice."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png")
    plt.close(fig)
    Image.open(drawn).convert("RGB").quantize(64).save(small, "PNG")
    return small.getvalue()


def answerer(model, tokenizer, prompt: Callable = commands.prompt, explain: bool = False) -> Callable:
    """A function from a command to the model's answer; with `explain`, to the answer and its token probabilities."""

    def answer(command: str):
        messages = [prompt(command)]
        text = scoring.generate(model, tokenizer, messages)[0]
        return (text, scoring.token_probabilities(model, tokenizer, messages, [text])[0]) if explain else text

    return answer


def compare_box(models: dict[str, Callable]) -> w.VBox:
    """A text box and a button; a click fills a table with each model's answer to the command typed.

    models: {name: what `answerer` gives}. Children: the text and the button, and the result (HTML).
    """
    text = w.Text(placeholder="Type a command, such as: it's too dark in the office", layout=w.Layout(width="70%"))
    button = w.Button(description="Compare", button_style="primary")
    result = w.HTML()

    def compare(_):
        command = text.value.strip()
        if not command:
            result.value = "Type a command first."
            return
        button.disabled, result.value = True, "Thinking…"
        try:
            result.value = answers_table(command, {name: answer(command) for name, answer in models.items()})
        except Exception as error:  # a callback's error would vanish in the server's log
            result.value = f"No answer: {html.escape(str(error))}"
        finally:
            button.disabled = False

    button.on_click(compare)
    return w.VBox([w.HBox([text, button]), result])


def answers_table(command: str, answers: dict) -> str:
    """HTML: one row for each model with its answer and whether that is a valid call.

    answers: {name: answer}, or {name: (answer, token probabilities)}, which adds the probability of the whole answer
    and marks each token that was under 90% probable.
    """
    left, rows = "style='text-align:left; padding-right:1em'", []
    for name, given in answers.items():
        answer, tokens = given if isinstance(given, tuple) else (given, None)
        reason = "not JSON" if (call := scoring.parse(answer)) is None else commands.problem(call)
        color = plots.COLORS["validation" if reason else "after"]
        sure = "" if tokens is None else f"<td {left}>{tokens['probability'].prod():.0%}</td>"
        rows.append(
            f"<tr><th {left}>{html.escape(name)}</th>"
            f"<td {left}><code>{html.escape(answer) if tokens is None else _marked(tokens)}</code></td>{sure}"
            f"<td {left[:-1]}; color:{color}'>{html.escape(reason or 'valid call')}</td></tr>"
        )
    return f"<p>“{html.escape(command)}”</p><table>{''.join(rows)}</table>"


def _marked(tokens) -> str:
    """The tokens as HTML; one that the model was unsure of is underlined, with its probability."""
    spans = []
    for token, p in zip(tokens["token"], tokens["probability"], strict=True):
        mark = f"<u title='{p:.0%}'><b>{html.escape(token)}</b></u><sub>{p:.0%}</sub>"
        spans.append(html.escape(token) if p >= 0.9 else mark)
    return "".join(spans)


def advisor() -> w.VBox:
    """A choice for each question about a project, and what `advice.recommend` says to it. Children: choices, result."""
    wide, style = w.Layout(width="24em"), {"description_width": "10em"}
    choices = {
        name: w.Dropdown(options=q["options"], value=q["here"], description=q["label"], layout=wide, style=style)
        for name, q in advice.table()["questions"].items()
    }
    result = w.HTML()

    def show(_=None):
        ranked = advice.recommend(**{name: choice.value for name, choice in choices.items()})
        first = ranked[ranked["points"] > 0].reset_index().rename(columns=lambda name: name.replace("_", " "))
        shown = first[["points", "method", "because", "measure first"]]
        result.value = shown.to_html(index=False, border=0, justify="left")

    for choice in choices.values():
        choice.observe(show, names="value")
    show()
    return w.VBox([w.GridBox(list(choices.values()), layout=w.Layout(grid_template_columns="26em 26em")), result])


def mask_playground(masked: Callable, modes: Sequence[str], tokenizer, messages: list[dict]) -> w.VBox:
    """Pick a family of templates, a mode and the messages; see the tokens, and which of them the loss counts.

    masked: a function from (messages, mode, tokenizer) to token ids and labels. Children: choices, text, result.
    """
    wide = w.Layout(width="30em")
    family = w.Dropdown(options=list(chat.FAMILIES), description="template", layout=wide)
    mode = w.Dropdown(options=list(modes), description="loss", layout=wide)
    lines = "\n".join(f"{m['role']}: {m['content']}" for m in messages)
    text = w.Textarea(value=lines, continuous_update=False, rows=6, layout=w.Layout(width="61em"))
    result = w.HTML()
    tokenizer_of = lru_cache(lambda name: chat.tokenizer_for(name, tokenizer))

    def show(_=None):
        said = [line.partition(":") for line in text.value.splitlines() if line.strip()]
        printed = io.StringIO()
        try:
            given = [{"role": role.strip(), "content": content.strip()} for role, _, content in said]
            validation.dialogue({"messages": given})
            dressed = tokenizer_of(family.value)
            sft_trainer.logger.warning_once.cache_clear()  # or a warning would show for the first choice alone
            with contextlib.redirect_stdout(printed):  # TRL's warnings
                ids, labels = masked(given, mode.value, dressed)
            counted = [i for i, label in zip(ids, labels, strict=True) if label != chat.IGNORED]
            ends = "yes" if dressed.eos_token_id in counted else "<b>no: the model would not learn to stop</b>"
            result.value = (
                f"<p>{len(ids)} tokens, {len(counted)} in the loss ({len(counted) / len(ids):.0%}); "
                f"{html.escape(dressed.eos_token)} in the loss: {ends}</p>{chat.colored(dressed, ids, labels)}"
                f"<p>{html.escape(printed.getvalue())}</p>"
            )
        except Exception as error:  # a callback's error would vanish in the server's log
            result.value = f"Not yet a dialogue to train on: {html.escape(str(error))}."

    for choice in (family, mode, text):
        choice.observe(show, names="value")
    show()
    return w.VBox([w.HBox([family, mode]), text, result])


def packing_explorer(lengths: Sequence[int]) -> w.VBox:
    """Pick a strategy, a max_length and a batch; see the packed rows and what they make of an epoch.

    lengths: tokens of each document. Children: choices, picture (PNG), result (HTML).
    """
    strategy = w.Dropdown(options=list(packing.STRATEGIES), description="strategy")
    longest = w.IntSlider(value=256, min=32, max=1024, step=32, description="max_length", continuous_update=False)
    batch = w.IntSlider(value=4, min=1, max=32, description="batch")
    picture, result = w.Image(format="png"), w.HTML()

    def show(_=None):
        pieces = packing.place(lengths, strategy.value, longest.value)
        facts = packing.summary(pieces, lengths, longest.value)
        ax = plots.packed(pieces, longest.value, packing.STRATEGIES[strategy.value])
        ax.figure.legend(loc="outside lower center", ncols=2, frameon=False)
        picture.value = png(ax.figure)
        unpacked, packed = (-(-n // batch.value) for n in (len(lengths), facts["rows"]))
        facts |= {"updates an epoch, unpacked": unpacked, "updates an epoch, packed": packed}
        facts["epochs in 1,000 updates"] = f"{1000 / unpacked:.1f} unpacked, {1000 / packed:.1f} packed"
        result.value = pd.Series(facts).to_frame("").to_html(header=False, border=0)

    for choice in (strategy, longest, batch):
        choice.observe(show, names="value")
    show()
    return w.VBox([w.HBox([strategy, longest, batch]), picture, result])
