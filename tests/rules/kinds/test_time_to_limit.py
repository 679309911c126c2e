"""Times until a limit, and disturbances, one at a time."""

import doctest
import zlib

import numpy as np
import pytest
from pydantic import ValidationError

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.explanation import describe, fields_at
from rules.kinds import time_to_limit as module
from rules.kinds.time_to_limit import TimeToLimitOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

STEP_S = 60
OPTIONS = {
    "to": 100.0,
    "direction": "rise",
    "step_s": STEP_S,
    "points": 20,
    "horizon_min": 120,
    "levels": levels([("orange", 30, 15, 0, 0)]),
}
PHASE_S = zlib.crc32(b"S.v") * STEP_S / 2**32
METHANE = load_quantities()["methane"]


def evaluated(readings, **options):
    """Return (minute, transition, value) of one rule over (minute since a boundary, value[, quality])."""
    register = Register({}, {}, [Sensor("S.v", "A", "D", "v", "methane", 1.0, 0.0, 30.0, 200.0, "")], {}, [])
    engine = RuleEngine(RuleSet((rule_of("time_to_limit", "rule", [0], {**OPTIONS, **options}),), "1"), register)
    rows = [(0, 6000 + PHASE_S + time * 60, *rest) for time, *rest in readings]
    events = engine.evaluate(batch(60_000, rows), 1)
    found = zip(told(events), events.value.tolist(), strict=True)
    return [(round((each[1] - 6000 - PHASE_S) / 60, 3), each[2], round(value, 3)) for each, value in found]


def ramp(slope, until, start=0.0):
    """Return readings twice a minute on a line through `start`, minute and value."""
    return [(i / 2 + 0.25, start + slope * (i / 2 + 0.25)) for i in range(2 * until)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


def test_time_to_limit_of_a_straight_line_is_exact():
    """At 70.25 minutes and 1 a minute, 100 is 29.75 minutes away."""
    assert [(70.25, "RAISED", 29.75)] == evaluated(ramp(1, 90))


@pytest.mark.parametrize(
    ("direction", "slope", "to", "is_found"),
    [("rise", 1, 100, True), ("rise", -1, 100, False), ("fall", -1, -100, True), ("fall", 1, -100, False)],
)
def test_time_to_limit_in_its_direction_only_raises(direction, slope, to, is_found):
    """A value that moves away never arrives."""
    assert is_found == bool(evaluated(ramp(slope, 90), direction=direction, to=to))


def test_time_to_limit_beyond_the_limit_is_none():
    """The line is there: 0 minutes, and it stays so while the value stays."""
    found = evaluated(
        [*ramp(1, 120), *((time, 120.0) for time in range(120, 160))], levels=levels([("red", 0, 5, 0, 0)])
    )

    assert [("RAISED", 0.0)] == [each[1:] for each in found]


@pytest.mark.parametrize(("plateau", "clears"), [(85.0, True), (101.0, False)])
def test_time_to_limit_of_a_value_that_stops_short_clears(plateau, clears):
    """A value that no longer moves has no forecast: the value of the end is the horizon."""
    readings = [*ramp(1, int(plateau)), *((time / 2, plateau) for time in range(2 * int(plateau), 400))]
    found = evaluated(readings)

    assert clears == (found[-1][1:] == ("CLEARED", 120.0))


def test_time_to_limit_in_noise_that_hides_the_slope_says_nothing():
    """The late end of the interval is beyond the horizon."""
    dice = np.random.default_rng(2)
    noisy = [(time, value + 200 * dice.normal()) for time, value in ramp(1, 60)]

    assert [] == evaluated(noisy, to=300.0)


def test_time_to_limit_that_is_near_but_not_sure_enough_says_nothing():
    """The same data with a horizon that the late end does not reach."""
    dice = np.random.default_rng(3)
    noisy = [(time, value + 4 * dice.normal()) for time, value in ramp(1, 72)]
    levels_of_30 = {"levels": levels([("orange", 30, 1, 0, 0)])}

    assert (True, False) == (bool(evaluated(noisy)), bool(evaluated(noisy, horizon_min=31.5, **levels_of_30)))


def test_time_to_limit_of_points_worth_too_few_says_nothing():
    """Waves that last make many points worth a few: the interval is wider, and who asks for points gets none."""
    wave = [(time, value + 0.5 * np.sin(time / 1.6)) for time, value in ramp(1, 90)]

    assert (True, False) == (bool(evaluated(wave)), bool(evaluated(wave, worth=4)))


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT, Quality.OUT_OF_RANGE])
def test_time_to_limit_leaves_doubted_readings_out(quality):
    """They are in no mean."""
    readings = [row for time, value in ramp(1, 90) for row in ((time, value), (time + 0.1, 1e6, quality))]

    assert [(70.25, "RAISED", 29.75)] == evaluated(readings)


def test_time_to_limit_with_a_gap_needs_three_quarters_of_its_points():
    """Six of twenty buckets missing: nothing is known until they are in the past."""
    readings = [each for each in ramp(1, 90) if not 60 <= each[0] < 66]
    found = evaluated(readings)

    assert (("RAISED",), True) == (tuple(each[1] for each in found), found[0][0] > 75)


def test_time_to_limit_after_a_gap_longer_than_the_window_begins_anew():
    """Nothing before it can be seen from there."""
    readings = [*ramp(1, 60), *((time / 2 + 1000, 90.0 + time / 2) for time in range(20))]

    assert [] == evaluated(readings)


def test_time_to_limit_across_two_clocks_begins_anew():
    """Times of two clocks are not one line."""
    readings = [(time, value, Quality.TIME_SERVER) if time >= 65 else (time, value) for time, value in ramp(1, 80)]

    assert [] == evaluated(readings)


def test_time_to_limit_tells_the_interval_of_its_time():
    """A reader of 25 minutes wants to know how sure that is; a clear has no forecast."""
    register = Register({}, {}, [Sensor("S.v", "A", "D", "v", "methane", 1.0, 0.0, 30.0, 200.0, "")], {}, [])
    rule = rule_of("time_to_limit", "rule", [0], OPTIONS)
    engine = RuleEngine(RuleSet((rule,), "1"), register)
    dice = np.random.default_rng(3)
    rows = [(0, 6000 + PHASE_S + 60 * time, value + dice.normal()) for time, value in ramp(1, 75)]
    events = engine.evaluate(batch(60_000, rows), 1)
    value, extent = float(events.value[0]), events.extent(0, engine.alarms)

    words = describe(rule, fields_at(events, 0, engine.alarms), "en")

    assert extent.low < value < extent.high < OPTIONS["horizon_min"]
    assert f"({extent.low:.3f}–{extent.high:.3f})" in words


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"to": 1e6}, ("to",)),
        ({"worth": 21}, ("worth",)),
        ({"levels": levels([("orange", 130, 15, 0, 0)])}, ("levels", 0, "limit")),
        ({"levels": levels([("orange", 30, 90, 0, 0)])}, ("levels", 0, "deadband")),
        ({"levels": levels([("orange", 30, 91, 0, 0)])}, ("levels", 0, "deadband")),
    ],
    ids=["no such value", "more than there are", "beyond the horizon", "ends at the horizon", "ends beyond it"],
)
def test_time_to_limit_options_that_make_no_sense_are_faults(keys, path):
    """Each with the place where it stands."""
    assert [path] == [each.path for each in TimeToLimitOptions.model_validate({**OPTIONS, **keys}).faults(METHANE, [])]


@pytest.mark.parametrize("keys", [{"side": "high"}, {"direction": "either"}, {"points": 19}, {"confidence": 1}])
def test_time_to_limit_options_out_of_bounds_are_refused(keys):
    """Fewer minutes are worse, and a limit lies on one side."""
    with pytest.raises(ValidationError):
        TimeToLimitOptions.model_validate({**OPTIONS, **keys})
