"""Water supply: pressure of a water main that sinks when the city draws water.

Input: seed, sensor, times.
Output: MPa.
Not responsible for: limits of pressure.
Rejects: nothing.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_bump
from simulators.noise import FloatArray, share, smooth, white

_NIGHT_MPA = 0.38
"""Without demand. Assumed: a district zone of about eight storeys, 10 m for the first, 12 m for the second and 4 m for
each further one (GB 50013-2018 3.0.10), with reserve."""
_DEMAND_DROP_MPA = 0.08
"""Lost in the pipes at full demand. Assumed: stays far above the 0.14 MPa asked at the end of a network."""
_NOISE_MPA = 0.0015


def demand(when: SampleTimes) -> FloatArray:
    """Return the draw of a residential district, float64[n], 0..1: peaks at breakfast, noon and in the evening.

    Source: assumed shape; the two-peaked residential day is common knowledge, the numbers are not from a standard.
    """
    peaks = (
        0.9 * daily_bump(when.hour, 7.5, 1.3)
        + 0.5 * daily_bump(when.hour, 12.2, 1.4)
        + daily_bump(when.hour, 19.5, 1.9)
    )
    return np.clip(0.12 + 0.85 * peaks, 0.0, 1.0)


def pressure(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the pressure of the main, float64[n], MPa."""
    height = 0.03 * (share(seed, f"{sensor.asset}/height") - 0.5)
    draw = demand(when) * (1.0 + 0.08 * smooth(seed, f"{sensor.asset}/draw", when.time_ns, 600.0))
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return _NIGHT_MPA + height - _DEMAND_DROP_MPA * draw + _NOISE_MPA * white(seed, sensor.id, sample)


SIGNALS = {"water_main_pressure": pressure}
"""Quantity to the function that gives its values."""
