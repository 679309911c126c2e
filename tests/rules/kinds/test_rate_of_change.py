"""Rates over two readings and over spans, and disturbances, one at a time."""

import doctest

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from rules.engine import RuleEngine
from rules.kinds import rate_of_change as module
from rules.kinds.rate_of_change import RateOfChangeOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import PLAIN, batch, register, told

YELLOW = levels([("yellow", 1.0, 0.5, 0, 0)])
"""A unit a second; the stale time of the plain sensor is 4 s."""
SPAN = {"over_s": 4, "levels": YELLOW}


def play(readings, direction="fall", **options):
    """Return (time, transition) of one rule over (time in s, value[, quality]) of one sensor."""
    rule = rule_of("rate_of_change", "rule", [PLAIN], {"direction": direction, "per": "s", "levels": YELLOW, **options})
    engine = RuleEngine(RuleSet((rule,), "1"), register())
    events = engine.evaluate(batch(100, [(PLAIN, *reading) for reading in readings]), 1)
    return [(time, transition) for _, time, transition, *_ in told(events)]


def ramp(start, slope, times):
    """Return readings on a straight line that passes `start` at second 0."""
    return [(time, start + slope * time) for time in times]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("direction", "slope", "is_found"),
    [
        ("fall", -1.0, True),
        ("fall", 1.0, False),
        ("rise", 1.0, True),
        ("rise", -1.0, False),
        ("either", 1.0, True),
        ("either", -1.0, True),
    ],
)
def test_rate_of_change_in_its_direction_only_raises(direction, slope, is_found):
    """Limits are positive; the direction says which side counts."""
    expected = [(1.0, "RAISED")] if is_found else []

    assert expected == play(ramp(5, slope, range(3)), direction)


@pytest.mark.parametrize(("drop", "is_found"), [(1.0, True), (float(np.nextafter(1.0, 0)), False)])
def test_rate_of_change_at_the_limit_begins_with_the_limit_itself(drop, is_found):
    """A rate equal to the limit is beyond it."""
    assert is_found == bool(play([(0, 0.0), (1, -drop)]))


@pytest.mark.parametrize(("drop", "clears"), [(0.5, False), (float(np.nextafter(0.5, 0)), True)])
def test_rate_of_change_within_the_deadband_stays(drop, clears):
    """A level ends with a rate below limit and deadband."""
    assert clears == ((2.0, "CLEARED") in play([(0, 3.0), (1, 0.0), (2, -drop)]))


@pytest.mark.parametrize(("until", "expected"), [(3, []), (4, [(4.0, "RAISED")])])
def test_rate_of_change_with_an_on_delay_raises_with_the_reading_that_completes_it(until, expected):
    """The delay runs from the first steep step."""
    assert expected == play(ramp(5, -2, range(until + 1)), levels=levels([("yellow", 1.0, 0.5, 3, 0)]))


@pytest.mark.parametrize(("step_s", "is_found"), [(4.0, True), (4.000000001, False)])
def test_rate_of_change_over_a_gap_is_not_known(step_s, is_found):
    """Across more than the stale time the rate is unknown."""
    assert is_found == bool(play([(0, 100.0), (step_s, 0.0)]))


def test_rate_of_change_after_a_gap_neither_raises_nor_clears_with_its_first_reading():
    """The first rate after a gap needs two readings."""
    assert [(1.0, "RAISED"), (11.0, "CLEARED")] == play([(0, 5), (1, 0), (10, 0), (11, 0)])


def test_rate_of_change_across_two_clocks_is_not_known():
    """A device's time and a received one have no difference; one clock after the change does."""
    readings = [(0, 9.0), (1, 0.0, Quality.TIME_SERVER), (2, -9.0, Quality.TIME_SERVER), (3, -99.0)]

    assert [(2.0, "RAISED")] == play(readings)


def test_rate_of_change_of_received_times_that_go_back_is_not_known():
    """The machine's clock was set: no rate comes of it, neither a negative time."""
    readings = [(5, 9.0, Quality.TIME_SERVER), (4, 0.0, Quality.TIME_SERVER), (5, 0.0, Quality.TIME_SERVER)]

    assert [] == play(readings, "either")


@pytest.mark.parametrize(
    ("step_s", "quality", "is_found"),
    [
        (0.000999, Quality.GOOD, False),
        (0.001, Quality.GOOD, True),
        (0.499, Quality.TIME_SERVER, False),
        (0.5, Quality.TIME_SERVER, True),
    ],
)
def test_rate_of_change_between_readings_too_close_is_not_judged(step_s, quality, is_found):
    """Below a millisecond, and by received times below half of the cadence, a difference says nothing."""
    assert is_found == bool(play([(1, 9.0, quality), (1 + step_s, 7.0, quality)]))


def test_rate_of_change_after_a_reading_too_close_refers_to_the_one_before_it():
    """A reading that is left out is not remembered either."""
    assert [] == play([(0, 5.0), (0.0001, 9.0), (1, 5.0), (2, 5.0)])


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_rate_of_change_of_a_doubted_reading_is_not_judged(quality):
    """A single doubted reading makes no rate, and the next one refers to the one before it."""
    assert [] == play([(0, 5.0), (1, -90.0, quality), (2, 5.0)], "either")


def test_rate_of_change_of_a_jump_that_lasts_raises_with_the_reading_that_confirms_it():
    """The intake doubts the first reading after a jump, not the second."""
    assert [(2.0, "RAISED")] == play([(0, 5.0), (1, 0.0, Quality.SPIKE), (2, 0.0)])


@pytest.mark.parametrize("bad", [1000.0, -1000.0])
@pytest.mark.parametrize("place", range(12))
def test_rate_of_change_over_a_span_ignores_one_bad_sample(bad, place):
    """Wherever it stands, it moves no median far enough."""
    readings = ramp(5, -0.4, range(20))
    readings[place] = (place, bad)

    assert [] == play(readings, "either", **SPAN)


def test_rate_of_change_over_a_span_of_a_straight_line_is_its_slope():
    """Medians of three readings on a line lie on the line; the first rate comes when the span is full."""
    rule = rule_of(
        "rate_of_change", "rule", [PLAIN], {"direction": "rise", "per": "min", "over_s": 4, "levels": YELLOW}
    )
    engine = RuleEngine(RuleSet((rule,), "1"), register())
    events = engine.evaluate(batch(100, [(PLAIN, *each) for each in ramp(1, 0.25, range(9))]), 1)

    assert [(6.0, 15.0)] == [(float(events.time_ns[0]) / 1e9, float(events.value[0]))]


def test_rate_of_change_over_a_span_begins_anew_after_a_gap():
    """A span needs its readings without a hole."""
    readings = [*ramp(5, 0, range(8)), *[(time, -50.0) for time in range(13, 19)], *ramp(-50, 0, range(19, 30))]

    assert [] == play(readings, "either", **SPAN)


def test_rate_of_change_of_a_noisy_sensor_counts_its_noise_as_nothing():
    """The same steps are danger of a quiet sensor and nothing of one that always does so."""
    noise = [(time, 2.0 * (time % 2)) for time in range(200)]
    options = {"noise_sigmas": 3.0, "direction": "rise"}
    found = [play([*noise, (200, height)], **options) for height in (2.0, 20.0)]

    assert [[], [(200.0, "RAISED")]] == found


@pytest.mark.parametrize(("n_quiet", "expected"), [(30, []), (31, [(31.0, "RAISED")])])
def test_rate_of_change_while_noise_is_being_learned_says_nothing(n_quiet, expected):
    """Thirty rates only teach; the reading after them is judged."""
    quiet = [(time, 0.01 * (time % 2)) for time in range(n_quiet)]

    assert expected == play([*quiet, (n_quiet, 9.0)], "rise", noise_sigmas=3.0)


def test_rate_of_change_does_not_learn_the_danger_it_tells():
    """A fall that goes on for hours stays a fall."""
    quiet = [(time, 0.01 * (time % 2)) for time in range(100)]
    fall = [(time, -5.0 * (time - 99)) for time in range(100, 600)]

    assert [(100.0, "RAISED")] == play([*quiet, *fall], noise_sigmas=6.0)


def test_rate_of_change_with_a_low_side_is_refused():
    """Limits of a fall are positive: who writes `side: low` means something else."""
    with pytest.raises(ValidationError, match="side"):
        RateOfChangeOptions.model_validate({"direction": "fall", "side": "low", "levels": YELLOW})


def test_rate_of_change_with_a_negative_limit_is_refused_with_its_remedy():
    """A fall of 0.02 is written as 0.02."""
    options = RateOfChangeOptions.model_validate(
        {"direction": "fall", "levels": levels([("yellow", -0.02, 0.01, 0, 0)])}
    )
    fault = next(options.faults(load_quantities()["water_main_pressure"], []))

    assert (("levels", 0, "limit"), "-0.02") == (fault.path, fault.got)


def test_rate_of_change_judges_a_quantity_per_time():
    """Messages say the unit."""
    options = RateOfChangeOptions.model_validate({"direction": "fall", "levels": YELLOW})
    judged = options.judged_quantity(load_quantities()["water_main_pressure"])
    assert judged is not None

    assert ("MPa/min", 0.0) == (judged.unit, judged.low)


@pytest.mark.parametrize(("over_s", "expected"), [(0, 1.0), (8, 11.0)])
def test_rate_of_change_takes_its_span_to_show(over_s, expected):
    """The addition of `lifeline check` to the worst case: the plain sensor reads every second."""
    options = RateOfChangeOptions.model_validate({"direction": "fall", "over_s": over_s, "levels": YELLOW})

    assert expected == options.window_s(register().sensors[PLAIN])


def test_rate_of_change_over_a_span_is_found_at_times_of_today():
    """Nanoseconds since 1970 leave room for few products."""
    options = {"per": "s", "direction": "fall", **SPAN}
    rule = rule_of("rate_of_change", "rule", [PLAIN], options)
    engine = RuleEngine(RuleSet((rule,), "1"), register())
    now_s = 1_790_000_000
    events = engine.evaluate(batch(now_s + 20, [(PLAIN, now_s + s, 100.0 - s) for s in range(12)]), 1)

    assert ["RAISED"] == [transition for _, _, transition, *_ in told(events)]
