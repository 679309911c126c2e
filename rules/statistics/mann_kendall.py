"""Monotone trends of short series: their slope, and their probability by chance.

Input: many series of equally spaced points, some of them missing.
Output: Theil-Sen slopes, and Mann-Kendall p-values that allow for autocorrelation.
Not responsible for: the meaning of the points.
Rejects: nothing.

Sources: Sen, J. Am. Stat. Assoc. 63 (1968); Mann, Econometrica 13 (1945); Kendall, Rank Correlation Methods (ties).
Hamed and Rao, J. Hydrol. 204 (1998): how autocorrelation makes the variance of S larger. They add up the significant
autocorrelations of all lags around the slope. In series this short their estimate finds trends in a fifth to a third of
strongly autocorrelated series without any. Here the autocorrelations are those of a first-order process
(`rules/statistics/autocorrelation.py`) of the ranks.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rules.statistics.autocorrelation import FEWEST_POINTS, persistence

_AT_ONCE = 256
"""Series compared pairwise at a time; this bounds the memory."""


def sen_slopes(series: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (slope per step, two-sided p-value), both float64[m]; NaN with fewer than `FEWEST_POINTS` points.

    Args:
        series: float64[m, n], NaN where a point is missing.
    """
    parts = [_test_series(series[first : first + _AT_ONCE]) for first in range(0, len(series), _AT_ONCE)]
    slope, p_value = zip(*parts, strict=True) if parts else ((), ())
    return np.concatenate([np.zeros(0), *slope]), np.concatenate([np.zeros(0), *p_value])


def _test_series(series: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_points = np.count_nonzero(~np.isnan(series), axis=1)
    first, second = np.triu_indices(series.shape[1], 1)
    rises = series[:, second] - series[:, first]
    slope = _median(rises / (second - first), n_points * (n_points - 1) // 2)
    score = np.nansum(np.sign(rises), axis=1)
    correlation = persistence(_ranks(series))
    variance = _variance(series, n_points) * _inflation(correlation, n_points, series.shape[1])
    # The continuity correction: S moves in steps of two.
    distance = np.maximum(np.abs(score) - 1, 0) / np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))
    p_value = 2 * ndtr(-distance)
    enough = n_points >= FEWEST_POINTS
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
    # Each of the t points of a tie adds its t-th part of t (t - 1) (2 t + 5); a missing point equals no other.
    ties = np.where(equal > 0, (equal - 1) * (2 * equal + 5), 0).sum(axis=1)
    n = n_points.astype(np.float64)
    variance: NDArray[np.float64] = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return variance


def _ranks(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[m, n]: ranks in each row, ties in the middle of theirs; NaN where a point is missing."""
    below = np.count_nonzero(series[:, np.newaxis, :] < series[:, :, np.newaxis], axis=2)
    equal = np.count_nonzero(series[:, np.newaxis, :] == series[:, :, np.newaxis], axis=2)
    return np.where(np.isnan(series), np.nan, below + equal / 2)


def _inflation(correlation: NDArray[np.float64], n_points: NDArray[np.intp], n_most: int) -> NDArray[np.float64]:
    """Return float64[m]: the factor by which autocorrelation makes the variance of S larger; at least 1."""
    n = np.maximum(n_points, 3)[:, np.newaxis].astype(np.float64)
    lag = np.arange(1, n_most)
    weight = np.maximum(n - lag, 0) * np.maximum(n - lag - 1, 0) * np.maximum(n - lag - 2, 0)
    total = (weight * correlation[:, np.newaxis] ** lag).sum(axis=1)
    inflation: NDArray[np.float64] = 1 + 2 * total / (n * (n - 1) * (n - 2))[:, 0]
    return inflation
