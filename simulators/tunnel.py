"""Tunnel: carbon monoxide of a long road tunnel with fans that keep up with the traffic.

Input: seed, sensor, times.
Output: ppm.
Not responsible for: dangerous concentrations.
Rejects: nothing.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_bump
from simulators.noise import FloatArray, smooth, white

_NIGHT_PPM, _RUSH_PPM = 8.0, 28.0
"""Assumed: an empty tunnel, and the addition of the rush hour while all fans work."""


def carbon_monoxide(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return carbon monoxide, float64[n], ppm: highest where and when cars stand close."""
    rush = daily_bump(when.hour, 8.3, 1.0) + daily_bump(when.hour, 18.0, 1.4)
    wander = 3.0 * smooth(seed, f"{sensor.asset}/traffic", when.time_ns, 300.0)
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return np.clip(_NIGHT_PPM + _RUSH_PPM * rush + wander + 0.7 * white(seed, sensor.id, sample), 0.0, 65.0)


SIGNALS = {"carbon_monoxide": carbon_monoxide}
"""Quantity to the function that gives its values."""
