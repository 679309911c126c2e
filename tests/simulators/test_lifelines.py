import numpy as np
import pytest

from simulators import LIFELINES
from simulators.water_supply import demand

SECOND = 10**9
MIDNIGHT = 1_790_006_400 * SECOND  # local time
DAY = np.arange(0, 86_400, 20) * SECOND + MIDNIGHT

PLAUSIBLE = [
    ("FT-0001.pressure_kpa", "fire", 0.2, 0.5),
    ("WP-0001.pressure_kpa", "water", 0.2, 0.45),
    ("GM-0001.methane_lel", "gas", 0.0, 4.0),
    ("GM-0001.temperature", "gas", 10.0, 25.0),
    ("BR-0001-S.strain_1", "bridge", -60.0, 60.0),
    ("BR-0001-D.displacement_1", "bridge", -8.0, 8.0),
    ("BR-0001-S.temperature", "bridge", 0.0, 40.0),
]


def _sensor(register, name):
    return register.sensors[register.sensor_index[name]]


@pytest.mark.parametrize(("name", "domain", "low", "high"), PLAUSIBLE)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_signal_over_a_day_stays_plausible(register, name, domain, low, high, seed):
    """An undisturbed day stays inside the range of everyday operation, far from every limit."""
    sensor = _sensor(register, name)

    values = LIFELINES[domain][sensor.quantity](seed, sensor, DAY)

    assert low <= values.min() < values.max() <= high


@pytest.mark.parametrize(("name", "domain", "low", "high"), PLAUSIBLE)
def test_signal_same_seed_and_times_is_the_same(register, name, domain, low, high):
    """Seed and time decide everything: backwards is the same as forwards."""
    del low, high
    sensor = _sensor(register, name)
    signal = LIFELINES[domain][sensor.quantity]

    assert np.array_equal(signal(5, sensor, DAY), signal(5, sensor, DAY[::-1])[::-1])


@pytest.mark.parametrize(("name", "domain", "low", "high"), PLAUSIBLE)
def test_signal_live_sensor_never_stands_still(register, name, domain, low, high):
    """A live instrument trembles: no two neighbouring readings in a run of ten are all equal."""
    del low, high
    sensor = _sensor(register, name)

    values = LIFELINES[domain][sensor.quantity](5, sensor, MIDNIGHT + np.arange(1000) * 2 * SECOND)

    assert len(np.unique(values)) > 100


def test_demand_by_hour_peaks_in_the_evening_and_sleeps_at_night():
    """Evening draws most, night least, breakfast more than the forenoon."""
    hour = {
        name: demand(np.array([MIDNIGHT + int(h * 3600) * SECOND]))[0]
        for name, h in [("night", 3), ("breakfast", 7.5), ("forenoon", 10), ("evening", 19.5)]
    }

    assert hour["night"] < hour["forenoon"] < hour["breakfast"] < hour["evening"]


def test_bridge_strain_follows_the_deck_temperature(register):
    """Over a day strain correlates with the temperature that the same bridge reports."""
    strain, temperature = _sensor(register, "BR-0001-S.strain_1"), _sensor(register, "BR-0001-S.temperature")

    strains = LIFELINES["bridge"]["strain"](1, strain, DAY)
    temperatures = LIFELINES["bridge"]["temperature"](1, temperature, DAY)

    assert np.corrcoef(strains, temperatures)[0, 1] > 0.9
