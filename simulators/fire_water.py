"""Fire water: static pressure of a standpipe by floor group, held up by a small stabilising pump.

Input: seed, sensor, times.
Output: MPa.
Not responsible for: limits of pressure.
Rejects: nothing.
"""

import numpy as np

from config.register import Sensor
from simulators.daylight import SampleTimes
from simulators.noise import FloatArray, share, smooth, white

_STATIC_MPA = (0.42, 0.36, 0.30)
"""Low, middle and high floor group. Assumed: above the 0.07 MPa that GB 50974-2014 5.2.2 asks at the worst point, with
the 0.06 MPa between groups that six storeys of 3 m water column cost (0.01 MPa a metre, a third of it reduced)."""
_PUMP_SWING_MPA = 0.012
"""Between the pump's start and stop pressure. Assumed; a small stabilising pump keeps far less than 0.1 MPa."""
_NOISE_MPA = 0.0008
"""Assumed: 0.1 % of a 1 MPa instrument."""


def pressure(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the pressure at the terminal, float64[n], MPa.

    A sawtooth: leaking joints lose the pump's swing over 20 to 40 minutes, then the pump restores it in a minute.
    """
    static = _STATIC_MPA[int(share(seed, f"{sensor.asset}/floor group") * len(_STATIC_MPA))]
    cycle_s = 1200.0 + 1200.0 * share(seed, f"{sensor.asset}/pump cycle")
    phase = (when.time_ns / 1e9 / cycle_s + share(seed, f"{sensor.asset}/pump phase")) % 1.0
    restoring = 60.0 / cycle_s
    level = np.where(phase < restoring, phase / restoring, (1.0 - phase) / (1.0 - restoring))
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    wander = 0.002 * smooth(seed, f"{sensor.asset}/wander", when.time_ns, 900.0)
    return static + _PUMP_SWING_MPA * (level - 0.5) + wander + _NOISE_MPA * white(seed, sensor.id, sample)


SIGNALS = {"fire_water_pressure": pressure}
"""Quantity to the function that gives its values."""
