"""Rules change while the program runs: unchanged rules go on as if there had been no change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine import RuleEngine
from rules.rule import RuleSet
from tests.rules.small_district import GAS, LADDER, PLAIN, PRESSURE, batch, register, rules, stale, threshold, told
from tests.rules.streams import streams

LOW = threshold("low", [PRESSURE, PLAIN], LADDER, side="low")
GAS_RULE = threshold("gas", [GAS], [("yellow", 2.0, 0.5, 0, 0)], side="high")
CHANGES = {
    "another limit": threshold("gas", [GAS], [("yellow", 3.0, 0.5, 0, 0)], side="high"),
    "another delay": threshold("gas", [GAS], [("yellow", 2.0, 0.5, 30, 0)], side="high"),
    "a deadband by noise": threshold("gas", [GAS], [("yellow", 2.0, 0.5, 0, 0)], {"deadband_sigmas": 3}, side="high"),
    "another level": threshold("gas", [GAS], [("red", 2.0, 0.5, 0, 0)], side="high"),
    "another id": threshold("methane", [GAS], [("yellow", 2.0, 0.5, 0, 0)], side="high"),
    "more sensors": threshold("gas", [GAS, PLAIN], [("yellow", 2.0, 0.5, 0, 0)], side="high"),
    "another kind": stale("gas", [GAS]),
    "gone": None,
}


def engine(*changed):
    """Return an engine with the rule `low` behind those of `changed`."""
    return RuleEngine(RuleSet((*(rule for rule in changed if rule), LOW), "x"), register())


@pytest.mark.parametrize("change", CHANGES)
def test_changed_rule_leaves_the_delay_of_another_running(change):
    """Half of the delay passes with the old rules, half with the new ones."""
    before, after = engine(GAS_RULE), engine(CHANGES[change])
    before.evaluate(batch(100, [(PLAIN, 100, 1.0), (GAS, 100, 9.0)]), 1)
    before.evaluate(batch(101, [(PLAIN, 101, 1.0)]), 2)
    after.restore(before.snapshot())
    events = after.evaluate(batch(102, [(PLAIN, 102, 1.0)]), 3)
    turned = [(after.alarms[row[0]].id, row[1], row[2]) for row in told(events)]

    assert ("low/P.p", 102.0, "RAISED") in turned


@pytest.mark.parametrize("change", CHANGES)
def test_changed_rule_leaves_the_alarm_of_another_standing(change):
    """The alarm neither ends nor begins again, and ends when its own condition does."""
    before, after = engine(GAS_RULE), engine(CHANGES[change])
    for second in range(100, 108):
        before.evaluate(batch(second, [(PLAIN, second, 1.0)]), second)
    after.restore(before.snapshot())
    alarm = [key.id for key in after.alarms].index("low/P.p")
    level = after.levels()[alarm]
    events = after.evaluate(batch(108, [(PLAIN, 108, 1.0)]), 108)

    assert (4, []) == (level, [row for row in told(events) if row[0] == alarm])


@given(streams(), st.integers(0, 12), st.sampled_from(sorted(CHANGES)))
def test_changed_rule_never_touches_what_did_not_change(batches, cut, change):
    """Whatever comes in and wherever the change falls, unchanged rules give the same transitions."""
    unchanged = tuple(rule for rule in rules().rules if rule.id != "gas")
    old = RuleEngine(RuleSet((GAS_RULE, *unchanged), "1"), register())
    new = RuleEngine(RuleSet((*unchanged, *filter(None, [CHANGES[change]])), "2"), register())
    whole = RuleEngine(RuleSet(unchanged, "3"), register())
    ids = {rule.id for rule in unchanged}

    def lines(judge, some, first):
        events = [(judge.alarms, judge.evaluate(each, i)) for i, each in enumerate(some, first)]
        return [
            line for alarms, found in events for line in found.lines(alarms) if line.split('"')[3].split("/")[0] in ids
        ]

    expected = sorted(lines(whole, batches, 1))
    got = lines(old, batches[:cut], 1)
    new.restore(old.snapshot())

    assert expected == sorted([*got, *lines(new, batches[cut:], 1 + len(batches[:cut]))])
