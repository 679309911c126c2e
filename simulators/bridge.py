"""Bridge: strain and displacement that follow the deck's temperature and tremble under traffic.

Input: seed, sensor, times.
Output: um/m, mm, degrees Celsius.
Not responsible for: limits of the bridge.
Rejects: nothing.
"""

from config.register import Sensor
from simulators.daylight import SampleTimes, daily_bump, daily_wave
from simulators.noise import FloatArray, share, smooth, white

_STRAIN_PER_DEGREE = 2.5
"""um/m a degree, a part of the 12 of free steel because the gauge compensates most of it. Assumed."""
_MM_PER_DEGREE = 0.35
"""mm a degree: 12 um/m a degree over about 30 m to the fixed bearing. Assumed span."""
_TRAFFIC_UM_M = 2.5
"""Standard deviation under trucks, um/m. Source: 2.5 to 3 um/m seen in public records of a loaded test bridge."""
_REFERENCE_DEGREES = 20.0


def temperature(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the deck's temperature, float64[n], degrees Celsius: one for the whole bridge, instrument noise apart."""
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    return _deck(seed, sensor.asset, when) + 0.05 * white(seed, sensor.id, sample)


def strain(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the strain, float64[n], um/m: temperature, then traffic that is heavier by day."""
    gain = 0.8 + 0.4 * share(seed, f"{sensor.id}/gain")
    thermal = _STRAIN_PER_DEGREE * gain * (_deck(seed, sensor.asset, when) - _REFERENCE_DEGREES)
    return thermal + _TRAFFIC_UM_M * gain * _traffic(seed, sensor, when)


def displacement(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    """Return the displacement of a bearing, float64[n], mm."""
    gain = 0.9 + 0.2 * share(seed, f"{sensor.id}/gain")
    thermal = _MM_PER_DEGREE * gain * (_deck(seed, sensor.asset, when) - _REFERENCE_DEGREES)
    return thermal + 0.3 * _traffic(seed, sensor, when)


def _deck(seed: int, asset: str, when: SampleTimes) -> FloatArray:
    return 20.0 + 4.0 * daily_wave(when.hour, 15.0) + 1.5 * smooth(seed, f"{asset}/weather", when.time_ns, 7200.0)


def _traffic(seed: int, sensor: Sensor, when: SampleTimes) -> FloatArray:
    sample = when.time_ns // int(sensor.cadence_s * 1e9)
    volume = 0.3 + 0.7 * (daily_bump(when.hour, 8.5, 2.0) + daily_bump(when.hour, 17.5, 2.5)).clip(0.0, 1.0)
    return volume * white(seed, f"{sensor.id}/traffic", sample)


SIGNALS = {"strain": strain, "displacement": displacement, "temperature": temperature}
"""Quantity to the function that gives its values."""
