"""Slope: displacement of its surface by satellite, for years almost nothing.

Input: seed, sensor, times.
Output: mm.
Not responsible for: dangerous movements.
Rejects: nothing.
"""

from config.register import Sensor
from config.time_units import DAY_NS
from simulators.daylight import SampleTimes
from simulators.noise import FloatArray, smooth, white

_MM_A_DAY = 0.01
"""Uniform creep of an old slope, 4 mm a year. Assumed."""
_INSTALLED_NS = 1_735_689_600_000_000_000
"""When the instrument was set to zero: 2025."""


def displacement(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the displacement since installation, float64[n], mm.

    Noise: assumed for a short baseline: 0.6 mm of each fix, and 0.8 mm that wanders with satellites and weather.
    """
    creep = _MM_A_DAY * (when.time_ns - _INSTALLED_NS) / DAY_NS
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return creep + 0.8 * smooth(seed, f"{sensor.id}/sky", when.time_ns, 14_400.0) + 0.6 * white(seed, sensor.id, sample)


SIGNALS = {"surface_displacement": displacement}
"""Quantity to the function that gives its values."""
