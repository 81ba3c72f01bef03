"""Figures say what they show: a finding as title, a label with unit on every axis, names beside the curves."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from PIL import Image

from helpers.training import run_log
from helpers.ui import figures

RUN = run_log.recorded("05_full")


@pytest.fixture
def log():
    return run_log.table(RUN["log"])


def words(fig: plt.Figure) -> set[str]:
    return {text.get_text() for text in fig.findobj(plt.Text)}


def test_training_labels_every_axis_and_names_both_curves(log):
    fig = figures.training(log, "It falls", total_steps=80)
    assert {"It falls", "training", "validation", "step", "loss (nats per token)"} <= words(fig)
    assert all(ax.get_ylabel() for ax in fig.axes)
    assert fig.axes[0].get_xlim() == (0, 80)
    drawn = fig.axes[0].lines[1].get_xydata()
    assert drawn[-1, 1] == log["eval_loss"].dropna().iloc[-1]
    plt.close(fig)


def test_training_can_be_drawn_before_anything_is_logged(log):
    for early in (log.head(0), log.head(1)):
        plt.close(figures.training(early, "Starting", total_steps=80))


def test_scores_show_each_value_with_its_interval():
    table = pd.DataFrame(RUN["validation"]).T[["value", "low", "high"]]
    fig = figures.scores({"test": {"before": table * 0, "after": table}, "natural": {"after": table}}, "Better")
    assert {"Better", "before", "after", "test", "natural", *table.index} <= words(fig)
    assert [ax.get_xlabel() for ax in fig.axes] == ["percent"] * 2
    plt.close(fig)


def test_colours_of_the_course_differ_in_grey():
    grey = sorted(Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0)) for color in figures.COLORS.values())
    pairs = [("train", "validation"), ("before", "after")]
    shade = {k: Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)) for k, c in figures.COLORS.items()}
    assert len(set(grey)) == len(figures.COLORS)
    assert all(abs(shade[a] - shade[b]) > 15 for a, b in pairs), shade
