"""Septic tank: methane in the ventilated manhole above it.

Comes in: seed, sensor, times. Goes out: %LEL. Refuses to know what concentration is dangerous.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_wave
from simulators.noise import FloatArray, share, smooth, white


def methane(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return methane, float64[n], %LEL: what leaves a vented tank, most in the still air before dawn.

    Source: assumed. Biogas is 50 to 70 % methane inside; a vent thins it a thousandfold.
    """
    background = 1.0 + 1.2 * share(seed, f"{sensor.asset}/biogas")
    wave = 0.3 * daily_wave(when.hour, 5.0) + 0.2 * smooth(seed, f"{sensor.asset}/air", when.time_ns, 1200.0)
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return np.clip(background * (1.0 + wave) + 0.08 * white(seed, sensor.id, sample), 0.0, 4.5)


SIGNALS = {"methane": methane}
"""Quantity to the function that gives its values."""
