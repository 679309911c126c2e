"""Reminders, latched alerts and ends that wait: what the journal's time changes, however it is cut."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Alert, Plan
from alerts.chatter import Tally
from alerts.planning.draft import District
from alerts.planning.reminders import NEVER_NS, Moment, due_ns, plan_turn
from alerts.planning.stages import plan_step
from alerts.state import AlarmState, state_of
from rules.rule import RuleSet
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, RED, SECOND_NS, START_NS, YELLOW, Row, blind, cleared, plan, raised


def district(*, latch: bool = False, settle_s: float = 0.0, **route: object) -> District:
    """Return the district, with a latch on orange when asked, and `route` changing the one of orange and red."""
    rule = scenes.hazard_rule()
    levels = tuple(replace(each, latch=latch and each.level == ORANGE) for each in rule.levels)
    where = scenes.district(replace(scenes.SERIOUS, **route), scenes.GENERAL, scenes.DEVICES, settle_s=settle_s)
    return replace(where, ruleset=RuleSet((replace(rule, levels=levels), scenes.stale_rule()), "1"))


def turn(alerts: tuple[Alert, ...], after_s: float, *, acknowledged: bool = False, where: District | None = None):
    """Return what happens `after_s` seconds after the start."""
    received_ns = START_NS + round(after_s * SECOND_NS)
    moment = Moment(9, received_ns, received_ns)
    return plan_turn(alerts, moment, {each.id for each in alerts} if acknowledged else (), where or district())


def told(result: Plan) -> list[str]:
    """Return kind and contact of each message."""
    return [f"{each.notification.kind.value} {each.notification.contact}" for each in result.planned]


@pytest.mark.parametrize(("level", "due_s"), [(RED, 600), (ORANGE, 1800)])
def test_turn_of_an_unacknowledged_danger_tells_again_at_its_time(level, due_s):
    """Red after 10 minutes, orange after 30, not a nanosecond earlier, to everybody who was told."""
    alerts = plan(raised(HAZARD, level)).open_alerts

    assert START_NS + due_s * SECOND_NS == due_ns(alerts[0], district())
    assert [] == told(turn(alerts, due_s - 1e-6))
    assert ["reminded ann", "reminded bob", "reminded fix"] == told(turn(alerts, due_s))


def test_turn_after_a_clock_set_back_and_forth_does_not_come_early():
    """What is told while the machine's clock is an hour behind waits from the latest time that the journal has seen."""
    hour_ns = 3600 * SECOND_NS
    events, alarms, where = scenes.events([raised(HAZARD, ORANGE)]), scenes.alarm_keys(), district()
    [alert] = plan_step(events, alarms, START_NS - hour_ns, (), where, clock_ns=START_NS).open_alerts

    assert START_NS + 1800 * SECOND_NS == due_ns(alert, where)
    assert [] == told(turn((alert,), 60))


def test_turn_of_lower_levels_and_devices_never_comes():
    """Yellow and device faults are told once."""
    result = plan(raised(HAZARD, YELLOW), blind(scenes.BLIND_PRESSURE, 11.0))

    assert [NEVER_NS, NEVER_NS] == [due_ns(alert, district()) for alert in result.open_alerts]


@pytest.mark.parametrize(("realarm_s", "due_s"), [(60.0, 60), (0.0, None), (None, 1800)])
def test_turn_obeys_the_time_of_the_route(realarm_s, due_s):
    """`realarm_s` of the route replaces the usual time, and 0 means never."""
    [alert] = plan(raised(HAZARD, ORANGE)).open_alerts
    expected = NEVER_NS if due_s is None else START_NS + due_s * SECOND_NS

    assert expected == due_ns(alert, district(realarm_s=realarm_s))


def test_turn_after_a_long_absence_tells_once_and_then_waits_again():
    """Hours of missed reminders are one; the next comes a whole re-alarm time later, with another id."""
    first = turn(plan(raised(HAZARD, ORANGE)).open_alerts, 9000)
    again = turn(first.open_alerts, 9000 + 1799)
    second = turn(first.open_alerts, 9000 + 1800)

    assert (3, 0, 3) == (len(first.planned), len(again.planned), len(second.planned))
    assert 6 == len({each.notification.id for each in (*first.planned, *second.planned)})


def test_turn_of_an_acknowledged_danger_ends_its_reminders():
    """An acknowledgement is noticed once, with its reason, and nothing is due any more."""
    result = turn(plan(raised(HAZARD, ORANGE)).open_alerts, 1800, acknowledged=True)

    assert ([], ["acknowledged"]) == (told(result), [each.reason.value for each in result.decisions])
    assert NEVER_NS == due_ns(result.open_alerts[0], district())


def test_latched_alert_tells_its_end_only_after_an_acknowledgement():
    """Over but latched: open, without a message; with an acknowledgement everybody hears of the end, and why."""
    where = district(latch=True)
    over = plan(raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE), where=where)

    assert (3, ["latched"]) == (len(over.planned), [each.reason.value for each in over.decisions[-1:]])
    assert (AlarmState.LATCHED, []) == (state_of(over.open_alerts[0]), told(turn(over.open_alerts, 9000, where=where)))
    ended = turn(over.open_alerts, 9000, acknowledged=True, where=where)
    assert (["cleared ann", "cleared bob", "cleared fix"], ()) == (told(ended), ended.open_alerts)
    assert "水压0.35 MPa" in ended.planned[0].notification.text


@pytest.mark.parametrize(("level", "is_open"), [(YELLOW, False), (ORANGE, True), (RED, True)])
def test_latch_holds_its_level_and_those_above(level, is_open):
    """Who reaches red has passed orange; yellow never reached the latch."""
    result = plan(raised(HAZARD, level), cleared(HAZARD, level), where=district(latch=True))

    assert is_open == bool(result.open_alerts)


def test_latched_alert_raised_again_is_told_again():
    """The danger is back and nobody had acknowledged it: that is news, with an id of its own."""
    rows = [raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE, 200.0), raised(HAZARD, ORANGE, 400.0)]
    result = plan(*rows, where=district(latch=True))

    assert ["reminded"] * 3 == [each.notification.kind.value for each in result.planned[3:]]
    assert 6 == len({each.notification.id for each in result.planned})


def test_chattering_end_is_told_when_calm():
    """A minute of the journal's time after its last turn the end is told; once."""
    rows = [raised(HAZARD, YELLOW, 10.0), cleared(HAZARD, YELLOW, 20.0), raised(HAZARD, YELLOW, 30.0)]
    held = plan(*rows, cleared(HAZARD, YELLOW, 40.0, 30.0)).open_alerts

    assert [] == told(turn(held, 59.9))
    assert (["cleared fix"], ()) == (told(turn(held, 60)), turn(held, 60).open_alerts)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, AlarmState.UNACKNOWLEDGED),
        ({"acknowledged_ns": 1}, AlarmState.ACKNOWLEDGED),
        ({"level": 0, "is_latched": True}, AlarmState.LATCHED),
        ({"level": 0, "end_held_until_ns": 1}, AlarmState.SETTLING),
        ({"level": 0, "is_open": False}, AlarmState.RETURNED),
        ({"level": 0, "is_open": False, "acknowledged_ns": 1}, AlarmState.NORMAL),
    ],
)
def test_state_of_an_alert_has_its_word(changes, state):
    """Each row of the state table."""
    assert state == state_of(replace(plan(raised(HAZARD, ORANGE)).open_alerts[0], **changes))


STEPS = st.lists(st.tuples(st.integers(1, 900), st.lists(st.sampled_from([0, YELLOW, ORANGE, RED]), max_size=3)))
"""Seconds since the moment before, and the levels that the alarm takes then."""


def rows_of(steps) -> list[tuple[int, list[Row]]]:
    """Return the moments with their transitions, as an engine would make them."""
    now_s, level, episode_s, moments = 0, 0, 0.0, []
    for gap_s, levels in steps:
        now_s += gap_s
        rows = []
        for i, after in enumerate(levels):
            if after == level:
                continue
            at_s = now_s + i * 0.1
            episode_s = episode_s if level else at_s
            kind = (
                scenes.Transition.RAISED
                if not level
                else scenes.Transition.CLEARED
                if not after
                else scenes.Transition.ESCALATED
                if after > level
                else scenes.Transition.LOWERED
            )
            rows.append(Row(HAZARD, kind, level, after, at_s, episode_s, 0.01))
            level = after
        moments.append((now_s, rows))
    return moments


def lived(moments, where: District, cuts: set[int], answered_s: float) -> tuple[list[str], list[str]]:
    """Return ids and reasons in order; each moment in one batch, or one transition a batch where `cuts` says so."""
    alerts: tuple[Alert, ...] = ()
    tallies: dict[str, Tally] = {}
    ids, reasons = [], []
    for i, (now_s, rows) in enumerate(moments):
        received_ns = START_NS + now_s * SECOND_NS
        for part in [rows] if i not in cuts else [[], *([row] for row in rows)]:
            turned = turn(alerts, now_s, acknowledged=now_s >= answered_s, where=where)
            done = plan(*part, open_alerts=turned.open_alerts, where=where, tallies=tallies, received_ns=received_ns)
            alerts = done.open_alerts
            tallies |= {each.alarm: each for each in done.tallies}
            ids += [each.notification.id for each in (*turned.planned, *done.planned)]
            reasons += [f"{each.verdict} {each.reason}" for each in (*turned.decisions, *done.decisions)]
    return ids, reasons


SETTLES = st.sampled_from([0.0, 700.0])


@given(STEPS, st.sets(st.integers(0, 20)), st.integers(0, 5000), st.booleans(), SETTLES)
def test_turns_of_any_history_do_not_depend_on_cuts(steps, cuts, answered_s, latch, settle_s):
    """Law 3 for time: batches of one moment may be cut anywhere, and any of them may look at the time again."""
    moments, where = rows_of(steps), district(latch=latch, settle_s=settle_s)

    assert lived(moments, where, set(), answered_s) == lived(moments, where, cuts, answered_s)


@given(STEPS, st.booleans(), SETTLES)
def test_turns_of_any_history_never_repeat_an_id_nor_hurry(steps, latch, settle_s):
    """Law 6, and never more often: the reminders that time brings are at least a re-alarm time apart."""
    alerts, tallies, ids, reminders = (), {}, [], []
    for now_s, rows in rows_of(steps):
        where = district(latch=latch, settle_s=settle_s)
        turned = turn(alerts, now_s, where=where)
        reminders += [
            (each.notification.alert, now_s)
            for each in turned.planned
            if each.notification.kind == "reminded" and each.notification.contact == "ann"
        ]
        received_ns = START_NS + now_s * SECOND_NS
        done = plan(*rows, open_alerts=turned.open_alerts, where=where, tallies=tallies, received_ns=received_ns)
        alerts, ids = done.open_alerts, [*ids, *(each.notification.id for each in (*turned.planned, *done.planned))]
        tallies |= {each.alarm: each for each in done.tallies}

    assert len(ids) == len(set(ids))
    assert all(b - a >= 600 for (one, a), (two, b) in itertools.pairwise(reminders) if one == two)
