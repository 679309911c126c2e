"""States that hold, unknown states, and states that change too often, one at a time."""

import doctest

import pytest

from collector.batch import Quality
from config.loading import load_quantities
from rules.engine import RuleEngine
from rules.explanation import describe, fields_at
from rules.kinds import state as module
from rules.kinds.state import StateOptions
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import PLAIN, PRESSURE, batch, register, told

AT_ONCE = [{"level": "yellow", "on_delay_s": 0, "source": "assumed"}]
OPEN = {"is": [1], "levels": AT_ONCE}
OFTEN = {"changes_within_s": 10, "levels": levels([("yellow", 3, 1.5, 0, 0)])}
COVER = load_quantities()["manhole_cover_open"]


def play(readings, options, sensor=PLAIN):
    """Return (time, transition) of one rule over (time in s, value[, quality]) of one sensor."""
    engine = RuleEngine(RuleSet((rule_of("state", "rule", [sensor], options),), "1"), register())
    events = engine.evaluate(batch(100, [(sensor, *reading) for reading in readings]), 1)
    return [(time, transition) for _, time, transition, *_ in told(events)]


def faults(options):
    """Return the places and expectations of faults."""
    return [each.path for each in StateOptions.model_validate(options).faults(COVER, [])]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


@pytest.mark.parametrize("asked", [[1], [1, 4], [4, 2, 1]])
def test_state_of_the_list_raises_and_another_clears(asked):
    """Onset and end come with the reading that says so."""
    expected = [(1.0, "RAISED"), (2.0, "CLEARED")]

    assert expected == play([(0, 0), (1, 1), (2, 0)], {**OPEN, "is": asked})


@pytest.mark.parametrize(("last", "expected"), [(2.999, []), (3, [(3.0, "RAISED")])])
def test_state_with_an_on_delay_raises_with_the_reading_that_completes_it(last, expected):
    """A door may stand open for a while."""
    options = {"is": [1], "levels": [{**AT_ONCE[0], "on_delay_s": 2}]}

    assert expected == play([(0, 0), (1, 1), (last, 1)], options)


def test_state_over_a_gap_begins_its_delay_anew():
    """The state of the door in between is unknown."""
    options = {"is": [1], "levels": [{**AT_ONCE[0], "on_delay_s": 2}]}

    assert [(9.0, "RAISED")] == play([(0, 0), (1, 1), (7, 1), (9, 1)], options)


@pytest.mark.parametrize(("normal", "expected"), [(None, "CLEARED"), ([0], None)])
def test_state_that_nobody_knows_ends_nothing_where_normal_is_given(normal, expected):
    """A code that is in no list is no all-clear."""
    options = OPEN if normal is None else {**OPEN, "normal": normal}

    assert [(1.0, "RAISED"), *([(2.0, expected)] if expected else [])] == play([(0, 0), (1, 1), (2, 7)], options)


def test_state_that_nobody_knows_begins_nothing():
    """It is held, and an onset before it goes on."""
    options = {"is": [1], "normal": [0], "levels": [{**AT_ONCE[0], "on_delay_s": 2}]}

    assert [(3.0, "RAISED")] == play([(0, 7), (1, 1), (2, 7), (3, 1)], options)


@pytest.mark.parametrize("quality", [Quality.SPIKE, Quality.RATE, Quality.FLAT, Quality.DEVICE_SUSPECT])
def test_state_of_a_doubted_reading_is_judged(quality):
    """A bell that rings is a spike by nature."""
    assert [(1.0, "RAISED")] == play([(0, 0), (1, 1, quality)], OPEN)


def test_state_out_of_range_is_held():
    """A value that no device sends begins nothing."""
    assert [] == play([(0, 0), (1, 1, Quality.OUT_OF_RANGE)], OPEN)


def test_state_live_of_a_dead_device_raises_nothing():
    """Proof of life is asked for as of any hazard."""
    assert [] == play([(0, 0), (1, 1), (2, 1)], {**OPEN, "live": True}, PRESSURE)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((1, 2, 3), [(3.0, "RAISED")]),
        ((1, 2), []),
        ((1, 4, 10.999), [(10.999, "RAISED")]),
        ((1, 4, 11), []),
    ],
    ids=["three", "two", "just within the window", "the first just left it"],
)
def test_state_changing_often_raises_with_the_change_that_is_too_many(times, expected):
    """Changes count while they are younger than the window."""
    readings = [(0, 0), *((each, i % 2) for i, each in enumerate(times, 1))]
    readings += [(each + 0.5, value) for each, value in readings] + [(7.5, readings[2][1]), (8.5, readings[2][1])]

    assert expected == play(sorted(readings), OFTEN)[:1]


def test_state_no_longer_changing_clears_with_a_reading_after_the_window():
    """Only readings end it: when they say the same for long enough."""
    readings = [(0, 0), (1, 1), (2, 0), (3, 1), *((time, 1) for time in range(4, 20))]

    assert [(3.0, "RAISED"), (12.0, "CLEARED")] == play(readings, OFTEN)


def test_state_of_the_list_counts_only_how_often_it_began():
    """Opened and closed is one opening."""
    readings = [(time, time % 2) for time in range(6)]

    assert [(5.0, "RAISED")] == play(readings, {**OFTEN, "is": [1]})


def test_state_across_a_gap_or_two_clocks_did_not_change():
    """The number of changes in between is unknown."""
    gap = [(0, 0), (1, 1), (2, 0), (7, 1)]
    clocks = [(0, 0), (1, 1), (2, 0), (3, 1, Quality.TIME_SERVER), (4, 0, Quality.TIME_SERVER)]

    assert [[], []] == [play(gap, OFTEN), play(clocks, OFTEN)]


def test_state_explains_itself_by_its_name():
    """The words of the rule, not 1 or 0."""
    options = {"is": [1], "called": {"zh": "井盖已打开", "en": "the cover is open"}}
    rule = rule_of("state", "rule", [PLAIN], {**options, "levels": [{**AT_ONCE[0], "on_delay_s": 60}]})
    engine = RuleEngine(RuleSet((rule,), "1"), register())
    found = []
    for minute in (*range(0, 64, 3), 66):
        events = engine.evaluate(batch(minute, [(PLAIN, minute, float(minute < 66))]), 1)
        turns = [fields_at(events, i, engine.alarms) for i in range(len(events))]
        found += [describe(rule, turn, language) for turn in turns for language in ("zh", "en")]

    assert [
        "井盖已打开，已持续1分钟",
        "The cover is open, for 1 min",
        "已不再成立：井盖已打开",
        "No longer so: The cover is open",
    ] == found


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"levels": AT_ONCE}, ("is",)),
        ({**OPEN, "is": [2]}, ("is", 0)),
        ({**OPEN, "normal": [1]}, ("normal",)),
        ({**OPEN, "levels": levels([("yellow", 0.7, 0.5, 0, 0)])}, ("levels", 0, "limit")),
        ({**OFTEN, "levels": levels([("yellow", 33, 1, 0, 0)])}, ("levels", 0, "limit")),
    ],
    ids=["no state", "no such state", "both", "limit of a state", "more than are counted"],
)
def test_state_options_that_make_no_sense_are_faults(options, path):
    """Each with the place where it stands."""
    assert [path] == faults(options)
