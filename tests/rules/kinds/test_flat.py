from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality
from config.register import Asset, Register, Sensor
from rules.engine import BLIND, RuleEngine
from rules.kinds.battery import BatteryOptions
from rules.kinds.flat import FlatOptions
from rules.rule import Rule, RuleSet
from tests.rules.small_district import batch, told, without_position

PRESSURE, TEMPERATURE, BEAT, CHARGE, ALONE, OTHER_CHARGE = range(6)
FLAT = Quality.FLAT


def register() -> Register:
    """Return a device of two measured values, heartbeat and battery, and one of a single value and a battery."""
    rows = [
        ("T.p", "T", "fire_water_pressure", "T.b"),
        ("T.t", "T", "temperature", "T.b"),
        ("T.b", "T", "heartbeat", ""),
        ("T.bat", "T", "battery", ""),
        ("P.p", "P", "fire_water_pressure", ""),
        ("P.bat", "P", "battery", ""),
    ]
    sensors = [Sensor(name, "A", device, name, kind, 1.0, 0.0, 2.0, 6.0, beat) for name, device, kind, beat in rows]
    return Register({}, {"A": Asset("A", "k", "fire", "A", "A", "R", 0.0, 0.0)}, sensors, {}, [])


def engine(*, neighbours: bool = False) -> RuleEngine:
    """Return an engine with a flat rule over three sensors and a battery rule over two."""
    flat = FlatOptions(neighbours=neighbours)
    low = BatteryOptions(limit=20, deadband=10, source="assumed")
    rules = (
        Rule("flat", "flat", "f", "f", "", "", None, (PRESSURE, TEMPERATURE, ALONE), (), flat),
        Rule("low", "battery", "l", "l", "", "", None, (CHARGE, OTHER_CHARGE), (), low),
    )
    return RuleEngine(RuleSet(rules, "1"), register())


def happened(readings) -> list[tuple]:
    """Return (alarm number, second, level after, reason) of the transitions of one batch."""
    return [
        (alarm, time_s, after, reason)
        for alarm, time_s, _, _, after, reason in told(engine().evaluate(batch(0, readings), 1))
    ]


def test_flat_on_a_device_of_one_value_is_a_fault_until_it_moves():
    """Nothing else can say that the device measures."""
    readings = [(ALONE, 1, 5.0), (ALONE, 2, 5.0), (ALONE, 3, 5.0, FLAT), (ALONE, 4, 5.0, FLAT), (ALONE, 5, 5.1)]

    assert [(2, 3.0, 1, "FLAT_LINE"), (2, 5.0, 0, "MOVES_AGAIN")] == happened(readings)


@pytest.mark.parametrize(("neighbours", "expected"), [(False, []), (True, ["ATTENUATED", "MOVES_AGAIN"])])
def test_flat_attenuated_sensor_is_a_fault_where_the_rule_asks_for_it(neighbours, expected):
    """A blocked line hides the pressure although the temperature of the device goes on; most rules do not ask."""
    blocked = [(PRESSURE, 2, 5.0, Quality.NEIGHBOUR), (TEMPERATURE, 2, 20.1), (PRESSURE, 3, 5.01, Quality.NEIGHBOUR)]
    readings = [(TEMPERATURE, 1, 20.0), (PRESSURE, 1, 5.0), *blocked, (PRESSURE, 4, 5.3)]
    events = engine(neighbours=neighbours).evaluate(batch(0, readings), 1)

    assert expected == [reason for *_, reason in told(events)]


def test_flat_beside_a_value_that_moves_is_no_fault():
    """An empty pipe stands at zero while the temperature goes on."""
    moving = [(TEMPERATURE, 1 + i / 2, 20 + i / 10) for i in range(20)]
    still = [(PRESSURE, 1 + i / 2, 0.0, FLAT if i > 5 else 0) for i in range(20)]

    assert [] == happened([each for pair in zip(moving, still, strict=True) for each in pair])


def test_flat_away_from_zero_is_a_fault_whatever_moves():
    """A pressure that always trembled and now repeats one value is frozen, though the device's temperature goes on."""
    moving = [(TEMPERATURE, 1 + i / 2, 20 + i / 10) for i in range(20)]
    still = [(PRESSURE, 1 + i / 2, 5.0, FLAT if i > 5 else 0) for i in range(20)]

    assert [(0, 4.0, 1, "FLAT_LINE")] == happened([each for pair in zip(moving, still, strict=True) for each in pair])


def test_flat_beside_a_value_that_stopped_a_little_later_is_a_fault():
    """One more change of the other value only delays the verdict: it must lie in the later half."""
    readings = [(PRESSURE, 10, 0.0), (TEMPERATURE, 10, 20.0), (TEMPERATURE, 14, 20.1)]
    readings += [(PRESSURE, second, 0.0, FLAT) for second in (16, 18, 20)]

    assert [(0, 18.0, 1, "FLAT_LINE")] == happened(readings)


def test_flat_heartbeat_and_charge_are_no_signs_of_measuring():
    """A radio that counts says nothing about the sensor behind it."""
    readings = [(ALONE, 1, 5.0), (OTHER_CHARGE, 2, 90.0), (OTHER_CHARGE, 3, 89.0), (ALONE, 3, 5.0, FLAT)]

    assert [(2, 3.0, 1, "FLAT_LINE")] == happened(readings)


def test_flat_reading_out_of_range_neither_raises_nor_clears():
    """An unusable reading proves nothing."""
    bad = Quality.OUT_OF_RANGE
    readings = [(ALONE, 1, 5.0), (ALONE, 2, -9.0, bad | FLAT), (ALONE, 3, 5.0, FLAT), (ALONE, 4, -9.0, bad)]

    assert [(2, 3.0, 1, "FLAT_LINE")] == happened(readings)


@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        ([20.1, 50.0], []),
        ([20.0], [(3, 1.0, 1, "BATTERY_LOW")]),
        ([19.0, 29.9, 18.0], [(3, 1.0, 1, "BATTERY_LOW")]),
        ([19.0, 30.0, 18.0], [(3, 1.0, 1, "BATTERY_LOW"), (3, 2.0, 0, "BATTERY_WELL"), (3, 3.0, 1, "BATTERY_LOW")]),
    ],
)
def test_battery_is_low_at_the_limit_and_well_beyond_the_deadband(charges, expected):
    """A warm afternoon is no new battery."""
    assert expected == happened([(CHARGE, i, value) for i, value in enumerate(charges, 1)])


def test_battery_low_blinds_nobody_and_a_flat_line_does():
    """A device with a low battery still measures."""
    judge = engine()
    judge.evaluate(batch(0, [(CHARGE, 1, 5.0), (ALONE, 1, 5.0), (ALONE, 2, 5.0, FLAT)]), 1)

    assert [ALONE] == [number for number, health in enumerate(judge.health()) if health == BLIND]


reading = st.tuples(
    st.integers(0, 5),
    st.integers(0, 40),
    st.sampled_from([0.0, 5.0, 5.0, 15.0, 25.0, 35.0]),
    st.sampled_from([0, 0, 128, 129]),
)


@given(
    st.lists(st.lists(reading, max_size=10), max_size=8), st.lists(st.integers(0, 10), max_size=2), st.integers(0, 8)
)
def test_any_stream_split_and_restarted_anywhere_tells_the_same(stream, cuts, restart):
    """Batches and restarts change no event and no byte of the state."""
    whole, parted = engine(), engine()
    for i, rows in enumerate(stream):
        readings = [(number, i * 5 + offset / 4, value, bits) for number, offset, value, bits in rows]
        if i == restart:
            blob, parted = parted.snapshot(), engine()
            parted.restore(blob)
        expected = without_position(whole.evaluate(batch(i, readings), i + 1).lines(whole.alarms))
        edges = [0, *sorted(min(cut, len(readings)) for cut in cuts), len(readings)]
        lines = []
        for start, end in pairwise(edges):
            lines += without_position(parted.evaluate(batch(i, readings[start:end]), i + 1).lines(parted.alarms))

        assert expected == lines
    assert whole.snapshot() == parted.snapshot()
