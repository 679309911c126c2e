"""Baselines: learning, the time until they are known, and disturbances, one at a time."""

import doctest

import pytest

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import baseline as module
from rules.kinds.baseline import BaselineOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

BLUE = levels([("blue", 1.0, 0.5, 0, 0)])
KNOWN_AFTER = 31
"""One reading a second and a baseline of 60 s in parts of 2 s. 15 closed parts are there with the reading at 30 s."""


def play(readings, direction="rise", cadence_s=1.0, **options):
    """Return (time, level after) of one rule over (time in s, value[, quality]) of one sensor."""
    sensor = Sensor("S", "A", "D", "s", "methane", 1.0, 0.0, cadence_s, 4 * cadence_s, "")
    rule = rule_of("baseline", "rule", [0], {"direction": direction, "baseline_s": 60, "levels": BLUE, **options})
    engine = RuleEngine(RuleSet((rule,), "1"), Register({}, {}, [sensor], {}, []))
    events = engine.evaluate(batch(10_000, [(0, *reading) for reading in readings]), 1)
    return [(time, after) for _, time, _, _, after, _ in told(events)]


def level_at(value, start=0, end=KNOWN_AFTER):
    """Return a reading a second of one value."""
    return [(second, value) for second in range(start, end)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("direction", "jump", "is_found"),
    [("rise", 1.0, True), ("rise", -1.0, False), ("fall", -1.0, True), ("fall", 1.0, False), ("either", -1.0, True)],
)
def test_baseline_in_its_direction_only_raises(direction, jump, is_found):
    """Limits are distances; the direction says which side counts."""
    expected = [(31, 2)] if is_found else []

    assert expected == play([*level_at(2.0), (31, 2.0 + jump)], direction)


@pytest.mark.parametrize(("value", "is_found"), [(3.0, True), (2.999999, False)], ids=["at the limit", "just within"])
def test_baseline_at_the_limit_begins_with_the_limit_itself(value, is_found):
    """A distance equal to the limit is beyond it."""
    assert [(31, 2)] * is_found == play([*level_at(2.0), (31, value)])


@pytest.mark.parametrize(("value", "clears"), [(2.5, False), (2.499, True)], ids=["at the edge", "behind it"])
def test_baseline_at_the_end_of_the_deadband_clears_only_behind_it(value, clears):
    """The deadband counts from the limit back towards the baseline."""
    assert [(31, 2)] + [(32, 0)] * clears == play([*level_at(2.0), (31, 3.0), (32, value)])


def test_baseline_before_enough_is_known_judges_nothing():
    """A sensor that has just been built in has no past."""
    assert ([], [(31, 2)]) == (play([*level_at(2.0, end=30), (30, 9.0)]), play([*level_at(2.0), (31, 9.0)]))


STEADY = [(second, 4.0 + 0.01 * (second % 2)) for second in range(31, 60)]
COMES_AND_GOES = [(31, 4.0), (32, 6.0), (33, 4.5), (34, 6.0)]


@pytest.mark.parametrize(
    ("excess", "expected"),
    [
        (STEADY, []),
        (COMES_AND_GOES, [(32, 2)]),
        ([(31, 4.0), (32, 2.0), (33, 4.0)], [(33, 2)]),
        ([*COMES_AND_GOES, *[(second, 6.0) for second in range(35, 100)]], [(32, 2)]),
        ([*COMES_AND_GOES, *level_at(2.0, 35, 55), *[(second + 30, v) for second, v in STEADY]], [(32, 2), (35, 0)]),
    ],
    ids=["an instrument that is off", "gas in moving air", "back and again", "steady after it", "off after it"],
)
def test_baseline_of_what_must_vary_tells_no_excess_that_stands(excess, expected):
    """An instrument that jumps stays there by two units; standing still does not end an excess that varied once."""
    assert expected == play([*level_at(2.0), *excess], varies=0.25)


def test_baseline_of_what_must_vary_after_a_gap_begins_anew():
    """The step over a gap is no sign that gas comes and goes."""
    assert [] == play([*level_at(2.0), (31, 4.0), (40, 6.0), *[(second, 6.0) for second in range(41, 60)]], varies=0.25)


def test_baseline_in_danger_is_not_lifted_by_it():
    """A plume of two hours stays one: values that are beyond teach nothing."""
    readings = [*level_at(2.0), *level_at(3.2, 31, 7231), (7231, 2.0)]

    assert [(31, 2), (7231, 0)] == play(readings)


def test_baseline_beyond_for_the_whole_rebaseline_time_begins_anew():
    """After 20 s beyond it forgets, learns the new level for 15 parts, and the alarm ends."""
    told_of = play([*level_at(2.0), *level_at(3.2, 31, 120)], rebaseline_s=20)

    assert [(31, 2), (81, 0)] == told_of


def test_baseline_beyond_with_gaps_does_not_begin_anew():
    """Only time that was seen counts towards a new beginning."""
    readings = [*level_at(2.0), *[(31 + 10 * i + j, 3.2) for i in range(30) for j in range(3)]]

    assert [(31, 2)] == play(readings, rebaseline_s=20)


def test_baseline_over_a_gap_is_kept():
    """A day of silence does not change the usual value, and raises and clears nothing by itself."""
    assert [(86_400, 2), (86_401, 0)] == play([*level_at(2.0), (86_400, 3.0), (86_401, 2.0)])


def test_baseline_with_short_plumes_stays_low():
    """A low quantile: a fifth of the time within 0.9 of the baseline does not lift it."""
    plumes = [(second, 2.9 if second % 10 < 2 else 2.0) for second in range(200)]

    assert [(200, 2)] == play([*plumes, (200, 3.0)])


def test_baseline_with_quantile_one_follows_the_highest():
    """The quantile is the author's to choose."""
    plumes = [(second, 2.9 if second % 10 < 2 else 2.0) for second in range(200)]

    assert [] == play([*plumes, (200, 3.0)], quantile=1.0)


@pytest.mark.parametrize("flag", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT])
def test_baseline_leaves_doubted_readings_out(flag):
    """They neither raise nor teach."""
    assert [(41, 2)] == play([*level_at(2.0), *[(s, 9.0, flag) for s in range(31, 41)], (41, 3.0)])


@pytest.mark.parametrize("flag", [Quality.FLAT, Quality.CLIMATOLOGY, Quality.UNCHECKED])
def test_baseline_judges_odd_readings_without_learning_them(flag):
    """They raise, and a baseline of them alone is never known."""
    odd = [(second, 2.0, flag) for second in range(60)]

    assert ([(31, 2)], []) == (play([*level_at(2.0), (31, 3.0, flag)]), play([*odd, (60, 9.0)]))


def test_baseline_on_received_times_goes_on_with_what_it_knows():
    """A clock that breaks ends parts and delays, not the knowledge of the usual value."""
    server = Quality.TIME_SERVER

    assert [(5, 2)] == play([*level_at(2.0), (4, 2.0, server), (5, 3.0, server)])


def test_baseline_of_a_trace_gas_finds_a_plume_far_below_any_absolute_limit():
    """3 of 15 minutes more than 1 ppm (0.002 %LEL) over the baseline: found with the third, whatever lies between."""
    minutes = [(60 * i, 0.0040 + 0.0002 * (i % 3)) for i in range(40)]
    plume = [(60 * (40 + i), 0.0080 if i % 4 == 0 else 0.0042) for i in range(12)]
    ladder = [{**levels([("blue", 0.002, 0.001, 0, 1800)])[0], "on_samples": 3, "of_samples": 15}]

    assert [(48 * 60, 2)] == play([*minutes, *plume], cadence_s=60.0, baseline_s=1800, levels=ladder)


def test_baseline_shorter_than_six_readings_is_refused():
    """Means of nothing say nothing."""
    options = BaselineOptions.model_validate({"baseline_s": 300, "levels": BLUE})
    slow = Sensor("S", "A", "D", "s", "methane", 1.0, 0.0, 60.0, 180.0, "")
    faults = list(options.faults(load_quantities()["methane"], [slow]))

    assert [(("baseline_s",), "at least 360 s")] == [(fault.path, fault.expected) for fault in faults]
