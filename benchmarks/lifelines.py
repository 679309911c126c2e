"""A city with every pack: devices of nine lifelines in turn, for benchmarks of the whole rule set.

Comes in: a number of sensors. Goes out: register, rules, and batches of an ordinary day at 1 Hz.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from collector.batch import ReadingBatch, make_batch
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from config.time_units import SECOND_NS
from rules.loading.loading import load_rules, pack_names
from rules.rule import RuleSet

START_S = 1_790_000_000
_DEVICES: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("fire", "residential_tower", {"fire_water_pressure": 0.4, "temperature": 20.0}),
    ("water", "water_main", {"water_main_pressure": 0.35, "water_flow": 120.0}),
    ("gas", "gas_manhole", {"methane": 1.0, "temperature": 18.0}),
    ("gas", "gas_main", {"gas_pipe_pressure": 400.0, "ground_vibration": 0.2}),
    ("drain", "sewer", {"drain_level": 1.0, "methane": 1.0, "hydrogen_sulfide": 0.5}),
    ("septic", "septic_tank", {"methane": 2.0, "hydrogen_sulfide": 1.0, "septic_level": 2.0}),
    ("bridge", "bridge", {"strain": 20.0, "displacement": 4.0, "temperature": 20.0, "settlement": 3.0}),
    ("tunnel", "tunnel", {"carbon_monoxide": 20.0, "nitrogen_dioxide": 0.2, "visibility_extinction": 0.002}),
    ("geo", "slope", {"surface_displacement": 30.0, "rock_crack_width": 4.0, "slope_tilt": 1.0}),
    ("geo", "weather_station", {"rainfall_intensity": 0.0, "air_temperature": 20.0, "wind_gust": 4.0}),
)
"""Domain, kind of the asset, quantities of its device with their usual values; each device has a heartbeat beside."""
_STEP = 0.0015
"""Degrees between two assets of a row, and between two rows: some 150 m."""
_ROW = 500
_STALE_S = 4000
"""So that days of a reading an hour, which fill windows, are no gaps."""
_NOISE = 0.005
"""As a share of the usual value. With more noise, a gas main that fills its windows at a reading an hour would seem
to burst."""
_DESIGN = {"drain_level": 5.0, "septic_level": 4.0}


@dataclass(frozen=True, slots=True)
class City:
    """Sensors, rules and usual values."""

    register: Register
    rules: RuleSet
    usual: np.ndarray
    """float64[n_sensors]."""
    is_beat: np.ndarray
    """bool[n_sensors]."""


def make_city(n_sensors: int) -> City:
    """Return a city of `n_sensors`, a heartbeat for each device among them, with all packs."""
    assets: dict[str, Asset] = {}
    sensors: list[Sensor] = []
    usual: list[float] = []
    number = 0
    while len(sensors) < n_sensors:
        domain, kind, measured = _DEVICES[number % len(_DEVICES)]
        name, device = f"A{number:06}", f"D{number:06}"
        place = 29.0 + _STEP * (number // _ROW), 106.0 + _STEP * (number % _ROW)
        assets[name] = Asset(name, kind, domain, name, name, "G", *place)
        beat = f"{device}.beat"
        for quantity in measured:
            design = _DESIGN.get(quantity)
            sensors.append(
                Sensor(f"{device}.{quantity}", name, device, quantity, quantity, 1, 0, 1, _STALE_S, beat, 0, design)
            )
        sensors.append(Sensor(beat, name, device, "beat", "heartbeat", 1, 0, 1, _STALE_S, ""))
        usual += [*measured.values(), 0.0]
        number += 1
    register = Register({}, assets, sensors, {}, [])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(f"packs: [{', '.join(pack_names())}]\n", encoding="utf-8")
        ruleset = load_rules(path, register, load_quantities())
    return City(register, ruleset, np.array(usual), np.array([each.quantity == "heartbeat" for each in sensors]))


def rounds(city: City, times_s: range, batch: int) -> Iterator[list[ReadingBatch]]:
    """Yield one list of batches for each second of `times_s`: every sensor once, around its usual value."""
    rng = np.random.default_rng(1)
    n = len(city.usual)
    for second in times_s:
        value, now_ns = _values(city, second, rng), second * SECOND_NS
        cuts = [np.arange(first, min(first + batch, n)) for first in range(0, n, batch)]
        yield [make_batch(now_ns, cut, np.full(len(cut), now_ns), value[cut], np.zeros(len(cut))) for cut in cuts]


def buffered(city: City, n_sensors: int, times_s: range) -> ReadingBatch:
    """Return one batch: readings of the first `n_sensors` at each of `times_s`, as from devices that were cut off."""
    rng = np.random.default_rng(1)
    value = np.concatenate([_values(city, second, rng)[:n_sensors] for second in times_s])
    time_ns = np.repeat(np.array(times_s), n_sensors) * SECOND_NS
    sensor = np.tile(np.arange(n_sensors), len(times_s))
    return make_batch(times_s[-1] * SECOND_NS, sensor, time_ns, value, np.zeros(len(value)))


def _values(city: City, second: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(city.is_beat, second - START_S, city.usual * (1 + _NOISE * rng.standard_normal(len(city.usual))))
