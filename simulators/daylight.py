"""The local day that drives people, water and sunshine.

Comes in: UTC nanoseconds. Goes out: local hours and daily waves. Refuses to know lifelines.
"""

import numpy as np

from simulators.noise import FloatArray, IntArray

_DAY_NS = 86_400_000_000_000
_ZONE_NS = 8 * 3_600_000_000_000


def local_hour(time_ns: IntArray) -> FloatArray:
    """Return the hour of the day 0..24, float64[n], at UTC+8 (China has one time zone and no summer time)."""
    return ((time_ns + _ZONE_NS) % _DAY_NS) / 3.6e12


def daily_wave(time_ns: IntArray, peak_hour: float) -> FloatArray:
    """Return a cosine of one day, -1..1, float64[n], that is highest at `peak_hour` local time."""
    return np.cos((local_hour(time_ns) - peak_hour) * (2.0 * np.pi / 24.0))


def daily_bump(time_ns: IntArray, peak_hour: float, width_h: float) -> FloatArray:
    """Return a bump 0..1, float64[n], around `peak_hour`, with `width_h` hours as its standard deviation."""
    distance = np.abs(local_hour(time_ns) - peak_hour)
    distance = np.minimum(distance, 24.0 - distance)
    return np.exp(-0.5 * (distance / width_h) ** 2)
