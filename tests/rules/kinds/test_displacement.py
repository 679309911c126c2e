"""Creeping slopes, and disturbances, one at a time."""

import doctest
import math
import zlib

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.evaluation.creep import failures
from rules.kinds import displacement as module
from rules.kinds.displacement import DisplacementOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

STEP_S = 10
PHASE_S = zlib.crc32(b"S.v") * STEP_S / 2**32
LADDER = levels([("blue", 40, 5, 0, 0), ("yellow", 50, 5, 0, 0), ("orange", 80, 5, 0, 0, 4), ("red", 85, 2, 0, 0, 4)])
ANGLE = {
    "method": "tangent_angle",
    "direction": "rise",
    "per": "s",
    "step_s": STEP_S,
    "reference_rate": 1.0,
    "levels": LADDER,
}
INVERSE = {
    "method": "inverse_velocity",
    "direction": "rise",
    "per": "h",
    "step_s": STEP_S,
    "rate_points": 4,
    "least_rate": 0.1,
    "horizon_h": 1.0,
    "levels": levels([("orange", 0.2, 0.1, 0, 0, 3)]),
}


def events_of(readings, **options):
    """Return the events of one rule over (time in s since a boundary, value[, quality])."""
    register = Register({}, {}, [Sensor("S.v", "A", "D", "v", "displacement", 1.0, 0.0, 5.0, 30.0, "")], {}, [])
    engine = RuleEngine(RuleSet((rule_of("displacement", "rule", [0], options),), "1"), register)
    rows = [(0, 1000 + PHASE_S + time, *rest) for time, *rest in readings]
    return engine.evaluate(batch(10_000, rows), 1)


def play(readings, **options):
    """Return (time, transition, level) of each transition."""
    found = told(events_of(readings, **{**ANGLE, **options}))
    return [(round(time - 1000 - PHASE_S, 6), turn, after) for _, time, turn, _, after, _ in found]


def line(rate, until_s, start_s=0.0, first=0.0):
    """Return readings every 5 s that move at `rate`."""
    return [(float(time), first + rate * (time - start_s)) for time in range(int(start_s), until_s, 5)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(("degrees", "level"), [(39, 0), (45, 2), (51, 3), (79, 3), (81, 4), (84, 4), (86, 5)])
def test_displacement_of_a_tangent_angle_stands_at_its_level(degrees, level):
    """The stages of creep are angles: 45 is as fast as the reference."""
    found = play(line(math.tan(math.radians(degrees)), 200))

    assert level == (found[-1][2] if found else 0)


@pytest.mark.parametrize(("degrees", "clears"), [(45.1, False), (44.9, True)])
def test_displacement_within_the_deadband_stays(degrees, clears):
    """A level ends below limit and deadband."""
    rate = math.tan(math.radians(degrees))
    readings = [*line(2.0, 200), *line(rate, 400, 200, 400.0)]
    found = play(readings, levels=levels([("yellow", 50, 5, 0, 0)]))

    assert clears == any(turn == "CLEARED" for _, turn, _ in found)


def test_displacement_begins_with_the_reading_that_closes_the_bucket_that_suffices():
    """Five of six buckets are three quarters and more; the first reading after them tells it."""
    assert [(50.0, "RAISED", 3)] == play(line(2.0, 80), levels=levels([("yellow", 60, 5, 0, 0)]))


def test_displacement_with_an_on_delay_waits_for_it():
    """Values come with each bucket: the delay is that of event time."""
    assert [(70.0, "RAISED", 3)] == play(line(2.0, 80), levels=levels([("yellow", 60, 5, 20, 0)]))


@pytest.mark.parametrize("step_at_s", [200, 203, 205, 208])
@pytest.mark.parametrize("height", [10.0, 50.0, 1000.0])
def test_displacement_of_a_step_after_rain_reaches_neither_orange_nor_red(step_at_s, height):
    """It leaves the newer half of the window before the readings that a high level waits for have come."""
    readings = [(time, value + height * (time >= step_at_s)) for time, value in line(0.9, 500)]
    found = play(readings)

    assert max(after for _, _, after in found) <= 3
    assert 2 == found[-1][2]


def test_displacement_that_speeds_up_passes_every_level():
    """Nothing is skipped, and nothing comes back."""
    readings = [(float(time), math.exp(time / 60) * 40) for time in range(0, 400, 5)]

    assert [2, 3, 4, 5] == [after for _, _, after in play(readings)]


@pytest.mark.parametrize(
    ("direction", "rate", "is_found"),
    [("rise", 3, True), ("rise", -3, False), ("fall", -3, True), ("fall", 3, False), ("either", -3, True)],
)
def test_displacement_in_its_direction_counts(direction, rate, is_found):
    """A slope that moves back is at rest."""
    assert is_found == bool(play(line(rate, 200), direction=direction))


def test_displacement_learns_its_reference_from_the_first_rates():
    """Twelve rates of 0.5; later 2 is 76 degrees and not 63."""
    options = {"reference_rate": None, "least_rate": 0.01, "learn_points": 12}
    readings = [*line(0.5, 200), *line(2.0, 300, 200, 100.0)]
    found = play(readings, levels=levels([("yellow", 70, 5, 0, 0)]), **options)

    assert [(240.0, "RAISED", 3)] == found


def test_displacement_that_learned_rest_is_measured_by_the_least_rate():
    """Zero is no reference: noise would stand at 90 degrees."""
    options = {"reference_rate": None, "least_rate": 1.0, "learn_points": 12}
    readings = [*line(0.0, 200), *line(0.5, 300, 200)]

    assert [] == play(readings, **options)


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_displacement_leaves_doubted_readings_out(quality):
    """They are in no mean."""
    readings = [row for time, value in line(1.0, 250) for row in ((time, value), (time + 1, 1e6, quality))]

    assert [(50.0, "RAISED", 2)] == play(readings)


def test_displacement_across_a_gap_keeps_its_level_and_says_nothing_new():
    """The movement in it is unknown: a step beyond it is no rate."""
    readings = [*line(2.0, 100), *line(2.0, 130, 400, 5000.0), *line(2.0, 440, 400, 5000.0)]

    assert [(50.0, "RAISED", 3)] == play(readings)


def test_displacement_across_two_clocks_begins_anew():
    """Times of two clocks are not one series."""
    received = [(time, value + 500, Quality.TIME_SERVER) for time, value in line(1.0, 130, 85)]

    assert [(50.0, "RAISED", 2)] == play([*line(1.0, 85), *received])


def hyperbola(until_s, fails_s=3000.0, size=10.0):
    """Return readings every 5 s of a slope with the rate size / (time left)."""
    return [(float(time), size * math.log(fails_s / (fails_s - time))) for time in range(0, until_s, 5)]


def test_displacement_foresees_the_failure_of_a_slope_that_follows_the_law():
    """The reciprocal of its rate is a straight line: the time of failure is hit to seconds."""
    events = events_of(hyperbola(2900), **INVERSE)

    assert 1 == len(events)
    assert 3000 == pytest.approx(events.time_ns[0] / 1e9 - 1000 - PHASE_S + events.value[0] * 3600, abs=5)
    assert 0.2 >= events.value[0] > 0.19


def test_displacement_that_creeps_uniformly_foresees_nothing():
    """Its reciprocals do not fall."""
    dice = np.random.default_rng(1)
    readings = [(time, value + dice.normal() * 0.05) for time, value in line(0.02, 3000)]

    assert 0 == len(events_of(readings, **INVERSE))


def test_displacement_that_stops_is_no_longer_foreseen_to_fail():
    """At rest the value is the horizon, and the level ends."""
    readings = hyperbola(2600)
    stopped = [(float(time), readings[-1][1]) for time in range(2600, 2900, 5)]
    found = told(events_of([*readings, *stopped], **INVERSE))

    assert ["RAISED", "CLEARED"] == [turn for _, _, turn, *_ in found]


@pytest.mark.parametrize("step_at_s", range(1000, 1040, 5))
def test_displacement_of_a_step_foresees_no_failure(step_at_s):
    """One fast rate among slow ones is no line."""
    readings = [(time, value + 5 * (time >= step_at_s)) for time, value in line(0.01, 2000)]

    assert 0 == len(events_of(readings, **INVERSE))


def test_intervals_of_failures_hold_the_truth_as_often_as_they_say():
    """Ninety of a hundred intervals at 0.9, where reciprocals scatter normally."""
    dice = np.random.default_rng(7)
    reciprocal = 2.0 + 0.2 * np.arange(8)[::-1] + dice.normal(size=(4000, 8)) * 0.1
    found = failures(1 / reciprocal, 1e-3, 0.9)
    bounded = np.isfinite(found.latest)

    assert 0.9 == pytest.approx(np.mean((found.soonest < 10) & (found.latest > 10)), abs=0.02)
    assert bounded.mean() > 0.99


@pytest.mark.parametrize(
    "keys",
    [
        {"rate_points": 3},
        {"points": 13},
        {"confidence": 0.2},
        {"horizon_h": 0},
        {"reference_rate": 0},
        {"least_rate": -1},
        {"learn_points": 3},
        {"method": "guess"},
    ],
)
def test_displacement_options_out_of_bounds_are_refused(keys):
    """Options that cannot find a creep are rejected."""
    with pytest.raises(ValidationError):
        DisplacementOptions.model_validate({**ANGLE, **keys})


@pytest.mark.parametrize(
    ("base", "keys", "path"),
    [
        (ANGLE, {"reference_rate": None}, ("least_rate",)),
        (ANGLE, {"side": "low"}, ("side",)),
        (ANGLE, {"levels": levels([("red", 85, 5, 0, 0, 3)])}, ("levels", 0, "on_samples")),
        (ANGLE, {"levels": levels([("blue", 95, 5, 0, 0)])}, ("levels", 0, "limit")),
        (INVERSE, {"least_rate": None}, ("least_rate",)),
        (INVERSE, {"rate_points": 7}, ("points",)),
        (INVERSE, {"levels": levels([("blue", 0.7, 0.3, 0, 0)])}, ("levels", 0, "deadband")),
    ],
)
def test_displacement_rules_that_cannot_work_say_where(base, keys, path):
    """Each fault names the key."""
    options = DisplacementOptions.model_validate({**base, **keys})
    found = [each.path for each in options.faults(load_quantities()["displacement"], [])]

    assert path in found


@pytest.mark.parametrize(("base", "unit", "high"), [(ANGLE, "°", 90.0), (INVERSE, "h", 1.0)])
def test_displacement_judges_degrees_or_hours(base, unit, high):
    """Messages say the unit."""
    judged = DisplacementOptions.model_validate(base).judged_quantity(load_quantities()["displacement"])
    assert judged is not None

    assert (unit, high) == (judged.unit, judged.high)
