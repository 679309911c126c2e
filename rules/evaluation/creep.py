"""Creep of slopes: how fast a slope creeps, and the time until failure at the present acceleration.

Input: many series of equally spaced displacements, some of them missing.
Output: rates, tangent angles, and the time until the reciprocal of the rate is zero, with its interval.
Not responsible for: where the displacements come from.
Rejects: nothing.

Sources: the improved tangent angle is that of the displacement-time curve, with displacements over the rate of uniform
creep (EURASIP J. Wirel. Commun. Netw. 2021, s13638-021-02033-y). By its table 1, about 45 degrees is
uniform; 45 to 80, 80 to 85, and above 85 degrees are initial, medium and imminent acceleration. Rates are by least
squares over a window, as differences of noisy readings jump (hindawi.com 2024/9173882). The reciprocal of the rate
falls on a straight line before a slope fails (Fukuzono 1985; Voight, Science 243, 1989, with exponent 2). Its zero is a
ratio of two normal numbers, with the interval of Fieller, J. R. Stat. Soc. B 16 (1954).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from rules.evaluation.buckets import LEAST_SHARE

FEWEST_RATES = 5
"""With fewer reciprocals the error of a line is not known; assumed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The time at which reciprocals of rates reach zero, in their steps after the last rate; float64[m] each.

    Attributes:
        eta: inf where they do not fall.
        soonest: lower end of the interval, -inf where there is none.
        latest: upper end, inf where they may not fall at all.
    """

    eta: NDArray[np.float64]
    soonest: NDArray[np.float64]
    latest: NDArray[np.float64]


def rates(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[...]: the least-squares slope per step along the last axis, NaN where too much is missing.

    Args:
        series: float64[..., n], NaN where a point is missing.
    """
    there = ~np.isnan(series)
    n = there.sum(axis=-1)
    step = np.arange(series.shape[-1], dtype=np.float64)
    mid = (there * step).sum(axis=-1) / np.maximum(n, 1)
    x = np.where(there, step - mid[..., np.newaxis], 0.0)
    spread = (x**2).sum(axis=-1)
    enough = (n >= np.ceil(LEAST_SHARE * series.shape[-1])) & (n >= 2)
    slope: NDArray[np.float64] = (x * np.where(there, series, 0.0)).sum(axis=-1) / np.where(enough, spread, np.nan)
    return slope


def tangent_angles(rate: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n]: degrees from 0 (at rest) over 45 (at the reference rate) towards 90."""
    return np.degrees(np.arctan2(np.maximum(rate, 0.0), reference))


def failures(rate: NDArray[np.float64], least: float, confidence: float) -> Failure:
    """Return the time at which each row of `rate` becomes infinite on the line of its reciprocals.

    Args:
        rate: float64[m, n], equally spaced, NaN where it is not known.
        least: rates at or below are no movement and no point of the line; more than 0.
        confidence: share of the intervals that contain the true time.
    """
    moves = rate > least
    n = moves.sum(axis=1).astype(np.float64)
    y = 1 / np.where(moves, rate, np.inf)
    step = np.arange(rate.shape[1]) - (rate.shape[1] - 1.0)
    count = np.maximum(n, 1)
    mid, mean = (moves * step).sum(axis=1) / count, y.sum(axis=1) / count
    x = np.where(moves, step - mid[:, np.newaxis], 0.0)
    y = np.where(moves, y - mean[:, np.newaxis], 0.0)
    enough = n >= FEWEST_RATES
    spread = np.where(enough, (x**2).sum(axis=1), np.nan)
    slope = (x * y).sum(axis=1) / spread
    variance = ((y - slope[:, np.newaxis] * x) ** 2).sum(axis=1) / np.maximum(n - 2, 1)
    quantile = stdtrit(np.maximum(n - 2, 1), (1 + confidence) / 2)
    falls = slope < 0
    slope = np.where(falls, slope, np.nan)
    share = quantile**2 * variance / spread / slope**2
    bounded = share < 1
    ratio = -mean / slope
    rest = np.where(bounded, 1 - share, np.nan)
    width = quantile / -slope * np.sqrt(rest * variance / count + ratio**2 * variance / spread)
    soonest, latest = mid + (ratio - width) / rest, mid + (ratio + width) / rest
    return Failure(
        np.where(falls, mid + ratio, np.inf),
        np.where(bounded, soonest, -np.inf),
        np.where(bounded, latest, np.inf),
    )
