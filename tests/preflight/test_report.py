"""The report page needs nothing beside it and takes nothing of the data for markup."""

import html.parser

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from helpers import language
from helpers.errors import CourseError
from helpers.preflight import report


class Elements(html.parser.HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.alts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        self.links += [value for key, value in named.items() if key in ("src", "href")]
        self.alts += [named["alt"]] if "alt" in named else []


@pytest.fixture
def text():
    fig, ax = plt.subplots()
    ax.plot([3, 2, 1])
    answers = pd.DataFrame({"answer": ["<script>alert(1)</script>", "臺灣"]})
    sections = {
        "Data & rows": ["<b>800</b> rows.", answers],
        "Curve": [report.Picture(fig, 'A "falling" line.')],
        "Use": [report.Code("trl chat < model")],
    }
    return report.page("A report", sections)


def test_no_text_becomes_markup(text):
    tags = Elements(text).tags
    assert "script" not in tags and "b" not in tags
    assert "&lt;script&gt;" in text and "臺灣" in text and "trl chat &lt; model" in text


def test_nothing_is_fetched(text):
    elements = Elements(text)
    assert elements.links and all(link.startswith("data:image/png;base64,") for link in elements.links)
    assert "@import" not in text and "url(" not in text and "link" not in elements.tags


def test_pictures_have_their_sentence_and_sections_their_order(text):
    assert Elements(text).alts == ['A "falling" line.']
    assert text.index("Data &amp; rows") < text.index("Curve") < text.index("Use")


def test_write_makes_the_folder_and_says_what_is_wrong(tmp_path):
    path = report.write(tmp_path / "new" / "report.html", "A report", {"One": ["text"]})
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CourseError, match="output_dir"):
        report.write(tmp_path / "file" / "report.html", "A report", {})


def test_a_page_of_the_chinese_notebook_is_chinese(monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "zh-TW")
    limit = "Nobody has tested what the model does with questions of another kind."
    text = report.page("Fine-tuning on my.csv", {"Limits": [limit, "Log and answers are mine."]})
    assert '<html lang="zh-TW">' in text and "my.csv" in text and "Log and answers are mine." in text
    assert limit not in text and "Limits" not in text and "Fine-tuning" not in text
