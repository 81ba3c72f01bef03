"""Projector mode: figures, tables, code and widgets that the back row can read, in light and in dark."""

import os

VARIABLE = "SFT_COURSE_PROJECTOR"
# A figure is drawn with more dots, so that all in it grows alike, and its lines are thicker.
FIGURES = {"figure.dpi": 160, "lines.linewidth": 2.4, "axes.linewidth": 1.2, "axes.titlesize": 12}
# JupyterLab's own variables, so that both of its themes keep their colours. Only notebooks grow, not the menus.
STYLE = """<style>
.jp-Notebook {
  --jp-content-font-size1: 23px; --jp-code-font-size: 20px; --jp-ui-font-size1: 20px;
  --jp-widgets-font-size: 20px; --jp-widgets-inline-height: 38px; --jp-widgets-inline-label-width: 9em;
  --jp-cell-prompt-width: 80px;
}
.jp-Notebook .jupyter-widgets, .jp-Notebook .jp-RenderedHTMLCommon table { font-size: 20px; }
.jp-Notebook .jupyter-button { width: auto; min-width: 148px; }
.jp-Notebook .widget-radio-box label { height: auto; line-height: 1.4; }
.jp-Notebook .widget-radio-box input { width: 18px; height: 18px; margin: 5px 8px 5px 0; vertical-align: middle; }
</style>"""


def in_environment() -> bool:
    """Whether the environment asks for it: SFT_COURSE_PROJECTOR is set, and not to 0."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def enlarge() -> None:
    """From now on this kernel draws larger figures, and the page on which this is shown has larger text.

    It lasts until the kernel is restarted and the notebook's outputs are cleared.
    """
    import matplotlib
    from IPython import get_ipython
    from IPython.display import HTML, display

    matplotlib.rcParams.update(FIGURES)
    if get_ipython() is not None:
        display(HTML(STYLE))
