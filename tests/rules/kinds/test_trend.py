"""Trends of buckets, and disturbances, one at a time."""

import doctest
import zlib

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.evaluation.buckets import phases
from rules.kinds import trend as module
from rules.kinds.trend import TrendOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

STEP_S = 10
OPTIONS = {
    "direction": "rise",
    "per": "s",
    "step_s": STEP_S,
    "points": 20,
    "levels": levels([("yellow", 1.0, 0.5, 0, 0)]),
}
PHASE_S = zlib.crc32(b"S.v") * STEP_S / 2**32


def register():
    """Return one sensor that reads every 5 s and is stale after 30 s."""
    return Register({}, {}, [Sensor("S.v", "A", "D", "v", "settlement", 1.0, 0.0, 5.0, 30.0, "")], {}, [])


def play(readings, **options):
    """Return (time, transition) of one rule over (time in s since a boundary, value[, quality])."""
    engine = RuleEngine(RuleSet((rule_of("trend", "rule", [0], {**OPTIONS, **options}),), "1"), register())
    rows = [(0, 1000 + PHASE_S + time, *rest) for time, *rest in readings]
    events = engine.evaluate(batch(2000, rows), 1)
    return [(round(time - 1000 - PHASE_S, 6), transition) for _, time, transition, *_ in told(events)]


def ramp(slope, until_s, start_s=0):
    """Return readings every 5 s on a line through the origin."""
    return [(float(time), slope * time) for time in range(start_s, until_s, 5)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("direction", "slope", "is_found"),
    [("rise", 2, True), ("rise", -2, False), ("fall", -2, True), ("fall", 2, False), ("either", -2, True)],
)
def test_trend_in_its_direction_raises_with_the_reading_that_closes_the_bucket_that_suffices(
    direction, slope, is_found
):
    """Fifteen of twenty points are enough: the first reading of the sixteenth bucket tells it."""
    expected = [(150.0, "RAISED")] if is_found else []

    assert expected == play(ramp(slope, 190), direction=direction)


@pytest.mark.parametrize(("slope", "is_found"), [(1.001, True), (0.999, False)])
def test_trend_below_the_limit_is_none_of_its_business(slope, is_found):
    """However certain it is."""
    assert is_found == bool(play(ramp(slope, 200)))


@pytest.mark.parametrize(("slope", "clears"), [(0.501, False), (0.499, True)])
def test_trend_within_the_deadband_stays(slope, clears):
    """A level ends with a slope below limit and deadband."""
    steep = ramp(2, 200)
    flatter = [(time, 400 + slope * (time - 200)) for time, _ in ramp(1, 700, 200)]

    assert [(150.0, "RAISED")] == play([*steep, *flatter])[:1]
    assert clears == (len(play([*steep, *flatter])) == 2)


def test_trend_that_chance_explains_counts_as_none():
    """The same slope in much larger noise is no trend."""
    dice = np.random.default_rng(4)
    noisy = [(time, value + dice.normal() * 1000) for time, value in ramp(2, 400)]

    assert [] == play(noisy, alpha=0.001)


def test_trend_with_an_on_delay_of_two_buckets_waits_for_them():
    """Values come with each bucket: a longer step than the stale time is no gap for them."""
    found = play(ramp(2, 200), levels=levels([("yellow", 1.0, 0.5, 20, 0)]))

    assert [(170.0, "RAISED")] == found


@pytest.mark.parametrize("bad", [-1e6, 1e6])
def test_trend_with_two_bad_buckets_stays(bad):
    """Theil-Sen asks all pairs."""
    readings = [(time, bad if time in {20.0, 60.0} else value) for time, value in ramp(2, 250)]

    assert [(150.0, "RAISED")] == play(readings, alpha=0.2)


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_trend_leaves_doubted_readings_out(quality):
    """They are in no mean."""
    readings = [row for time, value in ramp(2, 250) for row in ((time, value), (time + 1, -1e6, quality))]

    assert [(150.0, "RAISED")] == play(readings)


@pytest.mark.parametrize(("gap_s", "expected"), [(50, (200.0, "RAISED")), (60, (240.0, "RAISED"))])
def test_trend_with_a_gap_needs_three_quarters_of_its_points(gap_s, expected):
    """Short gaps are holes in the series: fifteen of twenty buckets are enough, wherever they are."""
    readings = [each for each in ramp(2, 300) if not 30 <= each[0] < 30 + gap_s]

    assert [expected] == play(readings)[:1]


def test_trend_after_a_gap_longer_than_the_window_begins_anew():
    """Nothing before it can be seen from there."""
    assert [] == play([*ramp(0, 180), *((time, value + 1e4) for time, value in ramp(0, 540, 400))])


def test_trend_across_two_clocks_begins_anew():
    """Times of two clocks are not one series."""
    received = [(time, value, Quality.TIME_SERVER) for time, value in ramp(2, 230, 85)]

    assert [] == play([*ramp(2, 85), *received])


def test_trend_of_received_times_set_back_a_moment_goes_on():
    """A clock that is corrected by less than a bucket costs nothing."""
    readings = [(time, value, Quality.TIME_SERVER) for time, value in ramp(2, 250)]
    readings.insert(11, (49.0, 98.0, Quality.TIME_SERVER))

    assert [(150.0, "RAISED")] == play(readings)


def test_trend_of_received_times_set_back_far_begins_anew():
    """Readings after it belong to another time."""
    readings = [(time, value, Quality.TIME_SERVER) for time, value in ramp(2, 145)]

    assert [] == play([*readings, *((time - 145, value, bits) for time, value, bits in readings[:8])])


def test_trend_of_a_sensor_slower_than_its_buckets_is_not_known():
    """Half of the buckets stay empty."""
    assert [] == play(ramp(2, 400)[::4])


def test_phases_of_many_sensors_spread_over_the_step():
    """Not all sensors of a city close their buckets in the same second."""
    step_ns = np.full(1000, 3_600_000_000_000)
    spread = phases([f"S{i}" for i in range(1000)], step_ns) / step_ns

    assert (True, True) == (bool((spread >= 0).all() and (spread < 1).all()), abs(float(spread.mean()) - 0.5) < 0.05)


@pytest.mark.parametrize("keys", [{"points": 19}, {"points": 49}, {"alpha": 0}, {"step_s": 0.5}, {"side": "low"}])
def test_trend_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a trend are rejected."""
    with pytest.raises(ValidationError):
        TrendOptions.model_validate({**OPTIONS, **keys})


def test_trend_judges_a_quantity_per_time():
    """Messages say the unit."""
    judged = TrendOptions.model_validate({**OPTIONS, "per": "day"}).judged_quantity(load_quantities()["settlement"])
    assert judged is not None

    assert ("mm/day", 0.0) == (judged.unit, judged.low)


def test_trend_takes_its_window_to_show():
    """The promise of `lifeline check` for the worst case."""
    sensor, options = register().sensors[0], TrendOptions.model_validate(OPTIONS)

    assert (200.0, 10.0) == (options.window_s(sensor), options.cadence_s(sensor))
