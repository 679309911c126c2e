"""The laws that hold for any stream of batches."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import Quality
from rules.engine import BLIND, RuleEngine
from rules.events import Dimension
from rules.rule import RuleSet
from tests.rules.laws import hazards_before_and_after, history, undisturbed_and_restored, whole_and_split
from tests.rules.oracle import Oracle
from tests.rules.small_district import (
    BEAT,
    GAS,
    ONLINE,
    OTHER_BEAT,
    PLAIN,
    PRESSURE,
    SECOND_NS,
    batch,
    register,
    rules,
    threshold,
)
from tests.rules.streams import streams


def engine() -> RuleEngine:
    """Return a new engine over the small district."""
    return RuleEngine(rules(), register())


@settings(max_examples=150, deadline=None)
@given(streams())
def test_engine_of_any_stream_agrees_with_the_slow_and_obvious_rules(batches):
    """The columnar engine tells exactly the transitions of the reference model, batch by batch."""
    judge, oracle = engine(), Oracle(rules(), register())
    for each in batches:
        events = judge.evaluate(each, 1)
        actual = [
            (
                int(events.alarm[i]),
                int(events.time_ns[i]),
                int(events.episode_ns[i]),
                int(events.level_before[i]),
                int(events.level_after[i]),
                None if math.isnan(events.value[i]) else float(events.value[i]),
                events.lines(judge.alarms)[i].split('"reason":"')[1].split('"')[0].upper(),
            )
            for i in range(len(events))
        ]

        assert oracle.evaluate(each) == actual


@settings(max_examples=80, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_engine_of_any_split_tells_the_same_history_and_keeps_the_same_state(batches, dice):
    """Law 3: cutting batches into parts of the same received time changes nothing but the position."""
    whole, split = whole_and_split(engine, batches, dice)

    assert whole == split


@settings(max_examples=80, deadline=None)
@given(streams(), st.data())
def test_engine_restored_anywhere_tells_byte_identical_history(batches, data):
    """Law 2: a replay, and one that goes on from any snapshot, give the same bytes and end the same."""
    undisturbed, restored = undisturbed_and_restored(engine, batches, data.draw(st.integers(0, len(batches))))

    assert undisturbed == restored


@settings(max_examples=40, deadline=None)
@given(streams())
def test_engine_then_silence_keeps_every_hazard_and_makes_every_watched_sensor_blind(batches):
    """Law 4: whatever stood in danger stays so in silence, and nothing that is not heard passes as alive."""
    judge = engine()
    before, after = hazards_before_and_after(judge, batches, 1)
    watched = [key.sensor for key in judge.alarms if key.dimension is Dimension.HEALTH]

    assert (before, {BLIND}) == (after, set(judge.health()[watched].tolist()))


@settings(max_examples=40, deadline=None)
@given(streams())
def test_engine_then_good_values_from_dead_devices_keeps_every_hazard(batches):
    """Law 4: whatever stood in danger stays so while its device's heartbeat stands still, be its rule live or not."""
    judge = engine()
    history(judge, batches)
    is_hazard = [key.dimension is Dimension.HAZARD and key.sensor in {PRESSURE, GAS} for key in judge.alarms]
    expected = judge.levels()[is_hazard].tolist()
    # Further on than any reading and any stale time, so that no sign of life from before counts.
    later = 100 + max(0, *(int(each.time_ns.max(initial=0)) for each in batches), batches[-1].received_ns) // SECOND_NS
    for second in range(later, later + 40):
        history(judge, [batch(second, [(PRESSURE, second, 9.0), (GAS, second, 0.0)])])

    assert expected == judge.levels()[is_hazard].tolist()


@settings(max_examples=40, deadline=None)
@given(streams())
def test_engine_then_good_values_and_proof_of_life_keeps_no_hazard(batches):
    """Nothing stays for ever: good values end every hazard where the heartbeat advances, or where there is none."""
    judge = engine()
    history(judge, batches)
    later = 100 + max(0, *(int(each.time_ns.max(initial=0)) for each in batches), batches[-1].received_ns) // SECOND_NS
    for second in range(later, later + 20):
        good = [(PRESSURE, second, 9.0), (BEAT, second, second), (GAS, second, 0.0), (OTHER_BEAT, second, second)]
        history(judge, [batch(second, [*good, (PLAIN, second, 9.0), (ONLINE, second, 1.0)])])

    assert not judge.levels().any()


@settings(max_examples=40, deadline=None)
@given(streams())
def test_engine_of_any_stream_counts_every_reading_that_it_did_not_judge(batches):
    """Law 7: each reading that is not admitted has a reason, and the reasons add up."""
    judge, oracle = engine(), Oracle(rules(), register())
    n_admitted = 0
    for each in batches:
        judge.evaluate(each, 1)
        oracle.received = each.received_ns
        for i in range(len(each)):
            row = int(each.sensor[i]), int(each.time_ns[i]), Quality(int(each.quality[i]))
            is_judgeable = 0 <= row[0] < len(register().sensors) and math.isfinite(each.value[i])
            n_admitted += is_judgeable and oracle.is_news(*row)
    n_refused = sum(n for (name, _), n in judge.counts.items() if name == "readings_not_judged")

    assert sum(map(len, batches)) == n_admitted + n_refused


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1.0, 5.0), min_size=1, max_size=30))
def test_level_of_a_ladder_without_delays_is_the_highest_whose_condition_holds(values):
    """Levels are ordered: a deeper value never stands at a lower level than a shallower one first reached."""
    ladder = [("blue", 3.0, 0.1, 0, 0), ("yellow", 2.0, 0.1, 0, 0), ("red", 1.0, 0.1, 0, 0)]
    for value in values:
        judge = RuleEngine(RuleSet((threshold("low", [PLAIN], ladder, side="low"),), "1"), register())
        judge.evaluate(batch(1, [(PLAIN, 1, value)]), 1)
        expected = max((level for level, limit in ((2, 3.0), (3, 2.0), (5, 1.0)) if value <= limit), default=0)

        assert [expected] == judge.levels().tolist()
