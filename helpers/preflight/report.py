"""The report page: one HTML file without scripts, for readers who will never open the notebook."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from helpers import cache
from helpers.language import _, language
from helpers.ui import figures

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: 1em 0 } th, td { text-align: left; padding: .3em .8em; vertical-align: top }
th { border-bottom: 2px solid #888 } tr + tr td, tr + tr th { border-top: 1px solid #ddd }
td { overflow-wrap: anywhere } img { max-width: 100% }
pre { background: #f4f4f4; padding: .8em; white-space: pre-wrap; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { background: #1c1c1c; color: #e8e8e8 } pre { background: #2a2a2a }
  img { background: white } }
@media print { h2 { break-after: avoid } table, img, pre { break-inside: avoid } }
"""


@dataclass(frozen=True)
class Picture:
    figure: plt.Figure
    alt: str  # a sentence for readers who do not see it


@dataclass(frozen=True)
class Code:
    text: str


Part = str | pd.DataFrame | Picture | Code


def page(title: str, sections: dict[str, Sequence[Part]]) -> str:
    """The HTML of a page, in the notebook's language: a heading for each section, and under it its parts in order.

    A string is a paragraph, a table is shown with its index as it is; every text is escaped, so that none of the
    reader's data is taken for markup. A picture's figure is closed.
    """
    body = [f"<h1>{html.escape(_(title))}</h1>"]
    for heading, parts in sections.items():
        body += [f"<h2>{html.escape(_(heading))}</h2>", *map(_rendered, parts)]
    head = f'<meta charset="utf-8"><title>{html.escape(_(title))}</title><style>{STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    opening = f'<!DOCTYPE html>\n<html lang="{language()}"><head>{head}{viewport}</head><body>'
    return "\n".join([opening, *body, "</body></html>", ""])


def write(path: Path, title: str, sections: dict[str, Sequence[Part]]) -> Path:
    """Write the page into `path`; CourseError for a disk that is full or a folder that may not be written."""
    text = page(title, sections)  # an error in drawing it is none of the disk
    with cache.writing(path, "free some space, or set output_dir to another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def _rendered(part: Part) -> str:
    if isinstance(part, pd.DataFrame):
        return part.to_html(border=0)
    if isinstance(part, Picture):
        picture = base64.b64encode(figures.png(part.figure)).decode("ascii")
        return f'<img alt="{html.escape(_(part.alt), quote=True)}" src="data:image/png;base64,{picture}">'
    if isinstance(part, Code):
        return f"<pre>{html.escape(part.text)}</pre>"
    return f"<p>{html.escape(_(part))}</p>"
