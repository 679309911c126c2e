import dataclasses
import re

import pytest

from config.levels import WarningLevel
from lifeline.commands.check import _find_worst_s, describe_configuration, worst_detection_s
from rules.rule import LevelLimit, RuleSet, Side
from tests.rules.kinds.derived import levels, rule_of


@pytest.mark.parametrize(
    ("on_delay_s", "cadence_s", "expected"),
    [(10, 2, 12), (10, 4, 16), (10, 60, 120), (0, 2, 2), (2, 2, 4)],
)
def test_detection_is_one_cadence_and_the_delay_rounded_up(register, on_delay_s, cadence_s, expected):
    """The onset falls behind a reading at worst, and the delay ends with a reading."""
    limit = LevelLimit(WarningLevel.ORANGE, Side.LOW, 0.02, 0.02, on_delay_s, 10, "assumed")
    sensor = dataclasses.replace(register.sensors[0], cadence_s=float(cadence_s))
    assert expected == worst_detection_s(limit, sensor)


@pytest.mark.parametrize(("on_samples", "expected"), [(1, 6.0), (3, 6.0), (4, 8.0)])
def test_detection_waits_for_the_readings_that_are_counted(register, on_samples, expected):
    """The later of delay and count decides."""
    sensor = dataclasses.replace(register.sensors[0], cadence_s=2.0)
    limit = LevelLimit(WarningLevel.ORANGE, Side.LOW, 0.02, 0.02, 4, 10, "assumed", on_samples)

    assert expected == worst_detection_s(limit, sensor)


def test_summary_adds_the_time_that_readings_wait_for_older_ones(desk):
    """The wait of readings is part of the worst case, for dangers and for silence of the device."""
    configuration = desk.configuration
    waiting = [dataclasses.replace(sensor, reorder_s=5.0) for sensor in configuration.register.sensors]
    register = dataclasses.replace(configuration.register, sensors=waiting)
    at_once, later = (
        describe_configuration(each, configuration.ruleset) for each in (configuration.register, register)
    )
    worst = [
        [float(s) for line in lines for s in re.findall(r"detection ([\d.]+) s", line)] for lines in (at_once, later)
    ]

    assert worst[0]
    assert [each + 5.0 for each in worst[0]] == worst[1]


def test_summary_names_assets_without_a_rule(register):
    """An asset that no rule watches is said so, and each sensor that no hazard rule judges."""
    lines = describe_configuration(register, RuleSet((), "none"))
    assert 2 == sum(line.startswith("WITHOUT ANY RULE") for line in lines)
    assert "NOT JUDGED BY A HAZARD RULE: fire_water_pressure: FT-1.pressure, FT-2.pressure" in lines


def test_summary_of_demo_district_watches_everything(desk):
    """In the packaged district each asset has a hazard rule, each level a source."""
    lines = describe_configuration(desk.configuration.register, desk.configuration.ruleset)
    assert [] == [line for line in lines if "WITHOUT" in line or line.endswith("source: ")]


def test_summary_of_a_trend_adds_its_window_to_the_worst_case(register):
    """A value needs several readings and comes with each bucket: 20 buckets, one to close, two to wait."""
    sensor = dataclasses.replace(register.sensors[0], cadence_s=2.0)
    written = {"direction": "rise", "step_s": 60, "points": 20, "levels": levels([("blue", 1, 0.5, 100, 0)])}
    rule = rule_of("trend", "drifts", [0], written)

    assert 23 * 60.0 == _find_worst_s(rule, rule.levels[0], sensor, 0.0)
