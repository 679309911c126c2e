"""Reminders, latched alerts and held ends: the changes of the journal's time, however batches are cut."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Alert, Plan
from alerts.chatter import TransitionCounts
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import NEVER_DUE_NS, JournalTime, due_ns, plan_due, plan_step
from alerts.state import AlarmState, state_of
from rules.rule import RuleSet
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, RED, SECOND_NS, START_NS, YELLOW, Row, blind, cleared, plan, raised


def district(*, latch: bool = False, settle_s: float = 0.0, **route: object) -> PlanningConfig:
    """Return the district, with a latch on orange when asked, and `route` changing the one of orange and red."""
    rule = scenes.hazard_rule()
    levels = tuple(replace(each, latch=latch and each.level == ORANGE) for each in rule.levels)
    where = scenes.district(replace(scenes.SERIOUS, **route), scenes.GENERAL, scenes.DEVICES, settle_s=settle_s)
    return replace(where, ruleset=RuleSet((replace(rule, levels=levels), scenes.stale_rule()), "1"))


def plan_after(
    alerts: tuple[Alert, ...], after_s: float, *, acknowledged: bool = False, where: PlanningConfig | None = None
):
    """Return the plan `after_s` seconds after the start."""
    received_ns = START_NS + round(after_s * SECOND_NS)
    time = JournalTime(9, received_ns, received_ns)
    return plan_due(alerts, time, {each.id for each in alerts} if acknowledged else (), where or district())


def sent(result: Plan) -> list[str]:
    """Return kind and contact of each message."""
    return [f"{each.notification.kind.value} {each.notification.contact}" for each in result.planned]


@pytest.mark.parametrize(("level", "due_s"), [(RED, 600), (ORANGE, 1800)])
def test_reminder_of_an_unacknowledged_hazard_comes_at_its_time(level, due_s):
    """Red after 10 minutes, orange after 30, not a nanosecond earlier, to all recipients."""
    alerts = plan(raised(HAZARD, level)).open_alerts

    assert START_NS + due_s * SECOND_NS == due_ns(alerts[0], district())
    assert [] == sent(plan_after(alerts, due_s - 1e-6))
    assert ["reminded ann", "reminded bob", "reminded fix"] == sent(plan_after(alerts, due_s))


def test_reminder_after_a_clock_set_back_and_forth_does_not_come_early():
    """A warning of an hour with a wrong clock waits from the latest time of the journal."""
    hour_ns = 3600 * SECOND_NS
    events, alarms, where = scenes.events([raised(HAZARD, ORANGE)]), scenes.alarm_keys(), district()
    [alert] = plan_step(events, alarms, START_NS - hour_ns, (), where, clock_ns=START_NS).open_alerts

    assert START_NS + 1800 * SECOND_NS == due_ns(alert, where)
    assert [] == sent(plan_after((alert,), 60))


def test_reminder_of_lower_levels_and_devices_never_comes():
    """Yellow and device faults have no reminder."""
    result = plan(raised(HAZARD, YELLOW), blind(scenes.BLIND_PRESSURE, 11.0))

    assert [NEVER_DUE_NS, NEVER_DUE_NS] == [due_ns(alert, district()) for alert in result.open_alerts]


@pytest.mark.parametrize(("realarm_s", "due_s"), [(60.0, 60), (0.0, None), (None, 1800)])
def test_reminder_obeys_the_time_of_the_route(realarm_s, due_s):
    """`realarm_s` of the route replaces the default time, and 0 means never."""
    [alert] = plan(raised(HAZARD, ORANGE)).open_alerts
    expected = NEVER_DUE_NS if due_s is None else START_NS + due_s * SECOND_NS

    assert expected == due_ns(alert, district(realarm_s=realarm_s))


def test_reminder_after_a_long_absence_comes_once_and_then_waits_again():
    """Hours of missed reminders are one; the next comes a whole re-alarm time later, with another id."""
    first = plan_after(plan(raised(HAZARD, ORANGE)).open_alerts, 9000)
    again = plan_after(first.open_alerts, 9000 + 1799)
    second = plan_after(first.open_alerts, 9000 + 1800)

    assert (3, 0, 3) == (len(first.planned), len(again.planned), len(second.planned))
    assert 6 == len({each.notification.id for each in (*first.planned, *second.planned)})


def test_reminder_of_an_acknowledged_hazard_never_comes():
    """An acknowledgement makes one decision with its reason, and the alert is never due again."""
    result = plan_after(plan(raised(HAZARD, ORANGE)).open_alerts, 1800, acknowledged=True)

    assert ([], ["acknowledged"]) == (sent(result), [each.reason.value for each in result.decisions])
    assert NEVER_DUE_NS == due_ns(result.open_alerts[0], district())


def test_latched_alert_announces_its_end_only_after_an_acknowledgement():
    """A latched alert that is over stays open without a message; an acknowledgement sends the end to all recipients."""
    where = district(latch=True)
    over = plan(raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE), where=where)

    assert (3, ["latched"]) == (len(over.planned), [each.reason.value for each in over.decisions[-1:]])
    assert (AlarmState.LATCHED, []) == (
        state_of(over.open_alerts[0]),
        sent(plan_after(over.open_alerts, 9000, where=where)),
    )
    ended = plan_after(over.open_alerts, 9000, acknowledged=True, where=where)
    assert (["cleared ann", "cleared bob", "cleared fix"], ()) == (sent(ended), ended.open_alerts)
    assert "水压0.35 MPa" in ended.planned[0].notification.text


@pytest.mark.parametrize(("level", "is_open"), [(YELLOW, False), (ORANGE, True), (RED, True)])
def test_latch_holds_its_level_and_those_above(level, is_open):
    """An alarm that reached red has passed orange; a yellow alarm never reached the latch."""
    result = plan(raised(HAZARD, level), cleared(HAZARD, level), where=district(latch=True))

    assert is_open == bool(result.open_alerts)


def test_latched_alert_raised_again_is_announced_again():
    """The danger is back without an acknowledgement: the message is sent, with an id of its own."""
    rows = [raised(HAZARD, ORANGE), cleared(HAZARD, ORANGE, 200.0), raised(HAZARD, ORANGE, 400.0)]
    result = plan(*rows, where=district(latch=True))

    assert ["reminded"] * 3 == [each.notification.kind.value for each in result.planned[3:]]
    assert 6 == len({each.notification.id for each in result.planned})


def test_chattering_end_is_announced_when_calm():
    """The end is sent once, a minute of the journal's time after the last transition."""
    rows = [raised(HAZARD, YELLOW, 10.0), cleared(HAZARD, YELLOW, 20.0), raised(HAZARD, YELLOW, 30.0)]
    held = plan(*rows, cleared(HAZARD, YELLOW, 40.0, 30.0)).open_alerts

    assert [] == sent(plan_after(held, 59.9))
    assert (["cleared fix"], ()) == (sent(plan_after(held, 60)), plan_after(held, 60).open_alerts)


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
"""Seconds since the time before, and the levels that the alarm takes then."""


def rows_of(steps) -> list[tuple[int, list[Row]]]:
    """Return the times with their transitions, as an engine would make them."""
    now_s, level, episode_s = 0, 0, 0.0
    times = []
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
        times.append((now_s, rows))
    return times


def live_through(times, where: PlanningConfig, cuts: set[int], acknowledged_s: float) -> tuple[list[str], list[str]]:
    """Return ids and reasons in order; each time in one batch, or one transition a batch where `cuts` says so."""
    alerts: tuple[Alert, ...] = ()
    counts: dict[str, TransitionCounts] = {}
    ids, reasons = [], []
    for i, (now_s, rows) in enumerate(times):
        received_ns = START_NS + now_s * SECOND_NS
        for part in [rows] if i not in cuts else [[], *([row] for row in rows)]:
            due = plan_after(alerts, now_s, acknowledged=now_s >= acknowledged_s, where=where)
            done = plan(*part, open_alerts=due.open_alerts, where=where, counts=counts, received_ns=received_ns)
            alerts = done.open_alerts
            counts |= {each.alarm: each for each in done.transition_counts}
            ids += [each.notification.id for each in (*due.planned, *done.planned)]
            reasons += [f"{each.verdict} {each.reason}" for each in (*due.decisions, *done.decisions)]
    return ids, reasons


SETTLES = st.sampled_from([0.0, 700.0])


@given(STEPS, st.sets(st.integers(0, 20)), st.integers(0, 5000), st.booleans(), SETTLES)
def test_plans_of_any_history_do_not_depend_on_cuts(steps, cuts, acknowledged_s, latch, settle_s):
    """Law 3 for time: batches of one time may be cut anywhere, and each may look at the time again."""
    times, where = rows_of(steps), district(latch=latch, settle_s=settle_s)

    assert live_through(times, where, set(), acknowledged_s) == live_through(times, where, cuts, acknowledged_s)


@given(STEPS, st.booleans(), SETTLES)
def test_reminders_of_any_history_never_repeat_an_id_nor_come_early(steps, latch, settle_s):
    """Law 6: reminders caused by time are at least a re-alarm time apart, each with its own id."""
    alerts, counts = (), {}
    ids, reminders = [], []
    for now_s, rows in rows_of(steps):
        where = district(latch=latch, settle_s=settle_s)
        due = plan_after(alerts, now_s, where=where)
        reminders += [
            (each.notification.alert, now_s)
            for each in due.planned
            if each.notification.kind == "reminded" and each.notification.contact == "ann"
        ]
        received_ns = START_NS + now_s * SECOND_NS
        done = plan(*rows, open_alerts=due.open_alerts, where=where, counts=counts, received_ns=received_ns)
        alerts, ids = done.open_alerts, [*ids, *(each.notification.id for each in (*due.planned, *done.planned))]
        counts |= {each.alarm: each for each in done.transition_counts}

    assert len(ids) == len(set(ids))
    assert all(b - a >= 600 for (one, a), (two, b) in itertools.pairwise(reminders) if one == two)
