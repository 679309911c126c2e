"""Limits that follow from mean and deviation: the rules that most platforms have.

Comes in: the visible part of a recording. Goes out: levels. Formulas are written here; each names its author.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.peers.seam import Levels, Peer, Seen, Values, by_sensor, filled, marked
from config.levels import WarningLevel
from config.time_units import DAY_NS

_SIGMA = 3.0
_FEWEST = 30
_BRIDGE = ((5.0, WarningLevel.RED), (3.0, WarningLevel.ORANGE), (1.0, WarningLevel.YELLOW))


def fixed(seen: Seen) -> Levels:
    """Return where a value is outside of the learned range, by more than a fifth of its range."""

    def judge(_: NDArray[np.int64], value: Values, learned: int) -> Levels:
        low, high = (value[:learned].min(), value[:learned].max()) if learned else (-np.inf, np.inf)
        margin = 0.2 * (high - low) if learned else 0.0
        return marked((value < low - margin) | (value > high + margin))

    return by_sensor(seen, judge)


def running_sigma(seen: Seen) -> Levels:
    """Return where a value is three deviations from the running mean, itself included.

    Source: `sigma` of influxdata/kapacitor, tick/stateful/functions.go.
    """
    return by_sensor(seen, lambda _, value, __: marked(sigmas(value) > _SIGMA))


def sigmas(value: Values) -> Values:
    """Return how many deviations each value is from the mean of all up to it, float64[n]."""
    n = np.arange(1, len(value) + 1)
    about = value - value[0]
    mean = np.cumsum(about) / n
    before = np.concatenate(([0.0], mean[:-1]))
    m2 = np.cumsum((about - before) * (about - mean))
    deviation = np.sqrt(m2 / np.maximum(n - 1, 1))
    return np.divide(np.abs(about - mean), deviation, out=np.zeros(len(value)), where=deviation > 0)


def rolling_sigma(seen: Seen) -> Levels:
    """Return where a value is three deviations from the mean of the 24 h before it."""
    return by_sensor(seen, _rolling)


def _rolling(time_ns: NDArray[np.int64], value: Values, learned: int) -> Levels:
    del learned
    about = value - value[0]
    sums, squares = (np.concatenate(([0.0], np.cumsum(each))) for each in (about, about**2))
    end = np.arange(len(value))
    begin = np.searchsorted(time_ns, time_ns - DAY_NS)
    n = np.maximum(end - begin, 1)
    mean = (sums[end] - sums[begin]) / n
    deviation = np.sqrt(np.maximum((squares[end] - squares[begin]) / n - mean**2, 0.0))
    return marked((np.abs(about - mean) > _SIGMA * deviation) & (deviation > 0) & (end - begin >= _FEWEST))


def bridge_sigma(seen: Seen) -> Levels:
    """Return levels by one, three and five deviations of the residual that the air temperature does not explain.

    Where no air is measured, the mean of the learned rows is the only forecast.
    """
    heat = filled(seen)[:, seen.air] if seen.air >= 0 else np.zeros(len(seen.value))
    levels = np.zeros(seen.value.shape, np.int8)
    for column in range(seen.value.shape[1]):
        if column != seen.air:
            levels[:, column] = _departs(filled(seen)[:, column], heat, seen.learned)
    levels[: seen.learned] = 0
    return levels


def _departs(value: Values, heat: Values, learned: int) -> Levels:
    about = heat - heat[:learned].mean()
    spread = float((about[:learned] ** 2).sum())
    rest = value - value[:learned].mean()
    if spread > 0:
        rest = rest - about * float((about[:learned] * rest[:learned]).sum()) / spread
    deviation = rest[:learned].std()
    levels = np.zeros(len(value), np.int8)
    for limit, level in reversed(_BRIDGE):
        levels[np.abs(rest) > limit * deviation if deviation > 0 else np.abs(rest) > 0] = level
    return levels


PEERS = (
    Peer("fixed limits", "", "least and greatest learned value, a fifth of their range beyond", fixed),
    Peer("running sigma", "", "Kapacitor's sigma() > 3, all readings so far", running_sigma),
    Peer("24 h sigma", "", "3 sigma of the 24 h before, of 30 readings at least", rolling_sigma),
    Peer("1/3/5 sigma", "", "a provincial bridge platform: residual of a line over temperature", bridge_sigma),
)
