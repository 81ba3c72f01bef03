"""The loss mask in colours: each token once, in its order, and none of the text taken for markup."""

import pytest

from helpers.model import chat, load_tokenizer
from helpers.ui import masks


def test_colours_tell_counted_tokens_from_the_others():
    tokenizer = load_tokenizer("nano")
    ids = tokenizer("a <b>\nc")["input_ids"]
    html = masks.colored_tokens(tokenizer, ids, [chat.IGNORED] + ids[1:], "<i>above</i>").data
    spans = html.split("<span style='")[1:]
    assert len(spans) == len(ids) and html.startswith("<i>above</i>")
    assert "color:white" not in spans[0] and all("color:white" in span for span in spans[1:])
    assert "<b>" not in html and "&lt;" in html and "⏎" in html
    with pytest.raises(ValueError):
        masks.colored_tokens(tokenizer, ids, ids[1:])
