"""river's detectors, which learn from each reading as it comes.

Comes in: the visible part of a recording. Goes out: levels. Drift detectors watch each sensor for itself and speak for
one row. Values are in deviations of the learned rows, because the default limits are for numbers of about 1. Half-space
trees watch a site or a sensor.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.peers.seam import (
    THINNED,
    Levels,
    Peer,
    Seen,
    Values,
    by_sensor,
    filled,
    marked,
    thinned,
)

_QUANTILE = 0.98


class _Drift(Protocol):
    drift_detected: bool

    def update(self, x: float) -> object: ...


def adwin(seen: Seen) -> Levels:
    """Return where ADWIN cuts its window."""
    from river.drift import ADWIN  # noqa: PLC0415 - an optional extra

    return _drifts(seen, ADWIN)


def page_hinkley(seen: Seen) -> Levels:
    """Return where the test of Page and Hinkley is beyond its limit."""
    from river.drift import PageHinkley  # noqa: PLC0415 - an optional extra

    return _drifts(seen, PageHinkley)


def _drifts(seen: Seen, make: Callable[[], _Drift]) -> Levels:
    def judge(_: NDArray[np.int64], value: Values, learned: int) -> Levels:
        mean, deviation = (value[:learned].mean(), value[:learned].std()) if learned else (value[0], 1.0)
        detector = make()
        odd = np.zeros(len(value), np.bool_)
        for row, x in enumerate(((value - mean) / (deviation or 1.0)).tolist()):
            detector.update(x)
            odd[row] = detector.drift_detected
        return marked(odd)

    return by_sensor(seen, judge)


def half_spaces(seen: Seen) -> Levels:
    """Return where the score of half-space trees that watch a site is in the uppermost part of those so far."""
    return marked(_stands_out(filled(seen))[:, None], seen.learned)


def half_lines(seen: Seen) -> Levels:
    """Return the same of trees that watch one sensor each."""
    return by_sensor(seen, thinned(lambda _, value, __: marked(_stands_out(value[:, None]))))


def _stands_out(value: Values) -> NDArray[np.bool_]:
    """Return bool[n]: which rows stand out; each is judged before it is learned."""
    from river.anomaly import HalfSpaceTrees, QuantileFilter  # noqa: PLC0415 - an optional extra
    from river.preprocessing import MinMaxScaler  # noqa: PLC0415 - an optional extra

    scaler, trees = MinMaxScaler(), QuantileFilter(HalfSpaceTrees(seed=42), q=_QUANTILE)
    columns = range(value.shape[1])
    odd = np.zeros(len(value), np.bool_)
    for row, values in enumerate(value.tolist()):
        reading = dict(zip(columns, values, strict=True))
        scaler.learn_one(reading)
        part = scaler.transform_one(reading)
        odd[row] = trees.classify(trees.score_one(part))
        trees.learn_one(part)
    return odd


_TREES = "MinMaxScaler, QuantileFilter 0.98 (0.95 of its documentation and 0.995 were tried), seed 42"
PEERS = (
    Peer("half-space trees, site", "river", f"{_TREES}; all sensors of a site together", half_spaces),
    Peer("half-space trees", "river", f"{_TREES}; each sensor; {THINNED}", half_lines),
    Peer("ADWIN", "river", "defaults; each sensor in learned deviations", adwin),
    Peer("Page-Hinkley", "river", "defaults; each sensor in learned deviations", page_hinkley),
)
