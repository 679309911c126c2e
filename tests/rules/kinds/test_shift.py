"""Small lasting shifts: which are found, when, and disturbances of the evidence."""

import doctest
import random

import pytest

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.kinds import shift as module
from rules.kinds.shift import ShiftOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import batch, told

LIMITS = {"ewma": 4.5, "cusum": 9.0, "page_hinkley": 12.0}
METHODS = sorted(LIMITS)


def play(readings, method="cusum", **options):
    """Return (time, level after) of one rule over (time in s, value[, quality]) of one sensor."""
    sensor = Sensor("S", "A", "D", "s", "water_main_pressure", 1.0, 0.0, 1.0, 5.0, "")
    ladder = levels([("blue", LIMITS[method], LIMITS[method] / 2, 0, 0)])
    keys = {"method": method, "baseline_s": 200, "levels": ladder, **options}
    engine = RuleEngine(RuleSet((rule_of("shift", "rule", [0], keys),), "1"), Register({}, {}, [sensor], {}, []))
    events = engine.evaluate(batch(100_000, [(0, *reading) for reading in readings]), 1)
    return [(time, after) for _, time, _, _, after, _ in told(events)]


def noise(start, end, shift=0.0, seed=1):
    """Return a reading a second, normal about 2 with a sigma of 0.1, shifted."""
    dice = random.Random(seed * 1000 + start)  # noqa: S311 - the same noise every time
    return [(second, 2.0 + shift + dice.gauss(0, 0.1)) for second in range(start, end)]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize("method", METHODS)
def test_shift_of_two_sigma_is_found_within_half_a_minute(method):
    """Too small for any limit on single readings, and each method finds it."""
    ((time, level), *_) = play([*noise(0, 400), *noise(400, 500, shift=0.2)], method)

    assert (2, True) == (level, 400 < time < 430)


@pytest.mark.parametrize("method", METHODS)
def test_shift_in_noise_alone_finds_nothing(method):
    """Ten minutes without a shift."""
    assert [] == play(noise(0, 800), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("direction", "shift", "is_found"), [("rise", 0.3, True), ("rise", -0.3, False), ("fall", -0.3, True)]
)
def test_shift_in_its_direction_only_is_found(method, direction, shift, is_found):
    """The other direction is not added up."""
    assert is_found == bool(play([*noise(0, 400), *noise(400, 440, shift)], method, direction=direction))


@pytest.mark.parametrize("method", METHODS)
def test_shift_that_ends_clears_within_a_minute(method):
    """The evidence is capped: ten minutes of shift do not take ten minutes to forget."""
    turns = play([*noise(0, 400), *noise(400, 1000, shift=0.4), *noise(1000, 1060, seed=2)], method)

    assert [2, 0] == [level for _, level in turns]


def test_shift_of_one_outlier_is_none():
    """However far one reading is, it counts as six sigma."""
    assert [] == play([*noise(0, 400), (400, 4.0), *noise(401, 450)])


def test_shift_before_the_baseline_is_learned_judges_nothing():
    """The first readings of a sensor define its usual value."""
    assert [] == play([*noise(0, 100), *noise(100, 200, shift=1.0)])


def test_shift_that_lasts_for_the_rebaseline_time_becomes_usual():
    """After 60 s beyond it forgets; the alarm ends when 200 s of the new level are known."""
    (raised, cleared) = play([*noise(0, 400), *noise(400, 800, shift=0.5)], rebaseline_s=60)

    assert (2, 0, True) == (raised[1], cleared[1], 655 < cleared[0] < 675)


def test_shift_in_danger_is_not_learned():
    """Half an hour of shift, nine times the baseline, stays one."""
    assert [2] == [level for _, level in play([*noise(0, 400), *noise(400, 2200, shift=0.3)])]


def test_shift_over_a_gap_is_kept():
    """Silence adds nothing to the evidence and takes nothing from it."""
    shifted = noise(400, 420, shift=0.1)
    later = [(second + 86_400, value) for second, value in noise(420, 450, shift=0.2)]

    assert [2] == [level for _, level in play([*noise(0, 400), *shifted, *later])]


@pytest.mark.parametrize("flag", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT])
def test_shift_leaves_doubted_readings_out(flag):
    """They are no evidence."""
    assert [] == play([*noise(0, 400), *[(*each, flag) for each in noise(400, 440, shift=1.0)]])


@pytest.mark.parametrize("flag", [Quality.FLAT, Quality.CLIMATOLOGY, Quality.UNCHECKED])
def test_shift_judges_odd_readings_without_learning_them(flag):
    """They are evidence, and nothing is usual by them alone."""
    odd = [(*each, flag) for each in noise(400, 440, shift=0.5)]
    alone = [(*each, flag) for each in noise(0, 400)]

    assert ([2], []) == ([level for _, level in play([*noise(0, 400), *odd])], play([*alone, *noise(400, 440, 0.5)]))


def test_shift_of_means_judges_when_a_part_is_over():
    """Means of 10 s vary by a third: a shift of one and a half sigma takes three to five."""
    ((time, level), *_) = play([*noise(0, 1000), *noise(1000, 1100, shift=0.15)], mean_s=10, baseline_s=500)

    assert (2, 0.0, True) == (level, time % 10, time <= 1050)


def test_shift_of_a_constant_sensor_never_divides_by_nothing():
    """Where nothing varies, a sigma is the last digit."""
    constant = [(second, 2.0) for second in range(400)]

    assert [(401, 2)] == play([*constant, (400, 2.1), (401, 2.1)])


def test_shift_is_told_in_sigmas():
    """Evidence has no unit of its quantity."""
    options = ShiftOptions.model_validate({"direction": "fall", "levels": levels([("blue", 9, 4, 0, 0)])})
    judged = options.judged_quantity(load_quantities()["water_main_pressure"])

    assert ("σ", True) == (judged.unit, "持续下移" in judged.zh)
