"""When does a straight line through noisy points reach a limit, and how sure is that?

Comes in: many series of equally spaced points, some of them missing, and a limit for each. Goes out: `Crossing`s.
Refuses to know what the points are.

Least squares; the errors are made larger for points that follow each other, by sqrt((1 + r) / (1 - r)) with r their
persistence (as n points are then worth n (1 - r) / (1 + r): Bartlett, J. R. Stat. Soc. 98, 1935). The interval of the
time is that of Fieller, J. R. Stat. Soc. B 16 (1954), for a ratio of two normal numbers, with the t distribution of the
points that are left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from rules.statistics.autocorrelation import persistence

_FEWEST_FREE = 4.0
"""Degrees of freedom, at least; fitted to simulated lines: with fewer, less is told and no more of it is true."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """When lines reach their limits, in steps after the last point.

    Attributes:
        level: float64[m], of the line at the last point.
        eta: float64[m], steps until the line is at the limit; inf where it never will be.
        soonest: float64[m], lower end of the interval; -inf where there is none.
        latest: float64[m], upper end; inf where the slope might be none at all.
        worth: float64[m], how many independent points the series is worth.
    """

    level: NDArray[np.float64]
    eta: NDArray[np.float64]
    soonest: NDArray[np.float64]
    latest: NDArray[np.float64]
    worth: NDArray[np.float64]


def crossings(series: NDArray[np.float64], limit: NDArray[np.float64], confidence: NDArray[np.float64]) -> Crossing:
    """Return when the line through each row of `series` reaches its limit.

    Args:
        series: float64[m, n], NaN where a point is missing, at least `FEWEST_POINTS` there.
        limit: float64[m], in the unit of the series; to be reached from below or above.
        confidence: float64[m], share of the intervals that hold the truth.
    """
    there = ~np.isnan(series)
    n = there.sum(axis=1).astype(np.float64)
    step = np.arange(series.shape[1]) - (series.shape[1] - 1.0)
    mid, mean = (there * step).sum(axis=1) / n, np.where(there, series, 0.0).sum(axis=1) / n
    x = np.where(there, step - mid[:, np.newaxis], 0.0)
    y = np.where(there, series - mean[:, np.newaxis], 0.0)
    spread = (x**2).sum(axis=1)
    slope = (x * y).sum(axis=1) / spread
    residuals = y - slope[:, np.newaxis] * x
    r = persistence(series)
    worth = n * (1 - r) / (1 + r)
    variance = (residuals**2).sum(axis=1) / (n - 2) * (1 + r) / (1 - r)
    quantile = stdtrit(np.maximum(worth - 2, _FEWEST_FREE), (1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = mid + (limit - mean) / slope
        # Fieller: of (limit - mean) / slope, both with errors, which are independent around the middle.
        share = quantile**2 * variance / spread / slope**2
        ratio = (limit - mean) / slope
        width = quantile / np.abs(slope) * np.sqrt((1 - share) * variance / n + ratio**2 * variance / spread)
        soonest, latest = mid + (ratio - width) / (1 - share), mid + (ratio + width) / (1 - share)
    level = mean - slope * mid
    leads = (slope != 0) & (np.sign(slope) == np.sign(limit - level))
    bounded = leads & (share < 1)
    return Crossing(
        level,
        np.where(leads, eta, np.inf),
        np.where(bounded, soonest, -np.inf),
        np.where(bounded, latest, np.inf),
        worth,
    )
