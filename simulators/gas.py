"""Gas: methane and temperature in a manhole beside a gas pipe.

Input: seed, sensor, times.
Output: %LEL and degrees Celsius.
Not responsible for: dangerous concentrations.
Rejects: nothing.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_wave
from simulators.noise import FloatArray, share, smooth, white


def methane(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return methane, float64[n], %LEL: a biogas background of about 0.5 to 2 that peaks in the still hours at dawn.

    Source: assumed. It stays below 5 %LEL, the lowest step of the usual ladder, so that the background never warns.
    """
    background = 0.6 + 0.8 * share(seed, f"{sensor.asset}/biogas")
    wave = 0.25 * daily_wave(when.hour, 5.0) + 0.15 * smooth(seed, f"{sensor.asset}/air", when.time_ns, 1800.0)
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return np.clip(background * (1.0 + wave) + 0.05 * white(seed, sensor.id, sample), 0.0, 4.0)


def temperature(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the air temperature in the manhole, float64[n], degrees Celsius: the ground damps the day to 1.5 degrees.

    Source: assumed.
    """
    ground = 17.0 + 2.0 * share(seed, f"{sensor.asset}/ground")
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    slow = 1.5 * daily_wave(when.hour, 17.0) + 0.3 * smooth(seed, f"{sensor.asset}/air", when.time_ns, 3600.0)
    return ground + slow + 0.05 * white(seed, sensor.id, sample)


SIGNALS = {"methane": methane, "temperature": temperature}
"""Quantity to the function that gives its values."""
