"""The settle time: no repeated message without an escalation, and no false end."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.alert import Alert, DecisionReason, Plan
from alerts.planning.planner import JournalTime, plan_due, plan_step
from alerts.routing.loading import SETTLE_S, load_routes
from alerts.state import AlarmState, state_of
from rules.events import Transition, TransitionReason
from tests.alerts import scenes
from tests.alerts.planning import test_incidents, test_reminders
from tests.alerts.scenes import (
    BLUE,
    HAZARD,
    ORANGE,
    RED,
    SECOND_NS,
    START_NS,
    YELLOW,
    Row,
    cleared,
    raised,
)

WAIT_S = 1800.0
ALL = ["ann", "bob", "fix"]


class Life:
    """One district that passes through times and remembers its open alerts."""

    def __init__(self, settle_s: float = WAIT_S, *, latch: bool = False) -> None:
        """Begin with nothing open."""
        self.where = test_reminders.district(latch=latch, settle_s=settle_s)
        self.alerts: tuple[Alert, ...] = ()
        self.counts = {}
        self.acknowledged: set[str] = set()

    def at(self, now_s: float, *rows: Row, clock_s: float = 0.0) -> Plan:
        """Plan one time with its transitions; returns both plans as one."""
        now_ns, clock_ns = (START_NS + round(each * SECOND_NS) for each in (now_s, max(now_s, clock_s)))
        due = plan_due(self.alerts, JournalTime(9, now_ns, clock_ns), self.acknowledged, self.where)
        done = plan_step(
            scenes.events(rows),
            scenes.alarm_keys(),
            now_ns,
            due.open_alerts,
            self.where,
            counts=self.counts,
            clock_ns=clock_ns,
        )
        self.counts |= {each.alarm: each for each in done.transition_counts}
        self.alerts = done.open_alerts
        return replace(
            done,
            planned=(*due.planned, *done.planned),
            decisions=(*due.decisions, *done.decisions),
            suppressed=(*due.suppressed, *done.suppressed),
        )

    def flap(self, level: int = ORANGE) -> list[Plan]:
        """Raise an alarm of `level` at 10 s, end it at 300 s, and raise it again at 600 s."""
        again = raised(HAZARD, level, 600.0)
        return [
            self.at(10, raised(HAZARD, level)),
            self.at(300, cleared(HAZARD, level, 300.0)),
            self.at(600, again),
        ]


def sent(plan: Plan) -> list[str]:
    """Return kind and contact of each message that leaves at once."""
    found = [each.notification for each in plan.planned if each.standby is None]
    return [f"{each.kind.value} {each.contact}" for each in found]


def reasons(plan: Plan) -> list[DecisionReason]:
    """Return the reasons of its decisions."""
    return [each.reason for each in plan.decisions]


def everybody(kind: str) -> list[str]:
    """Return that message to each of the three."""
    return [f"{kind} {each}" for each in ALL]


def test_return_within_the_settle_time_sends_nothing():
    """The recipients know of the alarm and no end was sent: the end and the return have one decision each."""
    life = Life()
    first, end, again = life.flap()

    assert [everybody("raised"), [], []] == [sent(each) for each in (first, end, again)]
    assert [[DecisionReason.SETTLING]] == [reasons(end)]
    assert DecisionReason.SETTLING in reasons(again)
    assert [(ORANGE, AlarmState.UNACKNOWLEDGED)] == [(each.level, state_of(each)) for each in life.alerts]


def test_return_at_a_lower_level_and_its_rise_to_the_old_one_send_nothing():
    """No message for a level up to the peak, by any way to it."""
    life = Life()
    life.flap(ORANGE)
    life.at(650, cleared(HAZARD, ORANGE, 650.0, 600.0))
    lower = life.at(900, raised(HAZARD, YELLOW, 900.0))
    rise = life.at(950, Row(HAZARD, Transition.ESCALATED, YELLOW, ORANGE, 950.0, 900.0))

    assert [[], []] == [sent(lower), sent(rise)]


def test_return_above_the_peak_goes_to_all_recipients():
    """An escalation is announced at once."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE))
    life.at(300, cleared(HAZARD, ORANGE, 300.0))

    assert everybody("escalated") == sent(life.at(600, raised(HAZARD, RED, 600.0)))


def test_end_is_announced_once_after_the_settle_time():
    """Not a millisecond earlier, and with the time of the end, not of the message."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE))
    life.at(300, cleared(HAZARD, ORANGE, 300.0))
    early, end, later = life.at(300 + WAIT_S - 0.001), life.at(300 + WAIT_S), life.at(9000)

    assert [[], everybody("cleared"), []] == [sent(early), sent(end), sent(later)]
    assert (DecisionReason.CALM, ()) == (reasons(end)[0], life.alerts)
    assert "03-24 08:05" in end.planned[0].notification.text


def test_end_after_a_return_waits_anew():
    """The settle time begins with the last end."""
    life = Life()
    life.flap()
    life.at(700, cleared(HAZARD, ORANGE, 700.0, 600.0))

    assert [[], everybody("cleared")] == [sent(life.at(300 + WAIT_S)), sent(life.at(700 + WAIT_S))]


def test_end_of_a_clock_set_back_and_forth_does_not_come_early():
    """A held end waits for the latest time of the journal."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE), clock_s=3600)
    life.at(300, cleared(HAZARD, ORANGE, 300.0), clock_s=3600)

    assert [] == sent(life.at(3700))
    assert everybody("cleared") == sent(life.at(3600 + WAIT_S))


def test_end_that_was_held_keeps_the_facts_of_its_transition():
    """TransitionReason and interval of the transition are those of the message."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE))
    life.at(300, cleared(HAZARD, ORANGE, 300.0, low=0.3, high=0.4, reason=TransitionReason.CONDITIONS_END))
    notification = life.at(300 + WAIT_S).planned[0].notification

    assert "0.35 MPa (0.30–0.40)" in notification.text
    assert '"reason":"conditions_end"' in notification.payload


def test_return_of_an_acknowledged_alert_sends_nothing():
    """The alert stays acknowledged: no message and no reminder."""
    life = Life()
    life.at(10, raised(HAZARD, ORANGE))
    life.acknowledged = {each.id for each in life.alerts}
    life.at(300, cleared(HAZARD, ORANGE, 300.0))
    again = life.at(600, raised(HAZARD, ORANGE, 600.0))

    assert [[], []] == [sent(again), sent(life.at(7200))]


def test_reminder_of_a_return_comes_at_the_time_of_the_first_message_and_never_while_it_is_over():
    """Half an hour after an unacknowledged orange, if it stands then."""
    back, over = Life(), Life()
    back.flap()
    over.at(10, raised(HAZARD, ORANGE))
    over.at(1700, cleared(HAZARD, ORANGE, 1700.0))

    assert [[], everybody("reminded"), []] == [sent(back.at(1809)), sent(back.at(1810)), sent(over.at(1810))]


def test_settle_time_of_zero_announces_the_end_at_once_and_the_return_anew():
    """Without a settle time every end and every return is a message."""
    first, end, again = Life(0.0).flap()

    assert [everybody("raised"), everybody("cleared"), everybody("raised")] == [
        sent(each) for each in (first, end, again)
    ]


@pytest.mark.parametrize("level", [scenes.WarningLevel.GREEN, BLUE])
def test_alert_without_recipients_is_not_held(level):
    """There is no end to hold; the next alarm is news."""
    life = Life()
    life.at(10, raised(HAZARD, level))
    life.at(300, cleared(HAZARD, level, 300.0))

    assert () == life.alerts
    assert everybody("raised") == sent(life.at(600, raised(HAZARD, ORANGE, 600.0)))


def test_latched_alert_back_within_the_settle_time_sends_nothing_and_later_reminds():
    """Without an acknowledgement a return after the settle time is news, with the words of a reminder."""
    soon, late = Life(latch=True), Life(latch=True)
    for life in (soon, late):
        life.at(10, raised(HAZARD, ORANGE))
        life.at(300, cleared(HAZARD, ORANGE, 300.0))

    assert [] == sent(soon.at(600, raised(HAZARD, ORANGE, 600.0)))
    assert everybody("reminded") == sent(late.at(300 + WAIT_S, raised(HAZARD, ORANGE, 300.0 + WAIT_S)))


def test_latched_alert_that_is_acknowledged_ends_when_it_has_settled():
    """It needs the acknowledgement and the settle time; time alone ends nothing."""
    life = Life(latch=True)
    life.at(10, raised(HAZARD, ORANGE))
    end = life.at(300, cleared(HAZARD, ORANGE, 300.0))
    assert [DecisionReason.LATCHED, DecisionReason.SETTLING] == reasons(end)
    unanswered = life.at(300 + WAIT_S)
    life.acknowledged = {each.id for each in life.alerts}

    assert [[], everybody("cleared")] == [sent(unanswered), sent(life.at(301 + WAIT_S))]
    life.at(3000, raised(HAZARD, ORANGE, 3000.0))
    life.acknowledged = {each.id for each in life.alerts}
    life.at(3100, cleared(HAZARD, ORANGE, 3100.0, 3000.0))
    assert [[], everybody("cleared")] == [sent(life.at(3200)), sent(life.at(3100 + WAIT_S))]


def test_incident_of_two_with_one_returning_ends_once_with_the_last():
    """Both are over, one comes back and ends again: one return to normal, when both have stayed calm."""
    desk = test_incidents.Desk(scenes.SERIOUS, settle_s=WAIT_S)
    plans = [
        desk.set(0, ORANGE),
        desk.set(1, ORANGE),
        desk.set(0, 0),
        desk.set(1, 0),
        desk.set(1, ORANGE, 300),
        desk.wait(WAIT_S),
        desk.set(1, 0, 0),
        desk.wait(WAIT_S - 1),
    ]

    assert [everybody("raised"), *([[]] * 4), everybody("reminded"), [], []] == [sent(each) for each in plans]
    end = desk.wait(1)
    assert (everybody("cleared"), ()) == (sorted(sent(end)), desk.alerts)
    assert "等2项报警均已解除" in end.planned[0].notification.text


def test_incident_of_a_held_alarm_covers_no_other():
    """Another alarm of the same danger is news: the held alarm is over."""
    desk = test_incidents.Desk(scenes.SERIOUS, settle_s=WAIT_S)
    desk.set(0, ORANGE)
    desk.set(0, 0)

    assert everybody("raised") == sent(desk.set(1, ORANGE))


def test_routes_settle_for_half_an_hour_unless_they_say_otherwise(tmp_path):
    """The default settle time, and the value that switches it off."""
    path = tmp_path / "routes.yaml"
    route = "routes: [{name: a, dimension: health, roles: [duty], channels: [sms]}]\n"
    path.write_text(route, encoding="utf-8")
    usual = load_routes(path, ["sms"]).settle_s
    path.write_text(f"settle_s: 0\n{route}", encoding="utf-8")

    assert (SETTLE_S, 1800.0, 0.0) == (usual, usual, load_routes(path, ["sms"]).settle_s)


@settings(max_examples=300, deadline=None)
@given(test_reminders.STEPS, st.booleans())
def test_history_of_any_alarm_repeats_nothing_without_an_escalation_and_hides_no_level(steps, latch):
    """Between two ends each contact gets rising levels only, and each level of the alarm."""
    life = Life(700.0, latch=latch)
    known: defaultdict[str, int] = defaultdict(int)
    for now_s, rows in test_reminders.rows_of(steps):
        for each in life.at(now_s, *rows).planned:
            message = each.notification
            if message.kind == "cleared":
                assert known.pop(message.contact)
            elif message.kind != "reminded":
                assert message.level > known[message.contact]
                known[message.contact] = message.level
        level = life.alerts[0].level if life.alerts else 0
        wanted = {YELLOW: ["fix"], ORANGE: ALL, RED: ALL}.get(level, [])
        assert all(known[contact] >= level for contact in wanted)
