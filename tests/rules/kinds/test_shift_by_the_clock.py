"""Shifts from the usual value of the hour, slow ones, and sensors that learn from all samples."""

import math
import random

import numpy as np
import pytest

from collector.batch import Quality
from config.register import Register, Sensor
from rules.engine import RuleEngine
from rules.rule import RuleSet
from rules.statistics.hour_profile import hour_of_week
from tests.rules.kinds.case_shift import distances
from tests.rules.kinds.conformance import Case
from tests.rules.kinds.derived import judged_slowly, levels, rule_of
from tests.rules.laws import history, undisturbed_and_restored, whole_and_split
from tests.rules.small_district import batch, told

FLOW = Sensor("W.q", "W", "D", "q", "flow", 1.0, 0.0, 1200.0, 7200.0, "")
REGISTER = Register({}, {}, [FLOW], {}, [])
LADDER = levels([("blue", 6.0, 3.0, 0, 7200), ("yellow", 12.0, 6.0, 0, 7200)])
LOW = levels([("blue", 3.0, 1.0, 0, 0), ("yellow", 5.0, 2.0, 1200, 0)])
EWMA = {"method": "ewma", "weight": 1.0, "levels": LADDER, "warm_s": 86_400}
WEEK = {**EWMA, "levels": LOW, "cycle": "week", "utc_offset_h": -3.5, "slow_s": 7200, "slow_weight": 2, "learns": "all"}
DAY = {
    **EWMA,
    "levels": LOW,
    "cycle": "day",
    "clip_sigmas": 20,
    "baseline_s": 600_000,
    "rebaseline_s": 20_000,
    "direction": "rise",
}
PARTS = {**EWMA, "levels": LOW, "cycle": "week", "mean_s": 3600, "baseline_s": 20 * 86_400, "rebaseline_s": 40_000}
RULES = (
    rule_of("shift", "by_day", [0], DAY),
    rule_of("shift", "by_week", [0], {**WEEK, "baseline_s": 366 * 86_400}),
    rule_of("shift", "parts", [0], PARTS),
)
DAY_S = 86_400
SEEDS = range(3)


def stream(dice):
    """Return four weeks of a daily flow that is other on Sundays, with bursts, a silence now and then."""
    time_s, burst, rows = 1_000_000.0, 0.0, []
    while time_s < 1_000_000 + 28 * DAY_S:
        burst = dice.choice([burst] * 3 + [0.0]) if burst else dice.choice([0.0] * 80 + [150.0, -150.0])
        tall = 20 if time_s // DAY_S % 7 == 3 else 60
        rows.append((0, time_s, 100 - tall * math.cos(time_s * 2 * math.pi / DAY_S) + burst + dice.gauss(0, 3), 0))
        time_s += dice.choice([1200.0] * 20 + [1500.0, 900.0, 20_000.0])
    return rows


CASE = Case(REGISTER, RuleSet(RULES, "1"), stream, batch_s=6 * 3600)


@pytest.fixture(params=SEEDS, name="dice")
def _dice(request):
    return random.Random(request.param)  # noqa: S311 - the same streams every time


def play(readings, **options):
    """Return (time, level after) of one rule over (time in s, value) of the flow."""
    rule = rule_of("shift", "rule", [0], {**EWMA, **options})
    engine = RuleEngine(RuleSet((rule,), "1"), REGISTER)
    events = engine.evaluate(batch(10_000_000, [(0, *reading) for reading in readings]), 1)
    return [(time, after) for _, time, _, _, after, _ in told(events)]


def daily(days, seed=1, tall=60.0):
    """Return a reading each 20 min of a daily wave with a noise of 3."""
    dice = random.Random(seed)  # noqa: S311 - the same noise every time
    times = [float(second) for second in range(0, days * DAY_S, 1200)]
    return [(time, 100 - tall * math.cos(time * 2 * math.pi / DAY_S) + dice.gauss(0, 3)) for time in times]


def with_step(readings, begin_s, end_s, by):
    """Return `readings` with those from `begin_s` to before `end_s` moved."""
    return [(time, value + by * (begin_s <= time < end_s)) for time, value in readings]


def test_shift_by_the_clock_agrees_with_the_slow_reference(dice):
    """Hours, slow means and their learning, one reading after the other."""
    readings = stream(dice)
    expected = judged_slowly(CASE, readings, lambda rule, rows: distances(rule, rows, FLOW))
    events = [event for each in _evaluated(CASE, readings) for event in each]

    assert (True, expected) == (len(expected) > 20, sorted(events, key=lambda each: each[0]))


def _evaluated(case, readings):
    engine = case.engine()
    for position, each in enumerate(case.batches(readings), 1):
        found = told(engine.evaluate(each, position))
        yield [(time, before, after) for _, time, _, before, after, _ in found]


def test_shift_by_the_clock_of_any_split_is_the_same(dice):
    """Law 3, with hours that begin and end in a batch."""
    whole, split = whole_and_split(CASE.engine, CASE.batches(stream(dice)), dice)

    assert whole == split


def test_shift_by_the_clock_restored_anywhere_is_the_same(dice):
    """Law 2: means of hours and the slow mean are in the snapshot."""
    batches = CASE.batches(stream(dice))
    undisturbed, restored = undisturbed_and_restored(CASE.engine, batches, dice.randint(0, len(batches)))

    assert undisturbed == restored


def test_shift_of_rules_that_begin_to_tell_a_cycle_goes_on_from_their_snapshot():
    """A snapshot without hours fills everything else: the mean is not learned again."""
    plain = RuleEngine(RuleSet((rule_of("shift", "rule", [0], EWMA),), "1"), REGISTER)
    plain.evaluate(batch(10_000_000, [(0, *each) for each in daily(3, tall=0.0)]), 1)
    clocked = RuleEngine(RuleSet((rule_of("shift", "rule", [0], {**EWMA, "cycle": "week"}),), "1"), REGISTER)
    clocked.restore(plain.snapshot())

    assert 1 == len(history(clocked, [batch(10_000_001, [(0, 3.0 * DAY_S, 150.0)])]))


def test_shift_at_a_quiet_hour_is_found_by_the_clock_only():
    """The usual flow at noon is a burst at night."""
    readings = with_step(daily(8), 7 * DAY_S, 7 * DAY_S + 3600, 90.0)
    found = [play(readings, cycle=cycle) for cycle in ("none", "day", "week")]

    assert [[], [2], [2]] == [[level for _, level in each][:1] for each in found]


def test_shift_on_a_sunday_is_usual_where_weeks_are_known():
    """Each Sunday is flat: after two of them only the hours of the day still wonder."""
    readings = [(time, 100.0 + value % 3 if time // DAY_S % 7 == 3 else value) for time, value in daily(29)]
    found = {cycle: play(readings, cycle=cycle, learns="all") for cycle in ("day", "week")}
    late = {cycle: [time // DAY_S for time, level in each if level] for cycle, each in found.items()}

    assert (True, False) == tuple(any(day >= 17 for day in late[cycle]) for cycle in ("day", "week"))


def test_shift_of_a_sigma_for_hours_is_found_by_the_slow_mean():
    """No reading alone is unusual."""
    dice = random.Random(4)  # noqa: S311 - the same noise every time
    readings = [(float(i) * 1200, 100 + dice.gauss(0, 3)) for i in range(500)]
    shifted = with_step(readings, 480_000, 600_000, 5.0)

    assert ([], [2]) == (play(shifted), [level for _, level in play(shifted, slow_s=7200, slow_weight=2)][:1])


@pytest.mark.parametrize(("direction", "expected"), [("rise", []), ("fall", [2]), ("either", [2])])
def test_shift_of_the_slow_mean_knows_its_direction(direction, expected):
    """A slow fall is none of a rule that looks for rises."""
    dice = random.Random(4)  # noqa: S311 - the same noise every time
    readings = with_step([(float(i) * 1200, 100 + dice.gauss(0, 3)) for i in range(450)], 480_000, 600_000, -5.0)

    assert expected == [level for _, level in play(readings, slow_s=7200, slow_weight=2, direction=direction)][:1]


def test_shift_that_comes_each_day_is_soon_usual_where_all_teaches():
    """A leap of an hour each day raises on the first days only; calm learning never takes it in."""
    dice = random.Random(5)  # noqa: S311 - the same noise every time
    readings = [(float(i) * 1200, 100 + dice.gauss(0, 3) + 60 * (i % 72 < 3 and i > 99)) for i in range(6, 72 * 21)]
    found = {what: play(readings, learns=what, baseline_s=30 * DAY_S, clip_sigmas=30) for what in ("calm", "all")}
    days = {what: [time // DAY_S for time, level in each if level] for what, each in found.items()}

    assert (True, True) == (max(days["calm"]) >= 20, max(days["all"]) < 10)


def test_shift_with_a_long_memory_is_judged_when_it_is_warm():
    """A year is remembered, a day is waited for."""
    readings = with_step(daily(2, tall=0.0), 1.5 * DAY_S, 2 * DAY_S, 50.0)
    found = [play(readings, baseline_s=366 * DAY_S, warm_s=warm_s)[:1] for warm_s in (None, DAY_S)]

    assert [[], [(1.5 * DAY_S, 2)]] == [[(time, min(level, 2)) for time, level in each] for each in found]


@pytest.mark.parametrize(("on_doubt", "expected"), [("hold", []), ("judge", [2])])
@pytest.mark.parametrize("flag", [Quality.SPIKE, Quality.RATE, Quality.DEVICE_SUSPECT])
def test_shift_of_a_doubted_reading_is_judged_where_the_rule_says_so(flag, on_doubt, expected):
    """One leap that the intake calls a spike."""
    readings = [*daily(3, tall=0.0), (3.0 * DAY_S, 118.0 + 3, flag)]

    assert expected == [level for _, level in play(readings, on_doubt=on_doubt)][:1]


@pytest.mark.parametrize(("learns", "is_over"), [("calm", False), ("all", True)])
def test_shift_of_flat_readings_is_learned_where_all_teaches(learns, is_over):
    """A value that stands still for days teaches no good sensor, and one without knowledge."""
    odd = [(time + 3 * DAY_S, 119.0, Quality.FLAT) for time, _ in daily(2)]
    told_of = play([*daily(3, tall=0.0), *odd], learns=learns, clip_sigmas=30)

    assert (True, is_over) == (bool(told_of), told_of[-1][1] == 0)


def test_hour_of_week_begins_on_monday():
    """Time begins on a Thursday at 0:00; four days later is Monday."""
    assert [72, 0, 167] == hour_of_week(np.array([0, 96, 95])).tolist()
