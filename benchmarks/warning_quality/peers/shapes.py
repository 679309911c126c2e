"""The left matrix profile: how unlike all shapes before it the last hundred readings of a sensor are.

Comes in: the visible part of a recording. Goes out: levels. Long recordings are thinned to means.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.peers.limits import sigmas
from benchmarks.warning_quality.peers.seam import THINNED, Levels, Peer, Seen, Values, by_sensor, marked, thinned

_LENGTH = 100
_SIGMA = 3.0


def judge(seen: Seen) -> Levels:
    """Return where the distance to the nearest shape before is three deviations above the mean of all so far."""
    return by_sensor(seen, thinned(_one))


def _one(_: NDArray[np.int64], value: Values, __: int) -> Levels:
    odd = np.zeros(len(value), np.bool_)
    if len(value) > 2 * _LENGTH:
        distance = left_profile(value)
        there = np.flatnonzero(np.isfinite(distance))
        new = distance[there]
        mean = np.cumsum(new) / np.arange(1, len(new) + 1)
        odd[there + _LENGTH - 1] = (sigmas(new) > _SIGMA) & (new > mean)
    return marked(odd)


def left_profile(value: Values) -> Values:
    """Return the distance of each shape to the nearest before it, float64[n - 99]; infinite where there is none."""
    import stumpy  # noqa: PLC0415 - an optional extra

    nearest = stumpy.stump(np.ascontiguousarray(value), m=_LENGTH)[:, 2].astype(np.int64)
    shapes = np.lib.stride_tricks.sliding_window_view(value, _LENGTH)
    distance = np.full(len(nearest), np.inf)
    for row in np.flatnonzero(nearest >= 0):
        distance[row] = np.linalg.norm(_shape(shapes[row]) - _shape(shapes[nearest[row]]))
    return distance


def _shape(part: Values) -> Values:
    deviation = part.std()
    return (part - part.mean()) / deviation if deviation > 1e-12 else np.zeros(len(part))


PEERS = (Peer("left matrix profile", "stumpy", f"100 readings, 3 sigma above its mean so far; {THINNED}", judge),)
