"""Figures say what they show: a finding as title, a label with unit on every axis, names beside the curves."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from helpers import curves, plots

RUN = curves.recorded("05_full")


@pytest.fixture
def log():
    return curves.table(RUN["log"])


def words(fig: plt.Figure) -> set[str]:
    return {text.get_text() for text in fig.findobj(plt.Text)}


def test_training_labels_every_axis_and_names_both_curves(log):
    fig = plots.training(log, "It falls", total_steps=80)
    assert {"It falls", "training", "validation", "step", "loss (nats per token)"} <= words(fig)
    assert all(ax.get_ylabel() for ax in fig.axes)
    assert fig.axes[0].get_xlim() == (0, 80)
    drawn = fig.axes[0].lines[1].get_xydata()
    assert drawn[-1, 1] == log["eval_loss"].dropna().iloc[-1]
    plt.close(fig)


def test_training_can_be_drawn_before_anything_is_logged(log):
    for early in (log.head(0), log.head(1)):
        plt.close(plots.training(early, "Starting", total_steps=80))


def test_scores_show_each_value_with_its_interval():
    table = pd.DataFrame(RUN["test"]).T[["value", "low", "high"]]
    fig = plots.scores({"test": {"before": table * 0, "after": table}, "natural": {"after": table}}, "Better")
    assert {"Better", "before", "after", "test", "natural", *table.index} <= words(fig)
    assert [ax.get_xlabel() for ax in fig.axes] == ["percent of commands"] * 2
    plt.close(fig)
