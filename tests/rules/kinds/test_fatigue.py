"""Wear by load cycles, and disturbances, one at a time."""

import doctest

import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import fatigue as module
from rules.kinds.fatigue import FatigueOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

SENSOR = Sensor("B.s", "B", "D", "s", "stress", 1.0, 0.0, 1.0, 6.0, "")
OPTIONS = {
    "reference_range": 10.0,
    "reference_cycles": 100.0,
    "levels": levels([("blue", 2.0, 0.5, 0, 0), ("yellow", 5.0, 0.5, 0, 0)]),
}
YEAR_S = 365.25 * 86_400
WINDOW = {**OPTIONS, "span_s": 10, "design_life_years": 1000 / YEAR_S}
"""A hundredth of the life a window is allowed."""


def play(readings, **options):
    """Return (time, transition, level) of one rule over (time in s, value[, quality])."""
    engine = RuleEngine(
        RuleSet((rule_of("fatigue", "rule", [0], {**OPTIONS, **options}),), "1"), Register({}, {}, [SENSOR], {}, [])
    )
    rows = [(0, 1000 + time, *rest) for time, *rest in readings]
    return [(time - 1000, turn, after) for _, time, turn, _, after, _ in told(engine.evaluate(batch(9e3, rows), 1))]


def swings(n, size=10.0, start_s=0):
    """Return readings of n swings of `size`, two a cycle, one a second."""
    return [(float(start_s + i), size * (i % 2)) for i in range(2 * n)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


def test_fatigue_of_swings_uses_the_life_that_the_curve_says():
    """Each whole swing is a hundredth; the turning point is known with the reading after it."""
    assert [(5.0, "RAISED", 2), (11.0, "ESCALATED", 3)] == play(swings(8))


@pytest.mark.parametrize(("slope", "expected"), [(1.0, [(9.0, "RAISED", 2)]), (3.0, [])])
def test_fatigue_of_half_as_large_swings_is_the_power_of_the_slope(slope, expected):
    """Twice as many at slope 1, eight times as many at slope 3."""
    assert expected == play(swings(8, size=5.0), slope=slope)


def test_fatigue_counts_what_was_used_before():
    """The bridge is older than its sensors."""
    assert [(0.0, "RAISED", 2)] == play(swings(1), used_percent=2.5)


def test_fatigue_of_ranges_below_the_least_is_none():
    """Noise has such ranges."""
    assert [] == play(swings(50), least_range=10.1)


def test_fatigue_used_up_never_comes_back():
    """Rest does not mend steel."""
    rest = [(float(second), 0.0) for second in range(20, 300)]

    assert [(5.0, "RAISED", 2)] == play([*swings(4), *rest])


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_fatigue_leaves_doubted_readings_out(quality):
    """A spike would be a cycle that nothing bears."""
    readings = [row for time, value in swings(2) for row in ((time, value), (time + 0.5, 900.0, quality))]

    assert [] == play(readings)


def test_fatigue_after_a_gap_goes_on_counting():
    """The used life stays used; the cycles in the gap are unknown."""
    assert [(1001.0, "RAISED", 2)] == play([*swings(2), *swings(2, start_s=1000)])


def test_fatigue_across_two_clocks_goes_on_counting():
    """The order of turning points is all that matters."""
    received = [(time, value, Quality.TIME_SERVER) for time, value in swings(2, start_s=4)]

    assert [(5.0, "RAISED", 2)] == play([*swings(2), *received])


def test_fatigue_of_windows_is_told_with_the_first_reading_after_each_and_ends():
    """Five swings in ten seconds use five hundredths where one is allowed; half as large ones much less."""
    written = levels([("yellow", 300, 100, 0, 0)])
    readings = [*swings(10), *swings(10, size=5.0, start_s=20)]

    assert [(10.0, "RAISED", 3), (30.0, "CLEARED", 0)] == play(readings, **{**WINDOW, "levels": written})


def test_fatigue_of_a_window_with_holes_is_not_known():
    """Three quarters of the readings must be there."""
    written = levels([("yellow", 100, 50, 0, 0)])
    readings = [(time, value) for time, value in swings(10) if not 2 < time < 7]

    assert [(20.0, "RAISED", 3)] == play([*readings, (20.0, 0.0)], **{**WINDOW, "levels": written})


def test_fatigue_of_a_window_across_two_clocks_is_not_known():
    """Its length is not known."""
    written = levels([("yellow", 100, 50, 0, 0)])
    readings = [(time, value, Quality.TIME_SERVER if time >= 5 else 0) for time, value in swings(6)]

    assert [] == play(readings[:11], **{**WINDOW, "levels": written})


@pytest.mark.parametrize(
    "keys",
    [{"reference_range": 0}, {"reference_cycles": 0}, {"slope": 0.5}, {"least_range": -1}, {"span_s": 5}],
)
def test_fatigue_options_out_of_bounds_are_refused(keys):
    """Options without wear are rejected."""
    with pytest.raises(ValidationError):
        FatigueOptions.model_validate({**OPTIONS, **keys})


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"least_range": 1e5}, ("least_range",)),
        ({"span_s": 10, "levels": levels([("blue", 100, 50, 0, 0)])}, ("span_s",)),
    ],
)
def test_fatigue_rules_that_cannot_work_say_where(keys, path):
    """Each fault names the key."""
    slow = Sensor("B.s", "B", "D", "s", "stress", 1.0, 0.0, 2.0, 6.0, "")
    options = FatigueOptions.model_validate({**OPTIONS, **keys})

    assert path in [each.path for each in options.faults(load_quantities()["stress"], [slow])]


@pytest.mark.parametrize(("options", "window_s", "cadence_s"), [(OPTIONS, 0.0, 1.0), (WINDOW, 10.0, 10.0)])
def test_fatigue_tells_how_long_its_window_is(options, window_s, cadence_s):
    """The worst case of a detection adds it."""
    checked = FatigueOptions.model_validate(options)

    assert (window_s, cadence_s) == (checked.window_s(SENSOR), checked.cadence_s(SENSOR))
