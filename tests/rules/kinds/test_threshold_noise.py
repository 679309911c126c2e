"""Deadbands that follow each sensor's own noise: how wide they are, when they are fixed, that levels can end."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality
from config.quantities import Quantity
from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.laws import history, undisturbed_and_restored, whole_and_split
from tests.rules.small_district import PLAIN, batch, register, threshold, told

LEVELS = [("yellow", 10.0, 0.5, 0, 0)]
THREE = {"deadband_sigmas": 3, "deadband_most": 4.0}
SIGMA = 1 / 1.128
"""The sigma of readings with ranges that are all 1."""
KNOWN = [(i, 5.0 + i % 2) for i in range(40)]
UNKNOWN = [(i, 5.0 + i % 2) for i in range(30)]
METHANE = Quantity("methane", "甲烷", "methane", "%LEL", 0.0, 100.0, 10.0, 1, {}, "assumed")


def engine(levels=tuple(LEVELS), more=THREE, **options):
    """Return an engine with one rule over the plain sensor."""
    rule = threshold("rule", [PLAIN], levels, more, **{"side": "high", **options})
    return RuleEngine(RuleSet((rule,), "1"), register())


def play(readings, judge):
    """Return (time, transition, level) of `judge` over `readings`, each (time in s, value[, quality])."""
    events = judge.evaluate(batch(0, [(PLAIN, *reading) for reading in readings]), 1)
    return [(time, transition, after) for _, time, transition, _, after, _ in told(events)]


def after(known, *values):
    """Return `known` and then one of `values` a second."""
    return [*known, *((len(known) + i, value) for i, value in enumerate(values))]


def word(transitions):
    """Return only the transitions, in order."""
    return [each[1] for each in transitions]


@pytest.mark.parametrize(
    ("value", "clears"), [(10 - 3 * SIGMA, False), (np.nextafter(10 - 3 * SIGMA, -9), True)], ids=["at", "behind"]
)
def test_deadband_by_noise_is_so_many_sigmas_wide(value, clears):
    """A value exactly three sigmas back within the limit still holds the alarm."""
    assert ["RAISED", *["CLEARED"] * clears] == word(play(after(KNOWN, 10.0, value), engine()))


@pytest.mark.parametrize(("value", "clears"), [(5 + 3 * SIGMA, False), (np.nextafter(5 + 3 * SIGMA, 99), True)])
def test_deadband_by_noise_on_the_low_side_is_mirrored(value, clears):
    """Where low is dangerous the value must rise as far."""
    known = [(i, 11.0 + i % 2) for i in range(40)]
    judge = engine([("yellow", 5.0, 0.5, 0, 0)], side="low")

    assert ["RAISED", *["CLEARED"] * clears] == word(play(after(known, 5.0, value), judge))


@pytest.mark.parametrize(("value", "clears"), [(9.5, False), (np.nextafter(9.5, -9), True)])
def test_deadband_while_the_noise_is_not_known_is_as_given(value, clears):
    """A new sensor has the deadband that stands in the rule."""
    assert ["RAISED", *["CLEARED"] * clears] == word(play(after(UNKNOWN, 10.0, value), engine()))


@pytest.mark.parametrize(("value", "clears"), [(9.5, False), (np.nextafter(9.5, -9), True)])
def test_deadband_of_a_calm_sensor_is_as_given(value, clears):
    """It is the least: a sensor that hardly scatters is no reason for a smaller one."""
    calm = [(i, 5.0 + 0.01 * (i % 2)) for i in range(40)]

    assert ["RAISED", *["CLEARED"] * clears] == word(play(after(calm, 10.0, value), engine()))


@pytest.mark.parametrize(
    ("most", "end"), [(4.0, 6.0), (None, 8.5)], ids=["as the rule says", "three times the deadband"]
)
def test_deadband_by_noise_has_an_upper_bound(most, end):
    """However a sensor scatters, a value behind the widest deadband ends the level."""
    wild = [(i, -20.0 + 20.0 * (i % 2)) for i in range(200)]
    more = {"deadband_sigmas": 3, "deadband_most": most}
    found = [word(play(after(wild, 10.0, value), engine(more=more))) for value in (end, float(np.nextafter(end, -9)))]

    assert [["RAISED"], ["RAISED", "CLEARED"]] == found


def test_deadband_in_force_is_not_widened_by_the_danger():
    """Scatter while the alarm stands changes only the deadband of the next beginning."""
    judge = engine()
    scattering = [9.4, 7.4] * 30
    held = play(after(KNOWN, 10.0, *scattering), judge)
    end = float(np.nextafter(10 - 3 * SIGMA, -9))
    start = len(KNOWN) + len(scattering) + 1
    cleared = play([(start, end)], judge)
    again = play([(start + 1, 10.0), (start + 2, end)], judge)

    assert (["RAISED"], ["CLEARED"], ["RAISED"]) == (word(held), word(cleared), word(again))


def test_deadband_in_force_outlives_an_off_delay_that_is_interrupted():
    """It is fixed until no level is active, not until the condition is over for a moment."""
    judge = engine([("yellow", 10.0, 0.5, 0, 3)])
    readings = after(KNOWN, 10.0, 7.0, 10.0, *[9.4, 7.4] * 30, 7.3, 7.3, 7.3, 7.3)

    assert ["RAISED", "CLEARED"] == word(play(readings, judge))


def test_deadband_by_noise_is_one_for_all_levels_of_an_alarm():
    """A higher level that begins later has the noise from before the first."""
    levels = [("yellow", 10.0, 0.5, 0, 0), ("red", 20.0, 0.5, 0, 0)]
    judge = engine(levels)
    readings = after(KNOWN, 10.0, 20.0, 20 - 3 * SIGMA, float(np.nextafter(20 - 3 * SIGMA, 0)), 7.4, 7.3)

    assert [(40.0, "RAISED", 3), (41.0, "ESCALATED", 5), (43.0, "LOWERED", 3), (45.0, "CLEARED", 0)] == play(
        readings, judge
    )


def test_deadband_by_noise_of_one_level_leaves_the_others_as_given():
    """Each level says for itself whether it follows the noise."""
    rule = threshold("rule", [PLAIN], [("yellow", 10.0, 0.5, 0, 0), ("red", 20.0, 0.5, 0, 0)], side="high")
    yellow, red = rule.options.levels
    levels = (yellow, red.model_copy(update=THREE))
    options = rule.options.model_copy(update={"levels": levels})
    mixed = type(rule)("rule", "threshold", "", "", "", "", None, (PLAIN,), options.limits(), options)
    judge = RuleEngine(RuleSet((mixed,), "1"), register())

    assert [(40.0, "RAISED", 5), (42.0, "LOWERED", 3), (43.0, "CLEARED", 0)] == play(
        after(KNOWN, 20.0, 18.0, 17.3, 9.4), judge
    )


def test_deadband_by_noise_of_a_share_of_the_design_value_counts_in_percent():
    """The noise is that of the judged value."""
    more = {"deadband_sigmas": 3, "deadband_most": 60.0}
    rule = threshold("rule", [PLAIN], [("yellow", 80.0, 5.0, 0, 0)], more, side="high", relative_to="design")
    judged = RuleEngine(RuleSet((rule,), "1"), _designed(20.0))
    reset = 80 - 3 * (5 / 1.128)

    assert [(40.0, "RAISED", 3), (42.0, "CLEARED", 0)] == play(
        after(KNOWN, 16.0, (reset + 0.01) / 5, (reset - 0.01) / 5), judged
    )


def _designed(design):
    whole = register()
    sensors = [dataclasses.replace(each, design=design) for each in whole.sensors]
    return type(whole)({}, whole.assets, sensors, {}, [])


def noisy(seed, n=400, level=9.9, sd=1.0):
    """Return readings that are calm, then scatter around `level`, and then are calm again."""
    dice = random.Random(seed)  # noqa: S311 - the same readings every time
    levels = [2.0] * 60 + [level] * n + [2.0] * 20
    return [(i, dice.gauss(each, sd)) for i, each in enumerate(levels)]


def test_story_of_a_noisy_sensor_at_its_limit():
    """With next to no deadband it chatters; with one that follows its noise it speaks a few times, and still ends."""
    bare = engine([("yellow", 10.0, 1e-9, 0, 0)], {})
    wide = engine([("yellow", 10.0, 1e-9, 0, 0)], {"deadband_sigmas": 3, "deadband_most": 4.0})
    chattering, calm = play(noisy(1), bare), play(noisy(1), wide)

    assert len(chattering) > 150
    assert len(calm) < 15
    assert ("CLEARED", "CLEARED") == (word(chattering)[-1], word(calm)[-1])


values = st.floats(0, 20, allow_nan=False, width=32)
qualities = st.sampled_from([0, 0, 0, int(Quality.SPIKE), int(Quality.RATE), int(Quality.TIME_SERVER)])
steps = st.sampled_from([1, 1, 1, 2, 3, 9])


@st.composite
def streams(draw):
    """Return readings that are calm for a while, by their own noise, and then anything at all."""
    sd = draw(st.sampled_from([0.0, 0.1, 1.0, 3.0]))
    dice = random.Random(draw(st.integers(0, 99)))  # noqa: S311 - the same readings every time
    time, rows = 0, []
    for i in range(draw(st.sampled_from([0, 31, 60]))):
        time, rows = i, [*rows, (i, dice.gauss(4, sd), 0)]
    for step, value, quality in draw(st.lists(st.tuples(steps, values, qualities), max_size=60)):
        time += step
        rows.append((time, value, quality))
    return rows


@given(streams(), st.sampled_from(["high", "low"]))
def test_deadband_by_noise_never_chatters_more(rows, side):
    """Whatever comes, the alarm turns no more often than with the given deadband, and stands whenever it would."""
    given_alone, by_noise = engine([("yellow", 10.0, 0.5, 0, 0)], {}, side=side), engine(side=side)
    standing = []
    turns = [0, 0]
    for row in rows:
        for i, judge in enumerate((given_alone, by_noise)):
            turns[i] += len(play([row], judge))
        standing.append((bool(given_alone.levels()[0]), bool(by_noise.levels()[0])))

    assert turns[1] <= turns[0]
    assert [] == [each for each in standing if each == (True, False)]


@given(streams(), st.sampled_from(["high", "low"]))
def test_deadband_by_noise_never_keeps_a_level_behind_its_widest(rows, side):
    """A value further back than the widest deadband ends every level, whatever came before."""
    judge = engine(side=side)
    play(rows, judge)
    last = rows[-1][0] if rows else 0
    back = float(np.nextafter(6.0, -9)) if side == "high" else float(np.nextafter(14.0, 99))
    play([(last + 1, back)], judge)

    assert 0 == judge.levels()[0]


@given(streams(), st.randoms(use_true_random=False), st.integers(1, 20))
def test_deadband_by_noise_of_any_split_and_restart_is_the_same(rows, dice, size):
    """Laws 2 and 3: neither how batches are cut nor a restart anywhere changes a transition or the state."""
    readings = [(PLAIN, *row) for row in rows]
    batches = [batch(1000 + i, readings[i : i + size]) for i in range(0, len(readings), size)]
    whole, split = whole_and_split(engine, batches, dice)
    undisturbed, restored = undisturbed_and_restored(engine, batches, dice.randint(0, len(batches)))

    assert (whole, undisturbed) == (split, restored)


@pytest.mark.parametrize(("before", "later"), [({}, THREE), (THREE, {})], ids=["it begins to", "it ends to"])
def test_rule_that_changes_whether_it_follows_the_noise_keeps_its_alarm(before, later):
    """The alarm stands, and ends by the deadband as given: no noise was known when it began."""
    old, new = engine(more=before), engine(more=later)
    play(after(UNKNOWN, 10.0), old)
    new.restore(old.snapshot())

    assert [(31.0, "CLEARED", 0)] == play([(31, 9.4)], new)


def test_rule_that_nobody_asks_for_noise_keeps_none():
    """Where no rule has it, there is nothing to keep and nothing to compute."""
    names = [set(engine(more=more).columns_of(0)) for more in ({}, THREE)]

    assert ["noise_before_clock", "noise_before_ns", "noise_range", "noise_ranges", "noise_value", "sigma"] == sorted(
        names[1] - names[0]
    )
    assert set() == {name for name in names[0] if "noise" in name or name == "sigma"}


@pytest.mark.parametrize(
    ("level", "more", "path", "got"),
    [
        (("yellow", 10.0, 0.1, 0, 0), {"deadband_sigmas": 3}, "deadband", "0.1"),
        (("yellow", 10.0, 0.2, 0, 0), {"deadband_sigmas": 3}, None, None),
        (("yellow", 10.0, 2.0, 0, 0), {"deadband_sigmas": 3, "deadband_most": 1.0}, "deadband_most", "1"),
        (("yellow", 10.0, 2.0, 0, 0), {"deadband_most": 3.0}, "deadband_most", "none"),
        (("yellow", 10.0, 4.0, 0, 0), {"deadband_sigmas": 3}, "deadband", "an end at -2"),
        (("yellow", 10.0, 4.0, 0, 0), {"deadband_sigmas": 3, "deadband_most": 11.0}, "deadband_most", "an end at -1"),
    ],
    ids=["finer than told", "two digits", "less than the least", "without sigmas", "no end", "no end at most"],
)
def test_options_of_noise_that_make_no_sense_name_the_place(level, more, path, got):
    """The widest deadband is checked like a given one."""
    faults = list(threshold("rule", [PLAIN], [level], more, side="high").options.faults(METHANE, []))

    assert [(("levels", 0, path), got)] * (path is not None) == [(fault.path, fault.got) for fault in faults]


def test_history_of_a_noisy_sensor_is_the_same_every_time():
    """Nothing in it is random."""
    batches = [batch(1000 + i, [(PLAIN, *row)]) for i, row in enumerate(noisy(3))]

    assert history(engine(), batches) == history(engine(), batches)
