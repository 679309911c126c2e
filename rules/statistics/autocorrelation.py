"""Autocorrelation of short series: the likeness of a point to the point before it.

Input: many series of equally spaced points, some missing.
Output: the coefficient of a first-order process.
Not responsible for: the meaning of the points.
Rejects: nothing.

It is the autocorrelation at lag 1 of the residuals of the points around their own parabola. So an accelerating trend is
not taken for a wave. It is corrected for the bias of short series. Source: the form of the correction is that
of Kendall, Biometrika 41 (1954). Its two numbers are fitted to simulated series (docs/rules/trend.md has the result).
"""

import numpy as np
from numpy.typing import NDArray

FEWEST_POINTS = 15
"""Least number of points: with fewer, the correction for bias is larger than the corrected value."""
_MOST = 0.95
_ROUNDING = 1e-9
"""Share of the variance below which residuals are rounding; assumed."""
_TINY = np.finfo(np.float64).tiny


def persistence(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m]: the coefficient of each series, 0 to 0.95; useless below `FEWEST_POINTS` points.

    Args:
        series: float64[m, n], NaN where a point is missing; its neighbours then count as consecutive.
    """
    there = ~np.isnan(series)
    n = np.maximum(there.sum(axis=1), FEWEST_POINTS)
    # Move the present points together; zeros behind them add nothing.
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
    # The rounding of a perfect line is no wave.
    return np.where(spread > _ROUNDING * (centred**2).sum(axis=1), unbiased, 0.0)


def _without(values: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m, n]: each row without its part along `shape`."""
    size = np.maximum((shape**2).sum(axis=1), _TINY)
    rest: NDArray[np.float64] = values - ((values * shape).sum(axis=1) / size)[:, np.newaxis] * shape
    return rest
