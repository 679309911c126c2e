from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality, make_batch
from collector.checks.climatology import Climatology
from collector.quality import QualityChecks
from config.city_time import CityTime
from config.climatology import UsualRange
from config.quantities import Quantity
from config.register import Register, Sensor

S = 1_000_000_000
SHANGHAI = ZoneInfo("Asia/Shanghai")
EVERY_MONTH, EVERY_HOUR = tuple(range(1, 13)), tuple(range(24))
SUMMER, WINTER = (6, 7, 8, 9), (1, 2, 3, 4, 5, 10, 11, 12)


def usual(low, high, quantity="water", sensor="", months=EVERY_MONTH, hours=EVERY_HOUR) -> UsualRange:
    """Return a range of a quantity, or of a sensor."""
    return UsualRange("" if sensor else quantity, sensor, months, hours, low, high, "test")


def register(*ranges: UsualRange) -> Register:
    """Return two sensors of water and one of air."""
    sensors = [
        Sensor(name, "A", "D", name, quantity, 1.0, 0.0, 2.0, 6.0, "")
        for name, quantity in [("a", "water"), ("b", "water"), ("c", "air")]
    ]
    return Register({}, {}, sensors, {}, [], usual_ranges=ranges)


def flags(climatology: Climatology, sensor: int, local: str, *values: float) -> list[int]:
    """Return the bits of values of a sensor at one local time."""
    time_ns = round(datetime.fromisoformat(f"{local}+08:00").timestamp()) * S
    n = len(values)
    return climatology.flags(np.full(n, sensor), np.full(n, time_ns), np.array(values)).tolist()


BIT = int(Quality.CLIMATOLOGY)


def test_flags_outside_the_range_are_unusual_and_its_limits_are_not():
    """The limits themselves are usual."""
    assert [BIT, 0, 0, BIT] == flags(Climatology(register(usual(1, 2))), 0, "2026-07-01T12:00", 0.9, 1.0, 2.0, 2.1)


@pytest.mark.parametrize(
    ("local", "expected"),
    [("2026-05-31T23:59:59", BIT), ("2026-06-01T00:00", 0), ("2026-09-30T23:59:59", 0), ("2026-10-01T00:00", BIT)],
)
def test_flags_season_begins_and_ends_by_local_time(local, expected):
    """Midnight is where people live, not in Greenwich."""
    both = Climatology(register(usual(10, 40, months=SUMMER), usual(-5, 20, months=WINTER)))

    assert [expected] == flags(both, 0, local, 30.0)


def test_flags_hours_nobody_spoke_of_are_not_judged():
    """No range, no judgement."""
    night = Climatology(register(usual(1, 2, hours=(22, 23, 0, 1))))

    assert [0, BIT] == [flags(night, 0, f"2026-07-01T{hour}:00", 9.0)[0] for hour in ("12", "23")]


def test_flags_own_range_of_a_sensor_comes_before_that_of_its_quantity():
    """One pond is deeper than the others; where it says nothing its quantity does."""
    own = Climatology(register(usual(5, 6, sensor="b", months=SUMMER), usual(1, 2)))

    assert [0, BIT] == [flags(own, number, "2026-07-01T12:00", 5.5)[0] for number in (1, 0)]
    assert [BIT] == flags(own, 1, "2026-01-01T12:00", 5.5)


def test_flags_sensor_without_a_range_is_not_judged():
    """The ranges of water say nothing about air."""
    assert [0] == flags(Climatology(register(usual(1, 2))), 2, "2026-07-01T12:00", 1e6)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4 * 10**9), st.integers(-20, 50)), max_size=20))
def test_flags_any_readings_are_those_of_the_calendar(readings):
    """The columns say what a calendar says, one reading at a time."""
    ranges = [usual(10, 40, months=SUMMER), usual(-5, 20, months=WINTER, hours=(6, 7, 8)), usual(0, 9, sensor="b")]
    sensor, time_s, value = (
        (np.array(column, np.int64) for column in zip(*readings, strict=True))
        if readings
        else (np.zeros(0, np.int64),) * 3
    )

    def expected(number: int, at_s: int, each: int) -> int:
        local = datetime.fromtimestamp(at_s, UTC).astimezone(SHANGHAI)
        names = [["a", "b", "c"][number], ["water", "water", "air"][number]]
        for name in names:
            for one in ranges:
                if name in (one.sensor, one.quantity) and local.month in one.months and local.hour in one.hours:
                    return 0 if one.low <= each <= one.high else BIT
        return 0

    got = Climatology(register(*ranges)).flags(sensor, time_s * S, value.astype(float))
    assert [expected(*reading) for reading in readings] == got.tolist()


def test_judge_late_readings_and_bursts_are_judged_by_their_calendar_too():
    """What is usual does not depend on what was before."""
    water = Quantity("water", "水", "water", "m", -1e9, 1e9, np.inf, 1, {}, "test")
    checks = QualityChecks(register(usual(1, 2)), {"water": water, "air": water})
    batch = checks.check(make_batch(0, [0, 0, 2], [9 * S, 1 * S, 1 * S], [1.5, 3.0, 3.0], [0, 0, 0]))

    assert [0, BIT, 0] == batch.quality.tolist()


@pytest.mark.parametrize(("utc", "expected"), [("2026-07-01T10:00", 0), ("2026-07-01T11:00", BIT)])
def test_flags_hours_are_those_of_the_city_in_summer_time_too(utc, expected):
    """In Berlin 12:59 local is 10:59 UTC in summer."""
    berlin = replace(register(usual(1, 2, hours=(13,))), city=CityTime("Europe/Berlin"))
    time_ns = round(datetime.fromisoformat(f"{utc}+00:00").timestamp()) * S

    assert [expected] == Climatology(berlin).flags(np.array([0]), np.array([time_ns]), np.array([9.0])).tolist()
