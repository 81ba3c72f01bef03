"""Masks: the tokens of an example in colours that say which of them the loss counts."""

import html
from collections.abc import Iterable

from IPython.display import HTML

from helpers.model import chat
from helpers.ui import figures


def colored_tokens(tokenizer, ids: list[int], labels: list[int], heading: str = "") -> HTML:
    """One example's tokens as the loss sees them, below a heading in HTML: see `colored`.

    ids, labels: of equal length; a label of -100 is not counted, nor is the first token, which nothing comes before.
    """
    texts = [tokenizer.decode([token]) for token in ids]
    return colored(texts, [n > 0 and label != chat.IGNORED for n, label in enumerate(labels)], heading)


def colored(texts: Iterable[str], counted: Iterable[bool], heading: str = "") -> HTML:
    """Texts of tokens, in order: white on blue where the loss counts the token, grey where it does not.

    heading: HTML that stands above them. Line ends are drawn as ⏎.
    """
    is_counted = f"background:{figures.COLORS['train']}; color:white; border-radius:3px; padding:1px 2px; margin:1px"
    left_out = f"color:{figures.COLORS['before']}; padding:1px 2px; margin:1px; border-bottom:1px dotted"
    spans = []
    for text, in_loss in zip(texts, counted, strict=True):
        text = html.escape(text).replace("\n", "⏎")
        spans.append(f"<span style='{is_counted if in_loss else left_out}'>{text}</span>")
        if "⏎" in text:
            spans.append("<br>")
    look = "font-family:monospace; line-height:1.7; white-space:pre-wrap; overflow-wrap:anywhere"
    return HTML(f"{heading}<div style='{look}'>{''.join(spans)}</div>")
