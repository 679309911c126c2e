"""How much is a point of a short series like the one before it?

Comes in: many series of equally spaced points, some missing. Goes out: the coefficient of a first-order process.
Refuses to know what the points are.

It is the autocorrelation at lag 1 of what is left of the points around their own parabola, so that a trend that speeds
up is not taken for a wave, corrected for the bias of short series. Source: the form of the correction is that of
Kendall, Biometrika 41 (1954); its two numbers are fitted to simulated series (docs/rules/trend.md has the result).
"""

import numpy as np
from numpy.typing import NDArray

FEWEST_POINTS = 15
"""Fewer points tell nothing: the correction for bias would be larger than what it corrects."""
_MOST = 0.95
_ROUNDING = 1e-9
"""A share of the variance below which residuals are rounding; assumed."""
_TINY = np.finfo(np.float64).tiny


def persistence(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m]: the coefficient of each series, 0 to 0.95; useless below `FEWEST_POINTS` points.

    Args:
        series: float64[m, n], NaN where a point is missing: its neighbours then follow each other.
    """
    there = ~np.isnan(series)
    n = np.maximum(there.sum(axis=1), FEWEST_POINTS)
    # Move the points that are there together; zeros behind them add nothing.
    values = np.take_along_axis(np.where(there, series, 0.0), np.argsort(~there, axis=1, kind="stable"), axis=1)
    mask = np.arange(series.shape[1]) < there.sum(axis=1)[:, np.newaxis]
    level = mask.astype(np.float64)
    line = np.where(mask, np.arange(series.shape[1]), 0.0)
    line = _without(line, level)
    bend = _without(line**2, level)
    centred = _without(values, level)
    residuals = _without(_without(centred, line), _without(bend, line))
    spread = (residuals**2).sum(axis=1)
    lag_one = (residuals[:, 1:] * residuals[:, :-1]).sum(axis=1) / np.maximum(spread, _TINY)
    unbiased = np.clip((n * lag_one + 3) / (n - 7.5), 0, _MOST)
    # What rounding leaves of a perfect line is no wave.
    return np.where(spread > _ROUNDING * (centred**2).sum(axis=1), unbiased, 0.0)


def _without(values: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m, n]: what is left of each row when its part along `shape` is taken away."""
    size = np.maximum((shape**2).sum(axis=1), _TINY)
    rest: NDArray[np.float64] = values - ((values * shape).sum(axis=1) / size)[:, np.newaxis] * shape
    return rest
