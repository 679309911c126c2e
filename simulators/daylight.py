"""The local day that drives people, water and sunshine.

Input: UTC nanoseconds and the time zone of the city.
Output: local hours, daily waves.
Not responsible for: lifelines.
Rejects: nothing.
"""

from dataclasses import dataclass

import numpy as np

from config.city_time import CityTime
from simulators.noise import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """The times of the samples of one device."""

    time_ns: IntArray
    """int64[n], UTC nanoseconds."""
    hour: FloatArray
    """float64[n], local hour of the day, 0..24."""


def sample_times(time_ns: IntArray, city: CityTime) -> SampleTimes:
    """Return the samples at `time_ns`, int64[n] UTC nanoseconds, with the local hours of `city`."""
    return SampleTimes(time_ns, city.hour_of_day(time_ns))


def daily_wave(hour: FloatArray, peak_hour: float) -> FloatArray:
    """Return a cosine of one day, -1..1, float64[n], that is highest at `peak_hour` local time."""
    return np.cos((hour - peak_hour) * (2.0 * np.pi / 24.0))


def daily_bump(hour: FloatArray, peak_hour: float, width_h: float) -> FloatArray:
    """Return a bump 0..1, float64[n], around `peak_hour`, with `width_h` hours as its standard deviation."""
    distance = np.abs(hour - peak_hour)
    distance = np.minimum(distance, 24.0 - distance)
    return np.exp(-0.5 * (distance / width_h) ** 2)
