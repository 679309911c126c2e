"""Any stream, with doubtful clocks and readings, judged by the kinds that look at changes, trends and states."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import tick
from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.kinds.conformance import cut, history
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.small_district import PLAIN, PRESSURE, SECOND_NS, register
from tests.rules.streams import streams

WATCHED = [PRESSURE, PLAIN]
LEVELS = levels([("yellow", 0.3, 0.1, 0, 2), ("red", 1.0, 0.5, 2, 0)])
BUCKETS = {"step_s": 1, "points": 20}
RULES = (
    rule_of("rate_of_change", "steps", WATCHED, {"direction": "either", "per": "s", "levels": LEVELS}),
    rule_of("rate_of_change", "spans", WATCHED, {"direction": "fall", "per": "s", "over_s": 3, "levels": LEVELS}),
    rule_of("rate_of_change", "noise", WATCHED, {"direction": "rise", "per": "s", "noise_sigmas": 1, "levels": LEVELS}),
    rule_of("state", "holds", WATCHED, {"is": [2, 3], "levels": levels([("blue", 1, 0.5, 2, 2)])}),
    rule_of("state", "chatters", WATCHED, {"changes_within_s": 5, "levels": levels([("blue", 2, 1, 0, 0)])}),
    rule_of("trend", "drifts", WATCHED, {**BUCKETS, "direction": "either", "alpha": 0.2, "levels": LEVELS}),
    rule_of(
        "time_to_limit",
        "arrives",
        WATCHED,
        {
            **BUCKETS,
            "to": 9,
            "direction": "rise",
            "confidence": 0.5,
            "horizon_min": 60,
            "levels": levels([("blue", 30, 1, 0, 0)]),
        },
    ),
)


def engine() -> RuleEngine:
    """Return a new engine over the small district."""
    return RuleEngine(RuleSet(RULES, "1"), register())


@settings(max_examples=60, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_engine_of_any_split_tells_the_same_of_slopes_and_keeps_the_same_state(batches, dice):
    """Law 3."""
    whole, split = engine(), engine()
    expected = history(whole, batches)
    actual = history(split, [part for each in batches for part in cut(each, dice)])
    whole.position = split.position = 0

    assert (expected, whole.snapshot()) == (actual, split.snapshot())


@settings(max_examples=60, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_engine_restored_anywhere_tells_the_same_of_slopes_and_ends_the_same(batches, dice):
    """Law 2."""
    place = dice.randint(0, len(batches))
    undisturbed, before, after = engine(), engine(), engine()
    expected = history(undisturbed, batches)
    actual = history(before, batches[:place])
    after.restore(before.snapshot())
    actual += history(after, batches[place:], first=place + 1)

    assert (expected, undisturbed.snapshot()) == (actual, after.snapshot())


@settings(max_examples=30, deadline=None)
@given(streams())
def test_engine_in_silence_keeps_the_levels_of_slopes(batches):
    """Law 4."""
    judge = engine()
    history(judge, batches)
    expected = judge.levels()
    now_ns = max([each.received_ns for each in batches], default=0)
    history(judge, [tick(now_ns + i * 60 * SECOND_NS) for i in range(1, 20)])

    assert np.array_equal(expected, judge.levels())
