"""Any stream, with doubtful clocks and readings, judged by the kinds that look at changes, trends and states."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.kinds.derived import levels, rule_of
from tests.rules.laws import hazards_before_and_after, undisturbed_and_restored, whole_and_split
from tests.rules.small_district import PLAIN, PRESSURE, register
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
    whole, split = whole_and_split(engine, batches, dice)

    assert whole == split


@settings(max_examples=60, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_engine_restored_anywhere_tells_the_same_of_slopes_and_ends_the_same(batches, dice):
    """Law 2."""
    undisturbed, restored = undisturbed_and_restored(engine, batches, dice.randint(0, len(batches)))

    assert undisturbed == restored


@settings(max_examples=30, deadline=None)
@given(streams())
def test_engine_in_silence_keeps_the_levels_of_slopes(batches):
    """Law 4."""
    before, after = hazards_before_and_after(engine(), batches, 60)

    assert before == after
