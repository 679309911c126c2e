"""Composite alarms: unknown conditions stay unknown, delays, gaps, restarts, and how they are loaded."""

import re
from pathlib import Path

import pytest

from collector.batch import tick
from config.errors import ConfigError
from config.levels import WarningLevel
from config.loading import load_quantities
from rules.composite.conditions import Condition
from rules.engine import RuleEngine
from rules.explanation import describe, fields_at
from rules.kinds.composite import CompositeLevel, CompositeOptions
from rules.loading.loading import load_rules
from rules.rule import RuleSet
from tests.rules.kinds.case_composite import NEXT, PRESSURE, SMOKE, composite, level, register
from tests.rules.small_district import SECOND_NS, batch, stale, threshold, told

ZERO = threshold("zero", [PRESSURE], [("orange", 1.0, 0.2, 0, 0)], side="low")
FIRE = threshold("smoke", [SMOKE, NEXT], [("yellow", 1.0, 0.2, 0, 0)], side="high")
SILENT = stale("silent", [PRESSURE, SMOKE, NEXT])
BOTH = {"all": [{"rule": "zero", "at_least": "orange"}, {"rule": "smoke"}]}
NO_FIRE = {"all": [{"rule": "zero"}, {"not": {"rule": "smoke"}}]}


def engine_of(*levels: dict, **options) -> RuleEngine:
    """Return an engine with a composite of `levels` as its last rule."""
    return RuleEngine(RuleSet((ZERO, FIRE, SILENT, composite("sum", [PRESSURE], levels, **options)), "1"), register())


def turns(engine: RuleEngine, readings: list[tuple], received_s: float | None = None) -> list[tuple]:
    """Return (second, level before, level after) of the composite alarm over `readings`."""
    last = max(each[1] for each in readings) if received_s is None else received_s
    events = engine.evaluate(batch(last, readings), 1)
    number = len(engine.alarms) - 1
    return [(row[1], row[3], row[4]) for row in told(events) if row[0] == number]


def silence(engine: RuleEngine, start_s: int, end_s: int) -> None:
    """Let time pass while somebody listens."""
    for second in range(start_s, end_s, 5):
        engine.evaluate(tick(second * SECOND_NS), 1)


def test_composite_of_zero_pressure_and_a_fire_alarm_is_red():
    """Both together are more than each."""
    engine = engine_of(level("red", BOTH))
    readings = [(PRESSURE, 1, 2.0), (SMOKE, 2, 0.0), (PRESSURE, 3, 0.0), (SMOKE, 4, 1.0), (SMOKE, 6, 0.0)]

    assert [(4.0, 0, 5), (6.0, 5, 0)] == turns(engine, readings)


def test_composite_of_a_negated_alarm_whose_sensor_was_never_heard_is_unknown():
    """No news of a fire is no news of there being none."""
    engine = engine_of(level("yellow", NO_FIRE))

    assert [] == turns(engine, [(PRESSURE, 1, 0.0), (PRESSURE, 3, 0.0)])


def test_composite_of_a_negated_alarm_is_true_with_the_first_reading_that_says_so():
    """Once the sensor is heard, its calm is known."""
    engine = engine_of(level("yellow", NO_FIRE))

    assert [(5.0, 0, 3)] == turns(engine, [(PRESSURE, 1, 0.0), (PRESSURE, 3, 0.0), (SMOKE, 5, 0.0)])


def test_composite_of_a_negated_alarm_neither_begins_nor_ends_while_its_sensor_is_blind():
    """A standing level stays; an inactive one does not begin."""
    engine = engine_of(level("yellow", NO_FIRE), level("blue", {"not": {"rule": "smoke"}}))
    engine.evaluate(batch(10, [(PRESSURE, 1, 2.0), (SMOKE, 1, 0.0)]), 1)
    silence(engine, 10, 1100)
    engine.evaluate(batch(1100, [(PRESSURE, 1100, 0.0)]), 1)

    assert WarningLevel.BLUE == engine.levels()[-1]


def test_composite_of_an_alarm_that_stands_is_known_while_its_sensor_is_blind():
    """A red manhole that falls silent is still red."""
    engine = engine_of(level("red", BOTH))
    engine.evaluate(batch(10, [(PRESSURE, 1, 2.0), (SMOKE, 1, 1.0)]), 1)
    silence(engine, 10, 1100)

    assert [(1100.0, 0, 5)] == turns(engine, [(PRESSURE, 1100, 0.0)])


def test_composite_with_a_blind_witness_still_tells_its_known_levels():
    """An unknown red does not hide orange."""
    engine = engine_of(level("red", BOTH), level("orange", {"rule": "zero"}))

    assert [(1.0, 0, 4)] == turns(engine, [(PRESSURE, 1, 0.0)])


@pytest.mark.parametrize(("last_s", "expected"), [(11.9, []), (12.0, [(12.0, 0, 5)])])
def test_composite_on_delay_ends_with_a_reading_of_any_of_its_sensors(last_s, expected):
    """The delay is time between readings, whoever sends them."""
    engine = engine_of(level("red", BOTH, on_delay_s=10))
    begin = [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0)]

    assert expected == turns(engine, [*begin, (PRESSURE, last_s, 0.0)])


def test_composite_delay_across_a_gap_begins_again():
    """The state in between is unknown."""
    engine = engine_of(level("red", BOTH, on_delay_s=10))
    engine.evaluate(batch(2, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0)]), 1)
    later = [(PRESSURE, 5000, 0.0), (SMOKE, 5000, 1.0), (SMOKE, 5009, 1.0), (SMOKE, 5010, 1.0)]

    assert [(5010.0, 0, 5)] == turns(engine, later)


def test_composite_delay_is_not_ended_by_a_clock_that_is_ahead():
    """A time that has not come yet counts as its being received."""
    engine = engine_of(level("red", BOTH, on_delay_s=10))

    assert [] == turns(engine, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0), (SMOKE, 500, 1.0)], received_s=5)


def test_composite_added_to_a_running_district_sees_what_stands_already():
    """A new rule begins with the alarms as they are, at the next reading."""
    before = RuleEngine(RuleSet((ZERO, FIRE), "1"), register())
    before.evaluate(batch(2, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0)]), 1)
    engine = engine_of(level("red", BOTH))
    engine.restore(before.snapshot())

    assert [(4.0, 0, 5)] == turns(engine, [(PRESSURE, 4, 0.0)])


def test_composite_without_the_level_at_which_it_stood_steps_down_with_a_reading():
    """A level that a change of rules takes away is reported as lowered."""
    before = engine_of(level("red", BOTH), level("blue", {"rule": "zero"}))
    before.evaluate(batch(2, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0)]), 1)
    engine = engine_of(level("blue", {"rule": "zero"}))
    engine.restore(before.snapshot())

    assert [(4.0, 5, 2)] == turns(engine, [(PRESSURE, 4, 0.0)])


def test_composite_of_one_device_ignores_the_others_of_the_asset():
    """`of: device` names alarms of the device that the composite is bound to."""
    engine = engine_of(level("red", {"rule": "smoke", "of": "device"}))

    assert [] == turns(engine, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0)])


def test_composite_that_wants_more_alarms_than_there_are_is_unknown():
    """Two alarms are never possible where one sensor stands; that is no all-clear."""
    engine = engine_of(level("red", {"not": {"rule": "smoke", "count": 2}}))

    assert [] == turns(engine, [(PRESSURE, 1, 2.0), (SMOKE, 2, 0.0)])


@pytest.mark.parametrize(
    ("language", "expected"), [("zh", "条件成立，已持续2秒"), ("en", "red holds, for 2 s")], ids=["zh", "en"]
)
def test_composite_is_explained_in_the_words_of_its_level(language, expected):
    """Numbers of a condition say nothing; its author's words do."""
    engine = engine_of(level("red", BOTH, on_delay_s=2))
    events = engine.evaluate(batch(9, [(PRESSURE, 1, 0.0), (SMOKE, 2, 1.0), (SMOKE, 4, 1.0)]), 1)
    rule = composite("sum", [PRESSURE], [level("red", BOTH, on_delay_s=2)])

    assert expected == describe(rule, fields_at(events, len(events) - 1, engine.alarms), language)


@pytest.mark.parametrize(
    "written",
    [{}, {"rule": "a", "not": {"rule": "b"}}, {"all": []}, {"any": [{"rule": "a"}], "count": 2}],
    ids=["nothing", "two things", "empty", "a count of nothing"],
)
def test_condition_that_is_not_one_thing_is_refused(written):
    """Each condition says one thing."""
    with pytest.raises(ValueError, match="validation error"):
        Condition.model_validate(written)


FILE = """\
rules:
  - id: zero
    kind: threshold
    where: {sensors: [T.p]}
    quantity: fire_water_pressure
    title: {zh: 低, en: low}
    advice: {zh: 查, en: check}
    side: low
    levels: [{level: orange, limit: 0.02, deadband: 0.02, on_delay_s: 0, source: assumed}]
  - id: sum
    kind: composite
    title: {zh: 合, en: sum}
    advice: {zh: 查, en: check}
    levels:
      - level: red
        when: {rule: zero}
        because: {zh: 失压, en: no pressure}
        on_delay_s: 0
        source: assumed
"""


def load(tmp_path, text: str) -> RuleSet:
    """Return the rules of `text`."""
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    return load_rules(tmp_path, register(), load_quantities())


def test_load_of_a_composite_binds_one_sensor_of_each_asset(tmp_path):
    """The first of the register stands for its asset."""
    assert (PRESSURE, NEXT) == load(tmp_path, FILE).rule("sum").sensors


def test_load_of_a_composite_for_each_device_binds_one_sensor_of_each(tmp_path):
    """`each: device` makes an alarm for every device."""
    text = FILE.replace("kind: composite\n", "kind: composite\n    each: device\n")

    assert (PRESSURE, SMOKE, NEXT) == load(tmp_path, text).rule("sum").sensors


@pytest.mark.parametrize(
    ("after", "path", "got"),
    [
        ("when: {rule: nil}", "rules[1].levels[0].when.rule", "nil"),
        ("when: {all: [{rule: zero}, {not: {rule: sum}}]}", "rules[1].levels[0].when.all[1].not.rule", "sum"),
        ("when: {rule: zero, at_least: red}", "rules[1].levels[0].when.at_least", "red"),
    ],
    ids=["no such rule", "a circle", "a level never reached"],
)
def test_load_of_a_composite_that_names_a_wrong_rule_says_where(tmp_path, after, path, got):
    """File, path and the mistake."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, FILE.replace("when: {rule: zero}", after))

    assert [(path, got)] == [(each.path, each.got) for each in caught.value.problems]


PAGE = Path(__file__).parents[3].joinpath("docs/rules/composite.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [CompositeOptions, CompositeLevel, Condition], ids=lambda model: model.__name__)
def test_page_of_composites_names_every_key(model):
    """Whatever a composite may say is explained."""
    assert [] == [name for name, each in model.model_fields.items() if f"`{each.alias or name}`" not in PAGE]


def test_page_example_of_composites_happens_as_it_says(tmp_path):
    """Each row of the example's table agrees with the engine."""
    ruleset = load(tmp_path, re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    engine = RuleEngine(ruleset, register())
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| (\d+) \| (.*?) ?\|$", PAGE, re.MULTILINE)
    found = []
    for second, pressure, smoke, _ in rows:
        moment = int(second)
        events = engine.evaluate(batch(moment, [(PRESSURE, moment, float(pressure)), (SMOKE, moment, float(smoke))]), 1)
        names = {0: "cleared", 3: "to yellow", 4: "to orange", 5: "to red"}
        found.append(", ".join(f"{engine.alarms[row[0]].rule} {names[row[4]]}" for row in told(events)))

    assert [row[3] for row in rows] == found
