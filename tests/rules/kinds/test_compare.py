"""Covariates: which are found, how they are learned, and the unexplained part of a value."""

import dataclasses
import doctest
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest

from collector.batch import Quality
from config.errors import ConfigError
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.evaluation.covariates import Covariate, covariate_faults
from rules.explanation import describe, fields_at
from rules.kinds import compare as module
from rules.kinds.compare import CompareOptions
from rules.loading.loading import load_rules
from rules.rule import RuleSet
from rules.statistics.regression import Regression
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import SECOND_NS, batch, told

STRAIN, HEAT, DECK = range(3)
SENSORS = [
    Sensor("B.e", "B", "D", "e", "strain", 1.0, 0.0, 600.0, 1800.0, ""),
    Sensor("B.t", "B", "F", "t", "temperature", 1.0, 0.0, 600.0, 1800.0, ""),
    Sensor("C.t", "C", "G", "t", "temperature", 1.0, 0.0, 600.0, 1800.0, ""),
]
ASSETS = {name: Asset(name, "bridge", "bridge", name, name, "R", 0.0, 0.0) for name in "BC"}
REGISTER = Register({}, ASSETS, SENSORS, {}, [])
YELLOW = levels([("yellow", 15.0, 5.0, 0, 0)])
DAY = 86_400


def engine_of(**options):
    """Return an engine with one rule on the strain, against the temperature of its asset."""
    keys = {"against": [{"quantity": "temperature"}], "warm_s": 2 * DAY, "levels": YELLOW, **options}
    return RuleEngine(RuleSet((rule_of("compare", "rule", [STRAIN], keys),), "1"), REGISTER)


def play(readings, **options):
    """Return (time in steps of 600 s, level after) of (sensor, step, value[, quality])."""
    rows = [(sensor, step * 600, *rest) for sensor, step, *rest in readings]
    events = engine_of(**options).evaluate(batch(100 * DAY, rows), 1)
    return [(time / 600, after) for _, time, _, _, after, _ in told(events)]


def celsius(step):
    """Return a temperature with a daily swing of 16 degrees."""
    return 20 + 8 * math.sin(step * 600 * 2 * math.pi / DAY)


def bridge(first, last, shift=0.0, quality=0):
    """Return temperature and strain each 600 s: 10 um/m a degree, so that a day moves it by 160 um/m."""
    rows = []
    for step in range(first, last):
        dice = random.Random(step)  # noqa: S311 - the same noise every time
        strain = 100 + 10 * celsius(step) + dice.gauss(0, 1) + shift
        rows += [(HEAT, step, celsius(step)), (STRAIN, step, strain, quality)]
    return rows


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


def test_compare_of_a_bridge_whose_support_is_lowered_three_times_tells_each_within_the_shift():
    """Each lowering adds 30 um/m within 20 min, far less than temperature does in a day; between them it is mended."""
    readings = bridge(0, 600)
    expected = []
    for first in (600, 700, 800):
        readings += [*bridge(first, first + 1, shift=15.0), *bridge(first + 1, first + 50, shift=30.0)]
        readings += bridge(first + 50, first + 100)
        expected += [(pytest.approx(first, abs=1), 3), (first + 50, 0)]

    assert expected == play(readings)


def test_compare_of_temperature_alone_tells_nothing():
    """A week with a swing ten times the limit."""
    assert [] == play(bridge(0, 1000))


def test_compare_in_danger_does_not_learn_it():
    """Six days of a lowered support are six days of alarm."""
    assert [(600, 3)] == play([*bridge(0, 600), *bridge(600, 600 + 6 * 144, shift=30.0)])


def test_compare_beyond_for_the_whole_rebaseline_time_begins_anew():
    """After a day beyond it forgets; the alarm ends when two days of the new state are known."""
    (raised, cleared) = play([*bridge(0, 600), *bridge(600, 1200, shift=30.0)], rebaseline_s=DAY)

    assert ((600, 3), True, 0) == (raised, 600 + 3 * 144 <= cleared[0] < 600 + 3 * 144 + 5, cleared[1])


def test_compare_before_it_is_warm_judges_nothing():
    """The covariates must have been seen for a while."""
    assert [] == play([*bridge(0, 280), *bridge(280, 285, shift=100.0)])


def test_compare_without_a_fresh_covariate_judges_nothing():
    """A thermometer that fell silent explains nothing; the strain alone would be far off."""
    silent = [each for each in bridge(603, 660, shift=90.0) if each[0] == STRAIN]

    assert [] == play([*bridge(0, 600), *silent])


def test_compare_far_outside_of_what_was_learned_judges_nothing():
    """Learned at 20 degrees and a little, it says nothing at 40."""
    steady = [row for step in range(400) for row in ((HEAT, step, 20 + 0.01 * (-1) ** step), (STRAIN, step, 100.0))]

    assert [] == play([*steady, (HEAT, 400, 40.0), (STRAIN, 400, 300.0)])


def test_compare_with_a_lag_follows_like_a_heavy_body():
    """Concrete that follows the air with six hours is explained by a lag of six hours, and not by none."""
    slow, rows = celsius(0), []
    for step in range(900):
        slow += (celsius(step) - slow) * 600 / (600 + 6 * 3600)
        rows += [(HEAT, step, celsius(step)), (STRAIN, step, 100 + 10 * slow)]

    def told_with(lag_s):
        return play(rows, against=[{"quantity": "temperature", "lag_s": lag_s}], warm_s=2 * DAY)

    assert ([], True) == (told_with(6 * 3600), len(told_with(0)) > 0)


def test_compare_in_sigmas_is_relative_to_what_is_usually_left():
    """The unexplained part has a sigma of 1: 5 um/m are 5 of them."""
    keys = {"in": "sigma", "levels": levels([("yellow", 4.5, 1.0, 0, 0)])}

    assert 3 in [level for _, level in play([*bridge(0, 600), *bridge(600, 610, shift=6.0)], **keys)]


@pytest.mark.parametrize("flag", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT])
def test_compare_leaves_doubted_readings_out(flag):
    """They neither raise nor teach."""
    assert [] == play([*bridge(0, 600), *bridge(600, 800, shift=50.0, quality=flag), *bridge(800, 900)])


def test_compare_of_a_doubted_thermometer_waits_for_a_good_one():
    """A spike of temperature explains nothing away and makes no alarm."""
    rows = bridge(0, 600)
    rows += [(HEAT, 600, 45.0, Quality.SPIKE), (STRAIN, 600, 100 + 10 * celsius(600))]

    assert [] == play([*rows, *bridge(601, 700)])


def test_compare_over_a_gap_keeps_what_it_knows():
    """A month of silence."""
    later = bridge(600 + 30 * 144, 610 + 30 * 144, shift=30.0)

    assert [(600 + 30 * 144, 3)] == play([*bridge(0, 600), *later])


@pytest.mark.parametrize(("sensor", "is_found"), [("B.t", True), ("C.t", False)], ids=["the same", "another"])
def test_compare_whose_rule_names_another_sensor_after_a_restart_learns_anew(sensor, is_found):
    """Coefficients of one thermometer are of no use for another."""
    before, after = engine_of(), engine_of(against=[{"sensor": sensor}])
    before.evaluate(batch(100 * DAY, [(each[0], each[1] * 600, each[2]) for each in bridge(0, 600)]), 1)
    after.restore(before.snapshot())
    rows = [*bridge(600, 602, shift=90.0), (DECK, 600, 20.0), (DECK, 601, 20.0)]
    events = after.evaluate(batch(100 * DAY, [(each[0], each[1] * 600, each[2]) for each in rows]), 2)

    assert is_found == bool(len(events))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"quantity": "temperature"}, None),
        ({"sensor": "C.t"}, None),
        ({"quantity": "temperature", "of": "device"}, "one other sensor of temperature at the device of B.e"),
        ({"quantity": "rainfall"}, "one other sensor of rainfall at the asset of B.e"),
        ({"sensor": "X.t"}, "one other sensor X.t"),
        ({"sensor": "B.e"}, "one other sensor B.e"),
        ({}, "either `quantity` or `sensor`"),
        ({"sensor": "C.t", "quantity": "temperature"}, "either `quantity` or `sensor`"),
    ],
)
def test_compare_finds_each_covariate_in_the_register_or_says_which_not(written, expected):
    """A covariate must be exactly one other sensor."""
    faults = covariate_faults([Covariate.model_validate(written)], [SENSORS[STRAIN]], REGISTER)

    assert ([expected] if expected else []) == [fault.expected for fault in faults]


def test_compare_with_two_thermometers_at_an_asset_asks_which():
    """It never guesses."""
    twice = Register({}, ASSETS, [*SENSORS, Sensor("B.u", "B", "H", "u", "temperature", 1, 0, 600, 1800, "")], {}, [])
    faults = list(covariate_faults([Covariate(quantity="temperature")], [SENSORS[STRAIN]], twice))

    assert ["B.t, B.u"] == [fault.got for fault in faults]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"warm_s": 10 * DAY, "memory_s": DAY}, ("warm_s",)),
        ({"against": [{"sensor": "B.t", "lag_s": 3 * DAY}]}, ("against", 0, "lag_s")),
    ],
)
def test_compare_with_times_that_do_not_fit_says_which(keys, path):
    """Readings that fade before they are used are never known."""
    written = {"against": [{"sensor": "B.t"}], "levels": YELLOW, **keys}
    faults = CompareOptions.model_validate(written).faults(load_quantities()["strain"], [])

    assert [path] == [fault.path for fault in faults]


def test_regression_on_random_numbers_equals_weighted_least_squares():
    """The coefficients are those of numpy's lstsq with the same weights."""
    generator = np.random.default_rng(1)
    x = generator.normal(20, 5, (300, 2))
    y = 3 + x @ [2.0, -1.0] + generator.normal(0, 1, 300)
    regression = Regression(np.array([50 * SECOND_NS]), np.array([SECOND_NS]), np.array([1e-6]))
    b, second = np.array([0]), np.array([SECOND_NS])
    for row, target in zip(x, y, strict=True):
        regression.learn(b, np.array([[1.0, *row, 0.0]]), np.array([target]), second)
    weight = np.sqrt((50 / 51) ** np.arange(299, -1, -1.0))
    fitted = np.linalg.lstsq(np.column_stack((np.ones(300), x)) * weight[:, np.newaxis], y * weight, rcond=None)[0]
    expected, _ = regression.predict(b, np.array([[1.0, 25.0, 15.0, 0.0]]))

    assert fitted @ [1.0, 25.0, 15.0] == pytest.approx(expected[0], abs=1e-5)


def test_page_example_happens_as_it_says(tmp_path):
    """Each row of the example's table agrees with the engine."""
    page = (Path(__file__).parents[3] / "docs/rules/compare.md").read_text(encoding="utf-8")
    written = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "rules.yaml").write_text(written, encoding="utf-8")
    slow = [dataclasses.replace(each, cadence_s=21_600.0, stale_after_s=64_800.0) for each in SENSORS[:2]]
    register = Register({}, ASSETS, slow, {}, [])
    rules = load_rules(tmp_path, register, load_quantities())
    engine = RuleEngine(rules, register)
    rows = re.findall(r"^\| (\d+) \| (-?[\d.]+) \| (-?[\d.]+) \| (.*?) ?\|$", page, re.MULTILINE)
    told_by_row = []
    for second, heat, strain, _ in rows:
        readings = [(HEAT, int(second), float(heat)), (STRAIN, int(second), float(strain))]
        events = engine.evaluate(batch(int(second), readings), 1)
        turns = [fields_at(events, i, engine.alarms) for i in range(len(events))]
        words = [f"{turn.transition.name.lower()}: {describe(rules.rules[0], turn, 'en')}" for turn in turns]
        told_by_row.append(" ".join(words))

    assert [row[3] for row in rows] == told_by_row


def test_compare_against_nothing_in_the_register_is_an_error_of_the_file(tmp_path):
    """The file, the line and the sensor are named."""
    page = (Path(__file__).parents[3] / "docs/rules/compare.md").read_text(encoding="utf-8")
    written = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1].replace("of: asset", "of: device")
    (tmp_path / "rules.yaml").write_text(written, encoding="utf-8")

    with pytest.raises(
        ConfigError, match=r"rules.yaml:\d+.*against.*one other sensor of temperature at the device of B"
    ):
        load_rules(tmp_path, REGISTER, load_quantities())
