"""Rules that follow others: the order in which they are judged, and the laws over streams of any awkwardness."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import RuleEngine
from rules.kinds.residual import ResidualOptions
from rules.kinds.residual_fault import ResidualFaultOptions
from rules.kinds.vote import VoteOptions
from rules.references import evaluation_order, reference_faults
from rules.rule import Rule, RuleSet
from tests.rules.kinds.case_composite import composite, level
from tests.rules.laws import undisturbed_and_restored, whole_and_split
from tests.rules.small_district import GAS, PLAIN, PRESSURE, batch, register, stale, threshold, told
from tests.rules.streams import streams

LOW = threshold("low", [PRESSURE, PLAIN], [("yellow", 2.0, 0.5, 2, 0), ("orange", 1.0, 0.5, 0, 1)], side="low")
HIGH = threshold("gas", [GAS], [("yellow", 2.0, 0.5, 0, 0), ("red", 4.0, 1.0, 1, 0)], side="high")
SILENT = stale("silent", [PRESSURE, GAS, PLAIN])


def vote(rule_id: str, named: str) -> Rule:
    """Return a vote over pressures at the same place on earth."""
    written = [{"level": "orange", "limit": 2, "deadband": 1, "on_delay_s": 1, "source": "assumed"}]
    options = VoteOptions.model_validate({"rule": named, "around_m": 10, "within_s": 3, "levels": written})
    return Rule(rule_id, "vote", rule_id, rule_id, "", "", None, (PRESSURE, PLAIN), options.limits(), options)


def zone_rules() -> tuple[Rule, Rule]:
    """Return the two kinds over one zone, learning at once."""
    zone = {"step_s": 1, "warm_up_rows": 20, "refit_rows": 1, "memory_rows": 100, "confirm_at": 1, "rebaseline_s": 5}
    written = [{"level": "yellow", "limit": 2, "deadband": 1, "on_delay_s": 1, "source": "assumed"}]
    hazard = ResidualOptions.model_validate({"zone": zone, "levels": written})
    fault = ResidualFaultOptions.model_validate({"zone": zone, "limit": 2, "source": "assumed"})
    sensors = (PRESSURE, GAS, PLAIN)
    return (
        Rule("zone", "residual", "zone", "zone", "", "", None, sensors, hazard.limits(), hazard),
        Rule("alone", "residual_fault", "alone", "alone", "", "", None, sensors, (), fault),
    )


def rules() -> RuleSet:
    """Return rules of every following kind in four stages, the last of which are written first."""
    return RuleSet(
        (
            composite("top", [PRESSURE], [level("red", {"all": [{"rule": "many"}, {"not": {"rule": "odd"}}]}, 0, 2)]),
            vote("many", "pair"),
            composite("pair", [PRESSURE, PLAIN], [level("blue", {"any": [{"rule": "low"}, {"rule": "zone"}]}, 1, 1)]),
            composite(
                "odd",
                [PRESSURE],
                [
                    level("yellow", {"all": [{"rule": "low"}, {"not": {"rule": "gas", "at_least": "red"}}]}, 3, 0),
                    level("orange", {"rule": "silent", "count": 2}),
                ],
            ),
            *zone_rules(),
            LOW,
            HIGH,
            SILENT,
        ),
        "1",
    )


def engine() -> RuleEngine:
    """Return a new engine."""
    return RuleEngine(rules(), register())


@settings(max_examples=80, deadline=None)
@given(streams(), st.randoms(use_true_random=False))
def test_followers_of_any_split_tell_the_same_history_and_keep_the_same_state(batches, dice):
    """Law 3, with late, poisoned and unknown readings, clocks that jump and devices that die."""
    whole, split = whole_and_split(engine, batches, dice)

    assert whole == split


@settings(max_examples=80, deadline=None)
@given(streams(), st.data())
def test_followers_restored_anywhere_tell_the_same_history_and_end_the_same(batches, data):
    """Law 2."""
    undisturbed, restored = undisturbed_and_restored(engine, batches, data.draw(st.integers(0, len(batches))))

    assert undisturbed == restored


def test_followers_over_a_long_stream_make_every_rule_speak():
    """Or the laws above would prove little."""
    dice, judge, spoken = random.Random(7), engine(), set()  # noqa: S311 - the same stream every time
    for second in range(2000, 2600):
        rows = [(PRESSURE, second, dice.choice([0.5, 3.0])), (1, second, second)]
        rows += [(PLAIN, second, dice.choice([0.5, 3.0]))] if dice.random() < 0.9 else []
        rows += [(GAS, second, dice.choice([1.0, 5.0])), (3, second, second)] if second % 100 < 70 else []
        spoken |= {judge.alarms[row[0]].rule for row in told(judge.evaluate(batch(second, rows), 1))}

    assert {"top", "many", "pair", "odd", "low", "gas", "silent"} <= spoken


def test_stages_follow_the_names_and_not_the_order_of_the_file():
    """A rule comes after everything that it names."""
    assert {
        "top": 3,
        "many": 2,
        "pair": 1,
        "odd": 1,
        "zone": 0,
        "alone": 0,
        "low": 0,
        "gas": 0,
        "silent": 0,
    } == evaluation_order(rules().rules)


def test_stages_of_a_circle_are_refused():
    """Two rules that wait for each other would never begin."""
    circle = [composite("a", [0], [level("red", {"rule": "b"})]), composite("b", [0], [level("red", {"rule": "a"})])]
    with pytest.raises(ValueError, match="got a, b"):
        evaluation_order(circle)


def test_reference_faults_of_good_rules_are_none():
    """Every name leads somewhere."""
    assert [] == list(reference_faults(rules().rules))


def test_engine_tells_what_one_reading_caused_in_the_order_of_alarms():
    """Followers and followed stand at the same place, then by alarm."""
    judge = RuleEngine(RuleSet((composite("all", [GAS], [level("red", {"rule": "gas"})]), HIGH), "1"), register())
    events = judge.evaluate(batch(9, [(GAS, 1, 3.0), (PLAIN, 2, 0.0), (GAS, 3, 0.0)]), 1)

    assert [(0, 1.0, 5), (1, 1.0, 3)] == [(row[0], row[1], row[4]) for row in told(events)][:2]
