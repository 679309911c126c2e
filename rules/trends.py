"""Monotone trends of short series: how steep, and how likely by chance.

Comes in: many series of equally spaced points, some of them missing. Goes out: Theil-Sen slopes and Mann-Kendall
p-values that allow for autocorrelation. Refuses to know what the points are.

Sources: Sen, J. Am. Stat. Assoc. 63 (1968); Mann, Econometrica 13 (1945); Kendall, Rank Correlation Methods (ties);
Hamed and Rao, J. Hydrol. 204 (1998): how autocorrelation makes the variance of S larger. Two things differ from their
estimate, which adds up the significant autocorrelations of all lags around the slope: in series as short as these it
finds trends in a fifth to a third of strongly autocorrelated series that have none. Here the autocorrelations are those
of a first-order process with the coefficient at lag 1, corrected for the bias of short series (the form of Kendall,
Biometrika 41, 1954; its two numbers fitted to simulated series); and it is that of ranks around their own parabola, so
that a trend which speeds up is not taken for a wave. docs/rules/trend.md has the figures.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

FEWEST = 15
"""Fewer points tell nothing: the correction for bias would be larger than what it corrects."""
_MOST_CORRELATED = 0.95
_ROUNDING = 1e-9
"""A share of the variance below which residuals are rounding; assumed."""
_AT_ONCE = 256
"""Series compared pairwise at a time, which bounds the memory that takes."""


def sen_slopes(series: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (slope a step, two-sided p-value), both float64[m]; NaN where fewer than `FEWEST` points are there.

    Args:
        series: float64[m, n], NaN where a point is missing.
    """
    parts = [_tested(series[first : first + _AT_ONCE]) for first in range(0, len(series), _AT_ONCE)]
    slope, p_value = zip(*parts, strict=True) if parts else ((), ())
    return np.concatenate([np.zeros(0), *slope]), np.concatenate([np.zeros(0), *p_value])


def _tested(series: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_points = np.count_nonzero(~np.isnan(series), axis=1)
    first, second = np.triu_indices(series.shape[1], 1)
    rises = series[:, second] - series[:, first]
    slope = _median(rises / (second - first), n_points * (n_points - 1) // 2)
    score = np.nansum(np.sign(rises), axis=1)
    correlation = _correlation(series, n_points)
    variance = _variance(series, n_points) * _inflation(correlation, n_points, series.shape[1])
    # The continuity correction: S moves in steps of two.
    distance = np.maximum(np.abs(score) - 1, 0) / np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))
    p_value = 2 * ndtr(-distance)
    enough = n_points >= FEWEST
    return np.where(enough, slope, np.nan), np.where(enough, p_value, np.nan)


def _median(values: NDArray[np.float64], count: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return float64[m]: the median of the numbers of each row, `count` of them beside NaN."""
    ordered = np.sort(values, axis=1)
    rows, count = np.arange(len(values)), np.maximum(count, 1)
    median: NDArray[np.float64] = (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2
    return median


def _variance(series: NDArray[np.float64], n_points: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return float64[m]: the variance of S of independent points, with ties."""
    equal = np.count_nonzero(series[:, :, np.newaxis] == series[:, np.newaxis, :], axis=2)
    # Each of the t points of a tie brings its t-th part of t (t - 1) (2 t + 5); a missing one equals nothing.
    ties = np.where(equal > 0, (equal - 1) * (2 * equal + 5), 0).sum(axis=1)
    n = n_points.astype(np.float64)
    variance: NDArray[np.float64] = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return variance


def _correlation(series: NDArray[np.float64], n_points: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return float64[m]: the autocorrelation of ranks, without their trend, from one point to the next, 0 to 0.95."""
    below = np.count_nonzero(series[:, np.newaxis, :] < series[:, :, np.newaxis], axis=2)
    equal = np.count_nonzero(series[:, np.newaxis, :] == series[:, :, np.newaxis], axis=2)
    there = ~np.isnan(series)
    ranks = np.where(there, below + (equal - n_points[:, np.newaxis]) / 2, 0.0)
    # Move the points that are there together; zeros behind them add nothing.
    ranks = np.take_along_axis(ranks, np.argsort(~there, axis=1, kind="stable"), axis=1)
    place = np.arange(series.shape[1])
    mask = place < n_points[:, np.newaxis]
    line = np.where(mask, place - (n_points[:, np.newaxis] - 1) / 2, 0.0)
    n = np.maximum(n_points, FEWEST)
    bend = np.where(mask, line**2 - ((line**2).sum(axis=1) / n)[:, np.newaxis], 0.0)
    residuals = _without(_without(ranks, line), bend)
    spread = (residuals**2).sum(axis=1)
    lag_one = (residuals[:, 1:] * residuals[:, :-1]).sum(axis=1) / np.maximum(spread, np.finfo(np.float64).tiny)
    unbiased = np.clip((n * lag_one + 3) / (n - 7.5), 0, _MOST_CORRELATED)
    # What rounding leaves of a perfect line is no wave.
    return np.where(spread > _ROUNDING * (ranks**2).sum(axis=1), unbiased, 0.0)


def _without(values: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m, n]: what is left of each row when its part along `shape` is taken away."""
    size = np.maximum((shape**2).sum(axis=1), np.finfo(np.float64).tiny)
    rest: NDArray[np.float64] = values - ((values * shape).sum(axis=1) / size)[:, np.newaxis] * shape
    return rest


def _inflation(correlation: NDArray[np.float64], n_points: NDArray[np.intp], n_most: int) -> NDArray[np.float64]:
    """Return float64[m]: by how much autocorrelation makes the variance of S larger; at least 1."""
    n = np.maximum(n_points, 3)[:, np.newaxis].astype(np.float64)
    lag = np.arange(1, n_most)
    weight = np.maximum(n - lag, 0) * np.maximum(n - lag - 1, 0) * np.maximum(n - lag - 2, 0)
    total = (weight * correlation[:, np.newaxis] ** lag).sum(axis=1)
    inflation: NDArray[np.float64] = 1 + 2 * total / (n * (n - 1) * (n - 2))[:, 0]
    return inflation
