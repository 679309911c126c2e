import numpy as np
import pytest

from config.city_time import CityTime
from simulators import LIFELINES
from simulators.daylight import sample_times
from simulators.water_supply import demand

SECOND = 10**9
MIDNIGHT = 1_790_006_400 * SECOND  # local time
DAY_NS = np.arange(0, 86_400, 20) * SECOND + MIDNIGHT
DAY = sample_times(DAY_NS, CityTime())

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

    backwards = sample_times(DAY_NS[::-1], CityTime())

    assert np.array_equal(signal(5, sensor, DAY), signal(5, sensor, backwards)[::-1])


@pytest.mark.parametrize(("name", "domain", "low", "high"), PLAUSIBLE)
def test_signal_live_sensor_never_stands_still(register, name, domain, low, high):
    """A live instrument trembles: no two neighbouring readings in a run of ten are all equal."""
    del low, high
    sensor = _sensor(register, name)

    when = sample_times(MIDNIGHT + np.arange(1000) * 2 * SECOND, CityTime())
    values = LIFELINES[domain][sensor.quantity](5, sensor, when)

    assert len(np.unique(values)) > 100


def test_demand_by_hour_peaks_in_the_evening_and_sleeps_at_night():
    """Evening draws most, night least, breakfast more than the forenoon."""
    hour = {
        name: demand(sample_times(np.array([MIDNIGHT + int(h * 3600) * SECOND]), CityTime()))[0]
        for name, h in [("night", 3), ("breakfast", 7.5), ("forenoon", 10), ("evening", 19.5)]
    }

    assert hour["night"] < hour["forenoon"] < hour["breakfast"] < hour["evening"]


def test_bridge_strain_follows_the_deck_temperature(register):
    """Over a day strain correlates with the temperature that the same bridge reports."""
    strain, temperature = _sensor(register, "BR-0001-S.strain_1"), _sensor(register, "BR-0001-S.temperature")

    strains = LIFELINES["bridge"]["strain"](1, strain, DAY)
    temperatures = LIFELINES["bridge"]["temperature"](1, temperature, DAY)

    assert np.corrcoef(strains, temperatures)[0, 1] > 0.9


def test_demand_follows_the_clock_of_the_city():
    """In Berlin people draw water by the clock of Berlin, in summer too."""
    summer_evening_ns = np.array([1_782_063_000 * SECOND])  # 2026-06-21T17:30Z
    winter_evening_ns = np.array([1_797_877_800 * SECOND])  # 2026-12-21T18:30Z
    berlin = CityTime("Europe/Berlin")

    assert [19.5] == sample_times(summer_evening_ns, berlin).hour.tolist()
    assert demand(sample_times(summer_evening_ns, berlin)) == demand(sample_times(winter_evening_ns, berlin))
