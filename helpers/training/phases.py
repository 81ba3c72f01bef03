"""Phases of a run: how far the sharp drop goes, where the schedule ends, and whether the losses still moved late."""

import math

import numpy as np
import pandas as pd

LITTLE = 0.1  # of the peak learning rate: below it the schedule lets little happen
FEWEST = 5  # points of a loss, below which its noise is not known


def drop_ends(log: pd.DataFrame) -> float:
    """The update up to which the mean of neighbouring lines of training loss falls by more than the noise of one line.

    log: as `run_log.table` gives it.
    """
    train = log.dropna(subset=["loss"])
    smooth = _smooth(train["loss"])
    falls = -np.diff(smooth)
    small = np.flatnonzero(falls < noise(train["loss"]))
    return float(train["step"].iloc[small[0] if len(small) else -1])


def schedule_ends(log: pd.DataFrame) -> float:
    """The first update after the peak whose learning rate is below a tenth of it; NaN if there is none."""
    if "learning_rate" not in log:
        return math.nan
    rates = log.dropna(subset=["learning_rate"]).set_index("step")["learning_rate"]
    after = rates[rates.index > rates.idxmax()]
    low = after[after < LITTLE * rates.max()]
    return float(low.index[0]) if len(low) else math.nan


def last_third(log: pd.DataFrame) -> float:
    """The update at which the last third of the training begins, each update counting as much as its learning rate."""
    train = log.dropna(subset=["loss"])
    steps = train["step"].to_numpy(float)
    rates = train["learning_rate"].to_numpy(float) if "learning_rate" in train else np.ones(len(train))
    done = np.cumsum(np.diff(steps, prepend=0) * (rates if np.nansum(rates) > 0 else 1))
    return float(np.interp(done[-1] * 2 / 3, done, steps))


def late_moves(log: pd.DataFrame) -> pd.DataFrame:
    """For each loss with enough points: by how much it fell in the last third of the training, and its noise.

    A run has converged if neither moved by more than its noise. A rise is a negative fall.
    """
    start, rows = last_third(log), {}
    for column, name in (("loss", "training loss"), ("eval_loss", "validation loss")):
        points = log.dropna(subset=[column]) if column in log else log[:0]
        if len(points) < FEWEST:
            continue
        curve = _smooth(points[column]) if column == "loss" else points[column].to_numpy()
        fell = np.interp(start, points["step"], curve) - curve[-1]
        rows[name] = {"fell by": float(fell), "noise": noise(points[column])}
    return pd.DataFrame(rows).T


def converged(log: pd.DataFrame) -> bool:
    """Whether both losses were logged, and neither moved by more than its noise in the last third of the training."""
    moves = late_moves(log)
    return len(moves) == 2 and bool((moves["fell by"].abs() <= moves["noise"]).all())


def _smooth(loss: pd.Series) -> np.ndarray:
    return loss.rolling(max(3, len(loss) // 10), min_periods=1, center=True).mean().to_numpy()


def noise(loss: pd.Series) -> float:
    """The usual distance of a point from the line between its neighbours, in the second half of the log.

    The trend drops out of it. Of independent points it is as large as their standard deviation.
    """
    bends = loss.diff().diff().abs().to_numpy()[2:]
    half = bends[len(bends) // 2 :]
    return float(np.median(half) / math.sqrt(6) / 0.6745) if len(half) else math.nan
