"""Septic tank: methane in the ventilated manhole above it.

Input: seed, sensor, times.
Output: %LEL.
Not responsible for: dangerous concentrations.
Rejects: nothing.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_wave
from simulators.noise import FloatArray, share, smooth, white


def methane(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return methane above a vented tank, float64[n], %LEL, most in the still air before dawn.

    Source: assumed. Biogas is 50 to 70 % methane inside; a vent thins it a thousandfold.
    """
    background = 1.0 + 1.2 * share(seed, f"{sensor.asset}/biogas")
    wave = 0.3 * daily_wave(when.hour, 5.0) + 0.2 * smooth(seed, f"{sensor.asset}/air", when.time_ns, 1200.0)
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return np.clip(background * (1.0 + wave) + 0.08 * white(seed, sensor.id, sample), 0.0, 4.5)


SIGNALS = {"methane": methane}
"""Quantity to the function that gives its values."""
