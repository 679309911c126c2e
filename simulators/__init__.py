"""A district that sends: simulated lifelines, faults, scenarios and their ground truth over real MQTT.

`LIFELINES` is the table of simulated lifelines: domain of the asset to quantity to signal. A lifeline is one file.
"""

from collections.abc import Callable, Mapping

from config.register import Sensor
from simulators import bridge, fire_water, gas, septic, slope, tunnel, water_supply
from simulators.daylight import SampleTimes
from simulators.noise import FloatArray

Signal = Callable[[int, Sensor, SampleTimes], FloatArray]
"""(seed, sensor, times of n samples) to values float64[n] in the quantity's canonical unit; always pure."""

LIFELINES: Mapping[str, Mapping[str, Signal]] = {
    "bridge": bridge.SIGNALS,
    "fire": fire_water.SIGNALS,
    "gas": gas.SIGNALS,
    "geo": slope.SIGNALS,
    "septic": septic.SIGNALS,
    "tunnel": tunnel.SIGNALS,
    "water": water_supply.SIGNALS,
}
