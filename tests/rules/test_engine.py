"""The engine as a whole: order, counts, isolation of bad readings, many sensors."""

import numpy as np
import pytest

from collector.batch import Quality, make_batch, tick
from config.register import Asset, Register, Sensor
from rules.engine import BLIND, RuleEngine
from rules.events import Dimension
from rules.rule import RuleSet
from tests.rules.small_district import (
    BEAT,
    GAS,
    PLAIN,
    PRESSURE,
    SECOND_NS,
    batch,
    register,
    rules,
    stale,
    threshold,
    told,
)

AT_ONCE = [("orange", 1.0, 0.5, 0, 0)]


def wide_engine(n_sensors: int) -> RuleEngine:
    """Return an engine with one threshold without delay and one stale rule over `n_sensors` sensors."""
    sensors = [Sensor(f"S{i}", "A", f"D{i}", "p", "pressure", 1.0, 0.0, 2.0, 6.0, "") for i in range(n_sensors)]
    asset = Asset("A", "water_main", "water", "A", "A", "R", 0.0, 0.0)
    everyone = range(n_sensors)
    both = threshold("low", everyone, AT_ONCE, side="low"), stale("silent", everyone)
    return RuleEngine(RuleSet(both, "1"), Register({}, {"A": asset}, sensors, {}, []))


def test_engine_of_rules_names_each_alarm_by_rule_and_sensor():
    """Alarm ids stay the same over restarts: rule and sensor, nothing dense."""
    engine = RuleEngine(rules(), register())

    silent, others = ["silent/T.p", "silent/G.ch4", "silent/P.p"], ["second/T.p", "second/P.p", "alive/G.ch4"]

    assert ["low/T.p", "gas/G.ch4", *silent, *others] == [key.id for key in engine.alarms]


def test_engine_of_kinds_gives_each_alarm_its_dimension():
    """Health and hazard are never mixed."""
    dimensions = {key.rule: key.dimension for key in RuleEngine(rules(), register()).alarms}

    assert (Dimension.HEALTH, Dimension.HAZARD) == (dimensions["silent"], dimensions["low"])


def test_engine_without_rules_says_nothing():
    """A district without rules is possible, and quiet."""
    engine = RuleEngine(RuleSet((), "1"), register())

    assert [] == told(engine.evaluate(batch(1, [(PRESSURE, 1, 0.0)]), 1))


def test_events_of_one_batch_stand_in_the_order_of_readings_then_alarms():
    """Silence first, then reading by reading, and by alarm number where one reading turns several."""
    levels = [("yellow", 2.0, 0.5, 0, 0), *AT_ONCE]
    twice = [threshold(name, [PRESSURE, GAS], levels, side="low") for name in ("a", "b")]
    engine = RuleEngine(RuleSet((*twice, stale("silent", [PLAIN])), "1"), register())
    for second in range(6):
        engine.evaluate(tick(second * SECOND_NS), 1)
    events = engine.evaluate(batch(6, [(GAS, 6, 2.0), (PRESSURE, 6, 2.0), (GAS, 7, 1.0)]), 1)

    assert [4, 1, 3, 0, 2, 1, 3] == events.alarm.tolist()


def test_events_of_a_batch_carry_its_position():
    """Each event names the batch in the journal that caused it."""
    engine = RuleEngine(RuleSet((threshold("a", [PLAIN], AT_ONCE, side="low"),), "1"), register())
    events = engine.evaluate(batch(6, [(PLAIN, 6, 0.0), (PLAIN, 7, 9.0)]), 42)

    assert ([42, 42], 42) == (events.position.tolist(), engine.position)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        ((PRESSURE, 10, 9.0), "duplicate"),
        ((PRESSURE, 9, 9.0), "late"),
        ((PRESSURE, 11, float("nan")), "not_finite"),
        ((PRESSURE, 11, float("inf")), "not_finite"),
        ((99, 11, 9.0), "unknown_sensor"),
        ((-1, 11, 9.0), "unknown_sensor"),
    ],
)
def test_engine_of_a_reading_that_is_not_judged_counts_the_reason(reading, reason):
    """Law 7: whatever is left out is counted, in one batch as in two."""
    engine = RuleEngine(rules(), register())
    engine.evaluate(batch(10, [(PRESSURE, 10, 9.0)]), 1)
    engine.evaluate(batch(11, [reading]), 2)
    together = RuleEngine(rules(), register())
    together.evaluate(batch(10, [(PRESSURE, 10, 9.0), reading]), 1)
    key = ("readings_not_judged", reason)

    assert (1, 1) == (engine.counts[key], together.counts[key])


def test_engine_of_held_readings_and_events_counts_them():
    """Held readings, evaluations and transitions have their counters."""
    engine = RuleEngine(RuleSet((threshold("a", [PLAIN], AT_ONCE, side="low"),), "1"), register())
    engine.evaluate(batch(6, [(PLAIN, 6, 0.0), (PLAIN, 7, -5.0, 1), (PLAIN, 8, 9.0)]), 1)
    expected = {
        ("readings_held", "out_of_range"): 1,
        ("rule_evaluations", "threshold"): 2,
        ("alarm_events", "raised"): 1,
        ("alarm_events", "cleared"): 1,
    }

    assert expected == dict(engine.counts)


def test_engine_of_late_readings_in_one_batch_judges_only_the_newer():
    """Readings of one sensor out of order in one batch are judged as if they came one by one."""
    engine = RuleEngine(RuleSet((threshold("a", [PRESSURE], AT_ONCE, side="low"),), "1"), register())
    times = [5, 9, 6, 7, 9, 8, 10, 9]
    engine.evaluate(batch(10, [(PRESSURE, time, 9.0) for time in times]), 1)
    counts = engine.counts

    assert (3, 1, 4) == (
        counts["rule_evaluations", "threshold"],
        counts["readings_not_judged", "duplicate"],
        counts["readings_not_judged", "late"],
    )


def test_seen_of_an_engine_tells_who_ever_came():
    """A reading that was not judged is no sign of a sensor."""
    engine = RuleEngine(rules(), register())
    engine.evaluate(batch(1, [(PRESSURE, 1, 9.0), (GAS, 1, float("nan"))]), 1)

    assert [True, *[False] * 5] == engine.seen().tolist()


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_engine_of_one_poisoned_asset_judges_the_other_9999(poison):
    """One asset that sends no numbers leaves every other asset judged."""
    n, engine = 10_000, wide_engine(10_000)
    values = np.zeros(n)
    values[1234] = poison
    events = engine.evaluate(make_batch(0, np.arange(n), np.zeros(n), values, np.zeros(n)), 1)

    assert sorted(set(range(n)) - {1234}) == events.alarm.tolist()


def test_engine_after_poison_judges_the_same_asset_again():
    """Nothing of the poison stays."""
    engine = wide_engine(3)
    engine.evaluate(make_batch(0, [1, 1], [1, 2], [np.nan, -np.inf], [0, 0]), 1)

    assert [1] == engine.evaluate(make_batch(0, [1], [3], [0.0], [0]), 2).alarm.tolist()


def test_engine_of_10000_sensors_finds_the_one_that_falls_silent():
    """The one silent sensor among 10,000 is blind within three of its intervals and a second."""
    n, engine, silent = 10_000, wide_engine(10_000), 4321
    found = []
    for second in range(20):
        speaking = np.arange(n) if second < 10 else np.delete(np.arange(n), silent)
        columns = (
            speaking,
            np.full(len(speaking), second * SECOND_NS),
            np.full(len(speaking), 9.0),
            np.zeros(len(speaking)),
        )
        found += [(second, *event) for event in told(engine.evaluate(make_batch(second * SECOND_NS, *columns), 1))]

    assert [(17, n + silent, 15.0, "RAISED", 0, 1, "NO_READING")] == found


@pytest.mark.parametrize("jump_s", [3600, -3600], ids=["forward", "back"])
def test_engine_over_a_jump_of_the_received_clock_tells_the_same(jump_s):
    """An hour's jump of the machine's clock changes neither hazards nor health."""
    steady, jumping = RuleEngine(rules(), register()), RuleEngine(rules(), register())
    history = {id(steady): [], id(jumping): []}
    for second in range(100, 160):
        value = 0.0 if 110 <= second < 130 else 9.0
        readings = [(PRESSURE, second, value), (BEAT, second, second), (GAS, second, 9.0 - value), (3, second, second)]
        readings.append((PLAIN, second, value))
        for engine, jump in ((steady, 0), (jumping, jump_s if second >= 120 else 0)):
            history[id(engine)] += told(engine.evaluate(batch(second + jump, readings), 1))

    assert history[id(steady)] == history[id(jumping)]


@pytest.mark.parametrize("jump_s", [3600, -3600, -360_000_000])
def test_engine_whose_readings_get_received_times_of_a_wrong_clock_still_raises_and_clears(jump_s):
    """A wrong clock of the machine stands in for those of the devices: dangers begin and end all the same."""
    engine, events = RuleEngine(rules(), register()), []
    for second in range(400_000_000, 400_000_060):
        is_wrong, danger = second >= 400_000_010, 400_000_020 <= second < 400_000_040
        time, flag = (second + jump_s, Quality.TIME_FUTURE) if is_wrong else (second, Quality.GOOD)
        readings = [(PRESSURE, time, 0.0 if danger else 9.0, flag), (BEAT, time, second, flag)]
        events += told(engine.evaluate(batch(second + (jump_s if is_wrong else 0), readings), 1))
    hazards = [(transition, before, after) for number, _, transition, before, after, _ in events if number == 0]

    assert [("RAISED", 0), ("CLEARED", 0)] == [(hazards[0][0], hazards[0][1]), (hazards[-1][0], hazards[-1][2])]


def test_levels_and_health_of_an_engine_agree_with_its_events():
    """The last event is the standing level."""
    engine = wide_engine(4)
    engine.evaluate(make_batch(0, [0, 1, 2], [0, 0, 0], [0.0, 9.0, 0.0], [0, 0, 0]), 1)
    for second in range(1, 9):
        engine.evaluate(make_batch(second * SECOND_NS, [1], [second * SECOND_NS], [9.0], [0]), 1)

    assert ([4, 0, 4, 0, 1, 0, 1, 1], [BLIND, 1, BLIND, BLIND]) == (engine.levels().tolist(), engine.health().tolist())
