"""Forecasts by a straight line: the time at which noisy points reach a limit, and its interval.

Input: many series of equally spaced points, some of them missing, and a limit for each.
Output: `Crossing`s.
Not responsible for: the meaning of the points.
Rejects: nothing.

Least squares. With r the autocorrelation, n points are worth n (1 - r) / (1 + r) independent points. So errors are
larger by sqrt((1 + r) / (1 - r)): Bartlett, J. R. Stat. Soc. 98, 1935. The interval of
the time is that of Fieller, J. R. Stat. Soc. B 16 (1954), for a ratio of two normal numbers, with the t distribution of
the remaining points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from rules.statistics.autocorrelation import persistence

_FEWEST_FREE = 4.0
"""Least degrees of freedom; fitted to simulated lines: with fewer, intervals are wider and no more are right."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The times at which lines reach their limits, in steps after the last point.

    Attributes:
        level: float64[m], value of the line at the last point.
        eta: float64[m], steps until the line reaches the limit; inf where it never does.
        soonest: float64[m], lower end of the interval; -inf where there is none.
        latest: float64[m], upper end; inf where the slope may be zero.
        worth: float64[m], number of independent points that the series is worth.
    """

    level: NDArray[np.float64]
    eta: NDArray[np.float64]
    soonest: NDArray[np.float64]
    latest: NDArray[np.float64]
    worth: NDArray[np.float64]


def crossings(series: NDArray[np.float64], limit: NDArray[np.float64], confidence: NDArray[np.float64]) -> Crossing:
    """Return the time at which the line through each row of `series` reaches its limit.

    Args:
        series: float64[m, n], NaN where a point is missing, at least `FEWEST_POINTS` known.
        limit: float64[m], in the unit of the series; to be reached from below or above.
        confidence: float64[m], share of the intervals that contain the true time.
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
