"""Sudden drops, the waves they send along a pipe, and disturbances, one at a time."""

import doctest

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Asset, Neighbour, Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import burst as module
from rules.kinds.burst import BurstOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

LENGTH_M = 1000.0
REGISTER = Register(
    {},
    {name: Asset(name, "water_main", "water", name, name, "R", 0.0, 0.0) for name in "AB"},
    [Sensor(f"{name}.p", name, name, "p", "water_main_pressure", 1.0, 0.0, 0.1, 5.0, "") for name in "AB"],
    {},
    [],
    {},
    {"A": (Neighbour("B", LENGTH_M),), "B": (Neighbour("A", LENGTH_M),)},
)
ONE = levels([("yellow", 0.05, 0.02, 0, 0)])
TWO = [*ONE, *levels([("red", 0.1, 0.05, 0, 0)])]
OPTIONS = {"within_s": 1, "wave_speed_m_s": 1000, "tolerance_s": 0.5, "hold_s": 60, "levels": ONE}


def engine_of(**options):
    """Return an engine with one rule over both sensors."""
    return RuleEngine(RuleSet((rule_of("burst", "rule", [0, 1], {**OPTIONS, **options}),), "1"), REGISTER)


def pressure(drops, until_s=30.0, sensor=0, quality=0):
    """Return readings every 0.1 s at 0.4 MPa, less each (from s, drop)."""
    times = np.arange(0, round(until_s * 10)) / 10
    return [(sensor, float(t), 0.4 - sum(size for at, size in drops if t >= at), quality) for t in times]


def play(*parts, **options):
    """Return (sensor, time, transition, level) of the rule over readings in the order of their times."""
    rows = sorted((row for part in parts for row in part), key=lambda row: row[1])
    rows = [(sensor, 1000 + time, *rest) for sensor, time, *rest in rows]
    found = told(engine_of(**options).evaluate(batch(2000, rows), 1))
    return [(sensor, round(time - 1000, 6), turn, after) for sensor, time, turn, _, after, _ in found]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(("size", "is_found"), [(0.0501, True), (0.0499, False), (-0.2, False)])
def test_burst_of_a_drop_at_the_limit_raises_at_once(size, is_found):
    """With its first reading."""
    assert ([(0, 20.0, "RAISED", 3)] if is_found else []) == play(pressure([(20, size)]))


@pytest.mark.parametrize(
    ("direction", "size", "is_found"),
    [("fall", 0.1, True), ("fall", -0.1, False), ("rise", -0.1, True), ("rise", 0.1, False), ("either", -0.1, True)],
)
def test_burst_in_its_direction_counts(direction, size, is_found):
    """A step up is another one."""
    assert is_found == bool(play(pressure([(20, size)]), direction=direction))


def test_burst_of_a_slow_fall_is_none():
    """0.3 MPa in 20 s is 0.015 in one."""
    readings = [(0, row[1], 0.4 - 0.015 * max(0, row[1] - 10), 0) for row in pressure([])]

    assert [] == play(readings)


def test_burst_below_the_sigmas_of_its_own_noise_is_none():
    """A pump that always pounds is no burst; a drop beyond its pounding is one."""
    dice = np.random.default_rng(1)
    noisy = [(0, time, value + dice.normal() * 0.02, 0) for _, time, value, _ in pressure([(25, 0.25)])]

    assert [(0, 25.0, "RAISED", 3)] == play(noisy, sigmas=6)


def test_burst_is_measured_from_the_level_before_for_as_long_as_it_lasts():
    """The seconds before move on; the alarm does not end by that."""
    assert [(0, 20.0, "RAISED", 3)] == play(pressure([(20, 0.1)], until_s=70))


def test_burst_that_has_lasted_for_the_hold_is_how_it_is_now():
    """It ends, and the next drop is measured from there."""
    found = play(pressure([(20, 0.1), (60, 0.06)], until_s=70), hold_s=20)

    assert [(0, 20.0, "RAISED", 3), (0, 40.0, "CLEARED", 0), (0, 60.0, "RAISED", 3)] == found


@pytest.mark.parametrize(("back", "clears"), [(0.069, False), (0.071, True)])
def test_burst_within_the_deadband_stays(back, clears):
    """It ends where the rest of the drop is less than limit and deadband."""
    found = play(pressure([(20, 0.1), (25, -back)]))

    assert clears == ((0, 25.0, "CLEARED", 0) in found)


def test_burst_with_an_on_delay_waits_for_it():
    """Event time of the sensor."""
    assert [(0, 22.0, "RAISED", 3)] == play(pressure([(20, 0.1)]), levels=levels([("yellow", 0.05, 0.02, 2, 0)]))


def test_burst_before_the_noise_is_known_is_not_told():
    """Fifty calm readings are needed."""
    assert [] == play(pressure([(3.5, 0.1)], until_s=10))
    assert [(0, 5.2, "RAISED", 3)] == play(pressure([(5.2, 0.1)], until_s=10))


def test_burst_across_a_gap_is_none():
    """A fall in hours counts as slow."""
    later = [(0, time + 3600, value, 0) for _, time, value, _ in pressure([(0, 0.1)])]

    assert [] == play(pressure([]), later)


def test_burst_that_stands_before_a_gap_stands_after_it():
    """A gap ends no episode, however long."""
    later = [(0, time + 3600, value, 0) for _, time, value, _ in pressure([(0, 0.1)])]

    assert [(0, 20.0, "RAISED", 3)] == play(pressure([(20, 0.1)]), later)


def test_burst_across_two_clocks_is_none():
    """Seconds of two clocks cannot be compared."""
    received = [(0, time + 30, value, Quality.TIME_SERVER) for _, time, value, _ in pressure([(0, 0.1)])]

    assert [] == play(pressure([]), received)


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_burst_leaves_doubted_readings_out(quality):
    """One wild reading is no burst."""
    assert [] == play(pressure([]), [(0, 20.05, 0.0, quality)])


def test_burst_judges_what_is_too_fast_to_be_usual():
    """The rule looks for such fast changes."""
    readings = [(*row[:3], Quality.RATE if row[1] == 20 else 0) for row in pressure([(20, 0.1)])]

    assert [(0, 20.0, "RAISED", 3)] == play(readings)


def test_burst_that_no_other_sensor_has_seen_stays_at_the_lowest_level():
    """It may be the device."""
    assert [(0, 20.0, "RAISED", 3)] == play(pressure([(20, 0.3)]), pressure([], sensor=1), levels=TWO)


def test_burst_that_is_alone_by_its_own_word_may_reach_more():
    """A rule for a single sensor says so."""
    assert [(0, 20.0, "RAISED", 5)] == play(pressure([(20, 0.3)]), levels=TWO, alone="red")


def test_burst_that_another_sensor_confirms_reaches_its_level_at_both():
    """The second at once, the first with its next reading."""
    found = play(pressure([(20, 0.3)]), pressure([(20.6, 0.2)], sensor=1), levels=TWO)

    assert [(0, 20.0, "RAISED", 3), (1, 20.6, "RAISED", 5), (0, 20.7, "ESCALATED", 5)] == found


@pytest.mark.parametrize(("later_s", "is_confirmed"), [(1.5, True), (1.6, False), (-1.5, True), (-1.6, False)])
def test_burst_seen_later_than_a_wave_needs_is_another(later_s, is_confirmed):
    """A second for a kilometre, and half a second of tolerance."""
    found = play(pressure([(20, 0.3)]), pressure([(20 + later_s, 0.3)], sensor=1), levels=TWO)

    assert is_confirmed == any(level == 5 for *_, level in found)


def test_burst_confirmed_late_by_a_slow_gateway_is_confirmed():
    """Arrivals are compared by event time, whenever they become known."""
    engine = engine_of(levels=TWO)
    slow = [(1, 1000 + row[1], *row[2:]) for row in pressure([(20.6, 0.2)], sensor=1, until_s=25)]
    first = [(0, 1000 + row[1], *row[2:]) for row in pressure([(20, 0.3)])]
    told_first = told(engine.evaluate(batch(1030, first), 1))
    told_then = told(engine.evaluate(batch(1031, [*slow, (0, 1031.0, 0.1, 0)]), 2))

    assert ([3], [5, 5]) == ([row[4] for row in told_first], [row[4] for row in told_then])


def test_burst_of_a_wave_told_by_two_kinds_of_clocks_is_not_confirmed():
    """Their difference means nothing."""
    other = pressure([(20, 0.3)], sensor=1, quality=Quality.TIME_SERVER)

    assert 3 == max(level for *_, level in play(pressure([(20, 0.3)]), other, levels=TWO))


def test_burst_of_a_lone_sensor_tells_the_drop_that_it_measured():
    """Its level is capped, its value is not."""
    engine = engine_of(levels=TWO)
    rows = [(0, 1000 + time, value, bits) for _, time, value, bits in pressure([(20, 0.3)])]
    events = engine.evaluate(batch(1030, rows), 1)

    assert [(3, pytest.approx(0.3))] == [(int(events.level_after[0]), float(events.value[0]))]


@pytest.mark.parametrize("from_m", [0, 100, 350, 500, 900, 1000])
def test_burst_is_found_where_it_is_along_the_pipe(from_m):
    """Half of (L - c dt), as exact as the readings are close: half a reading is 50 m."""
    engine = engine_of(levels=TWO, tolerance_s=0)
    parts = pressure([(20 + from_m / 1000, 0.3)]), pressure([(20 + (LENGTH_M - from_m) / 1000, 0.3)], sensor=1)
    rows = sorted(((s, 1000 + t, v, q) for part in parts for s, t, v, q in part), key=lambda row: row[1])
    events = engine.evaluate(batch(1030, rows), 1)
    told = {engine.alarms[alarm].sensor: events.extent(i, engine.alarms) for i, alarm in enumerate(events.alarm)}

    assert ["rule/B.p", "rule/A.p"] == [told[i].towards for i in (0, 1)]
    assert [from_m, LENGTH_M - from_m] == [pytest.approx((told[i].low + told[i].high) / 2, abs=51) for i in (0, 1)]


@pytest.mark.parametrize(
    ("tolerance_s", "low", "high"), [(0, 350, 350), (0.1, 300, 400), (5, 0, 1000)], ids=["exact", "good", "bad clocks"]
)
def test_burst_is_told_with_what_clocks_leave_open(tolerance_s, low, high):
    """A second of doubt between two clocks is half a kilometre; nothing lies beyond the ends of the pipe."""
    engine = engine_of(levels=TWO, tolerance_s=tolerance_s)
    parts = pressure([(20.35, 0.3)]), pressure([(20.65, 0.3)], sensor=1)
    rows = sorted(((s, 1000 + t, v, q) for part in parts for s, t, v, q in part), key=lambda row: row[1])
    events = engine.evaluate(batch(1030, rows), 1)
    last = events.extent(len(events) - 1, engine.alarms)

    assert (low, high) == (pytest.approx(last.low, abs=51), pytest.approx(last.high, abs=51))


def test_burst_seen_by_one_sensor_has_no_place():
    """The place is unknown."""
    engine = engine_of(levels=TWO)
    events = engine.evaluate(batch(1030, [(0, 1000 + row[1], *row[2:]) for row in pressure([(20, 0.3)])]), 1)

    assert [None] == [events.extent(i, engine.alarms) for i in range(len(events))]


@pytest.mark.parametrize(
    "keys",
    [{"within_s": 0}, {"sigmas": 0}, {"hold_s": 0}, {"wave_speed_m_s": 10}, {"reach_m": -1}, {"alone": "mauve"}],
)
def test_burst_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a burst are rejected."""
    with pytest.raises(ValidationError):
        BurstOptions.model_validate({**OPTIONS, **keys})


@pytest.mark.parametrize(("keys", "path"), [({"alone": "blue"}, ("alone",)), ({"within_s": 0.15}, ("within_s",))])
def test_burst_rules_that_cannot_work_say_where(keys, path):
    """Each fault names the key."""
    options = BurstOptions.model_validate({**OPTIONS, **keys})
    quantity = load_quantities()["water_main_pressure"]

    assert path in [each.path for each in options.faults(quantity, REGISTER.sensors)]
