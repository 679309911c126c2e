"""A rule that is allowed and still probably not meant is reported with its place."""

import pytest

from config.quantities import Quantity
from rules.loading.lint import lint, unwatched_assets, unwatched_sensors
from rules.loading.loading import load_rules
from tests.rules import small_district

PRESSURE = Quantity(
    "fire_water_pressure",
    "消防管网水压",
    "fire-water pressure",
    "MPa",
    -0.1,
    2.5,
    2.0,
    2,
    {"MPa": (1.0, 0.0), "kPa": (0.001, 0.0)},
    "assumed",
)
RULE = """\
  - id: tower
    kind: threshold
    quantity: fire_water_pressure
    title: {zh: 低压, en: low}
    advice: {zh: 检查, en: check}
    side: low
    levels:
      - {level: yellow, limit: 0.07, deadband: 0.01, on_delay_s: 60, source: assumed}
      - {level: orange, limit: 0.02, deadband: 0.02, on_delay_s: 10, source: assumed}
"""


def load(tmp_path, text):
    """Return the rules that `text` gives."""
    (tmp_path / "rules.yaml").write_text("rules:\n" + text, encoding="utf-8")
    return load_rules(tmp_path, small_district.register(), {"fire_water_pressure": PRESSURE})


def told(tmp_path, text):
    """Return the lines of the findings, without the folder."""
    found = lint(load(tmp_path, text), small_district.register())
    return [str(each).replace(f"{tmp_path}/", "") for each in found]


def test_findings_of_a_plain_rule_are_none(tmp_path):
    """A usual rule has no finding."""
    assert [] == told(tmp_path, RULE)


def test_findings_of_two_rules_over_one_sensor_name_both(tmp_path):
    """Two rules that raise the same level of the same sensor page twice."""
    expected = (
        "rules.yaml:11 second: raises yellow, orange of 2 sensors (T.p, P.p) as first (rules.yaml:2) does; "
        "narrow `where` of one of them, or leave one out"
    )

    assert [expected] == told(tmp_path, RULE.replace("tower", "first") + RULE.replace("tower", "second"))


@pytest.mark.parametrize(
    ("before", "after"),
    [("side: low", "side: low\n    where: {assets: [B]}"), ("side: low", "side: high"), ("", "")],
)
def test_findings_of_rules_that_do_not_meet_are_none(tmp_path, before, after):
    """Other sensors, the other side, or other levels are no overlap."""
    first = RULE.replace("tower", "first").replace("side: low", "side: low\n    where: {assets: [A]}")
    second = RULE.replace("tower", "second").replace(before, after) if before else ""
    if after == "side: high":
        second = second.replace("0.07", "0.7").replace("0.02,", "0.9,")

    assert [] == told(tmp_path, first + second)


def test_findings_name_a_level_that_another_hides(tmp_path):
    """A level with the limit of a higher and sooner one is never reported."""
    text = RULE.replace("limit: 0.02", "limit: 0.07").replace("tower", "low")

    assert ["rules.yaml:2 low: yellow is never told: orange has the same limit and is there no later"] == [
        line.partition(";")[0] for line in told(tmp_path, text)
    ]


def test_unwatched_sensors_and_assets_are_what_no_rule_names(tmp_path):
    """Heartbeats and presence need no hazard rule."""
    register = small_district.register()
    ruleset = load(tmp_path, RULE.replace("side: low", "side: low\n    where: {assets: [B]}"))

    assert {"fire_water_pressure": ["T.p"], "methane": ["G.ch4"]} == unwatched_sensors(ruleset, register)
    assert ["A"] == unwatched_assets(ruleset, register)


@pytest.mark.parametrize("written", ["70 kPa", "70kPa", "0.07 MPa", "'0.07'", "0.07"])
def test_limit_with_its_unit_is_the_same_limit(tmp_path, written):
    """Limits may be written in any unit of the quantity."""
    text = RULE.replace("limit: 0.07, deadband: 0.01", f"limit: {written}, deadband: 10 kPa")

    assert [(0.07, 0.01)] == [(each.limit, each.deadband) for each in load(tmp_path, text).rules[0].levels[:1]]


def test_version_of_a_rule_does_not_depend_on_the_unit_it_is_written_in(tmp_path):
    """The limit counts, in any unit."""
    assert load(tmp_path, RULE).version == load(tmp_path, RULE.replace("0.02,", "20 kPa,")).version


ZONE_RULE = """\
  - id: departs
    kind: residual
    quantity: fire_water_pressure
    title: {zh: 偏离, en: departs}
    advice: {zh: 检查, en: check}
    zone: {by: ZONE}
    levels:
      - {level: yellow, limit: 60, deadband: 30, on_delay_s: 0, source: assumed}
"""


def test_findings_of_a_zone_of_two_sensors_say_that_it_is_never_judged(tmp_path):
    """Whoever wrote the rule believes that these are watched."""
    expected = (
        "rules.yaml:2 departs: its zone of T.p, P.p is never judged: of fewer than 3 sensors nobody can say which is "
        "wrong; widen the zone with `by`, or watch them by limits"
    )

    assert [expected] == told(tmp_path, ZONE_RULE.replace("ZONE", "all"))
