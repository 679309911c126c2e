"""The usual value of an hour of the week: learning, the time until it is known, and disturbances."""

import doctest

import pytest

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import deviation as module
from rules.kinds.deviation import DeviationOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
MONDAY = 4 * DAY - 8 * HOUR
"""The first Monday of 1970 at 0:00 in China."""
BLUE = levels([("blue", 10.0, 5.0, 0, 0)])


def play(readings, **options):
    """Return (hours since Monday, level after) of one rule over (hours since Monday, value[, quality])."""
    sensor = Sensor("S", "A", "D", "s", "water_flow", 1.0, 0.0, 3600.0, 2.0 * DAY, "")
    keys = {"direction": "either", "in": "unit", "warm_weeks": 1, "levels": BLUE, **options}
    engine = RuleEngine(RuleSet((rule_of("deviation", "rule", [0], keys),), "1"), Register({}, {}, [sensor], {}, []))
    rows = [(0, MONDAY + hour * HOUR, *rest) for hour, *rest in readings]
    events = engine.evaluate(batch(MONDAY + 100 * WEEK, rows), 1)
    return [((time - MONDAY) / HOUR, after) for _, time, _, _, after, _ in told(events)]


def weeks(n, first=0, value=100.0):
    """Return a reading each hour of `n` weeks: 100 m3/h, and half of it at weekends."""
    hours = range(first * 168, (first + n) * 168)
    return [(hour, value / 2 if hour // 24 % 7 > 4 else value) for hour in hours]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("hour", "value", "is_found"),
    [(168, 50.0, True), (168, 100.0, False), (168 + 5 * 24, 50.0, False), (168 + 5 * 24, 100.0, True)],
    ids=["weekend's flow on Monday", "Monday's on Monday", "weekend's on Saturday", "Monday's on Saturday"],
)
def test_deviation_knows_the_day_of_the_week(hour, value, is_found):
    """The same value is usual on one day and not on another."""
    readings = [each for each in weeks(2) if each[0] < hour]

    assert [(hour, 2)] * is_found == play([*readings, (hour, value)])


@pytest.mark.parametrize(("offset_h", "is_found"), [(8, False), (7.5, True)])
def test_deviation_counts_hours_in_local_time(offset_h, is_found):
    """A flow that changes at local midnight is usual; half an hour off, that hour is both."""
    halves = [(half / 2, 100.0 if half // 48 % 7 % 2 else 50.0) for half in range(2 * 336)]

    assert is_found == bool(play(halves, utc_offset_h=offset_h))


@pytest.mark.parametrize(("warm_weeks", "is_found"), [(2, True), (3, False)])
def test_deviation_before_enough_weeks_judges_nothing(warm_weeks, is_found):
    """An hour of the week that was seen too rarely says nothing."""
    assert [(336, 2)] * is_found == play([*weeks(2), (336, 150.0)], warm_weeks=warm_weeks)


@pytest.mark.parametrize(("value", "clears"), [(105.0, False), (104.9, True)], ids=["at the edge", "behind it"])
def test_deviation_at_the_end_of_the_deadband_clears_only_behind_it(value, clears):
    """The deadband counts from the limit back towards the usual value."""
    assert [(168, 2)] + [(169, 0)] * clears == play([*weeks(1), (168, 110.0), (169, value)])


def test_deviation_in_sigmas_is_relative_to_what_the_sensor_usually_varies():
    """Four values in an hour, 3 apart: a sigma is 1.25 of their mean distance, here 3.34 after three weeks."""
    calm = [(hour + part / 4, 100 + 3 * (-1) ** part) for hour in range(3 * 168) for part in range(4)]
    keys = {"in": "sigma", "levels": levels([("blue", 4.0, 1.0, 0, 0)])}

    assert ([], [(504, 2)]) == (play([*calm, (504, 110.0)], **keys), play([*calm, (504, 116.0)], **keys))


def test_deviation_of_a_constant_sensor_never_divides_by_nothing():
    """A sigma is at least the last digit: here a millionth, where no quantity is named."""
    assert [(168, 2)] == play([*weeks(1), (168, 100.001)], **{"in": "sigma"})


def test_deviation_in_danger_does_not_learn_it():
    """A burst of six days is beyond to its end, and the old level is usual after it."""
    burst = weeks(1, first=1, value=200.0)[: 6 * 24]

    assert [(168, 2), (168 + 144, 0)] == play([*weeks(1), *burst, *weeks(1, first=1)[144:], *weeks(1, first=2)])


def test_deviation_beyond_for_the_whole_rebaseline_time_begins_anew():
    """After two days beyond it forgets; the alarm ends when a week of the new level is known."""
    assert [(168, 2), (168 + 48 + 168, 0)] == play([*weeks(1), *weeks(3, first=1, value=300.0)], rebaseline_s=2 * DAY)


def test_deviation_of_an_odd_week_moves_what_is_usual_by_three_sigma_at_most():
    """In the second week of two to warm up, a flow ten times as large counts as 3 sigma more."""
    noisy = [(hour + part / 2, 100 + 2 * (-1) ** part) for hour in range(168) for part in range(2)]
    odd = [(hour, 1000.0) for hour in range(168, 336)]

    assert [(336, 2)] == play([*noisy, *odd, (336, 115.0)], warm_weeks=2, direction="rise")


@pytest.mark.parametrize("flag", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT])
def test_deviation_leaves_doubted_readings_out(flag):
    """They neither raise nor teach."""
    doubted = [(hour, 900.0, flag) for hour, _ in weeks(1, first=1)]

    assert [(336, 2)] == play([*weeks(1), *doubted, (336, 110.0)])


@pytest.mark.parametrize("flag", [Quality.FLAT, Quality.CLIMATOLOGY, Quality.UNCHECKED])
def test_deviation_judges_odd_readings_without_learning_them(flag):
    """They raise; a week of them alone teaches nothing."""
    odd = [(hour, value, flag) for hour, value in weeks(1)]

    assert ([(168, 2)], []) == (play([*weeks(1), (168, 110.0, flag)]), play([*odd, (168, 110.0)]))


def test_deviation_over_a_gap_of_weeks_is_kept():
    """A sensor that was away for a month knows its weeks as before."""
    assert [(5 * 168, 2), (5 * 168 + 1, 0)] == play([*weeks(1), (5 * 168, 110.0), (5 * 168 + 1, 100.0)])


def test_deviation_on_received_times_is_judged_by_them():
    """A device without a clock has its hours of the week from the intake."""
    server = Quality.TIME_SERVER

    assert [(168, 2)] == play([*[(h, v, server) for h, v in weeks(1)], (168, 110.0, server)])


@pytest.mark.parametrize(("unit", "expected"), [("sigma", "σ"), ("unit", "m3/h")])
def test_deviation_is_told_in_the_unit_of_its_limits(unit, expected):
    """People read the unit of the limits."""
    options = DeviationOptions.model_validate({"in": unit, "levels": BLUE})

    assert expected == options.judged_quantity(load_quantities()["water_flow"]).unit


def test_deviation_state_is_below_4_kib_a_sensor():
    """A city has 100,000 sensors."""
    engine = RuleEngine(
        RuleSet((rule_of("deviation", "r", [0], {"levels": BLUE}),), "1"),
        Register({}, {}, [Sensor("S", "A", "D", "s", "water_flow", 1.0, 0.0, 60.0, 180.0, "")], {}, []),
    )
    state = engine._parts.evaluators["deviation"].state()

    assert sum(column.nbytes for column in state.by_alarm.values()) < 4096
