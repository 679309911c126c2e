"""Suppressed messages of an incident, through real files: kept, counted, and sent after all when needed."""

import contextlib

import pytest

from alerts.alert import LedgerStep
from alerts.ledger.sql_ledger import open_ledger
from alerts.notification import Outcome, Verdict
from rules.events import AlarmEvents
from tests.alerts import scenes
from tests.alerts.planning.test_incidents import KEYS, Desk
from tests.alerts.scenes import ORANGE, RED, SECOND_NS, START_NS, YELLOW

CHANNELS = {"sms": 100}


class LedgerDesk(Desk):
    """A desk that keeps its plans in a ledger."""

    def __init__(self, url: str) -> None:
        """Begin with nothing open, and with people only."""
        super().__init__(scenes.SERIOUS, scenes.GENERAL)
        self.ledger = open_ledger(url)
        self.cursor = self.ledger.take_over()

    def _keep(self, plan):
        """Commit `plan`, and go on with the alerts of the ledger."""
        events = scenes.events([])
        plan = super()._keep(plan)
        step = LedgerStep(self.cursor, self.cursor.position + 1, AlarmEvents(*_columns(events)), KEYS, _quiet(plan))
        self.ledger.commit_step(step)
        self.cursor = step.next_cursor
        assert sorted(self.alerts, key=lambda each: (each.opened_ns, each.id)) == list(self.ledger.alerts.read_open())
        return plan

    def deliver(self, verdict: Verdict = Verdict.SENT, after_s: float = 10.0, **outcome) -> list[str]:
        """Try everything that is due; returns kind, level and contact of each."""
        self.now_s += after_s
        now_ns = START_NS + round(self.now_s * SECOND_NS)
        self.ledger.outbox.fail_over(now_ns)
        self.ledger.outbox.release(now_ns)
        claims = self.ledger.outbox.claim(now_ns, CHANNELS, 10.0, "one")
        for claim in claims:
            self.ledger.outbox.record_attempt(claim, Outcome(verdict, "said", **outcome), now_ns, None)
        found = [each.notification for each in claims]
        return sorted(f"{each.kind.value} {each.level} {each.contact}" for each in found)

    def states(self, alert: str) -> set[str]:
        """Return the states of all messages of `alert`."""
        return {each.state for each in self.ledger.outbox.read_deliveries(alert)}


def _columns(events):
    return [getattr(events, name) for name in AlarmEvents.__slots__]


def _quiet(plan):
    """Return `plan` without the alerts of transitions, which are not stored here."""
    return type(plan)(
        plan.alerts, plan.planned, plan.decisions, plan.open_alerts, (), plan.transition_counts, plan.suppressed
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)])
def desk(request, tmp_path):
    """Return a desk with a ledger in either database."""
    is_postgresql = request.param == "postgresql"
    desk = LedgerDesk(
        request.getfixturevalue("postgres_url") if is_postgresql else f"sqlite:///{tmp_path / 'ledger.db'}"
    )
    with contextlib.closing(desk.ledger):
        yield desk


def first_of(plan) -> str:
    """Return the id of the alert that `plan` opened."""
    return next(each.id for each in plan.alerts if each.sequence == 1)


def test_left_out_message_stays_while_what_was_told_lives(desk):
    """It is in the ledger as grouped, with a decision that is counted, and it is not sent."""
    desk.set(0, ORANGE)
    second = first_of(desk.set(1, ORANGE))

    assert ["raised 4 ann", "raised 4 bob", "raised 4 fix"] == desk.deliver()
    assert ([], {"grouped"}, 3) == (desk.deliver(), desk.states(second), desk.ledger.counts["decisions", "grouped"])


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.RETRY])
def test_left_out_message_goes_when_what_was_told_fails(desk, verdict):
    """No message about the incident arrived: the suppressed one is sent after all, with its reason."""
    desk.set(0, ORANGE)
    second = first_of(desk.set(1, ORANGE))
    desk.deliver(verdict)

    assert ["raised 4 ann", "raised 4 bob", "raised 4 fix"] == desk.deliver()
    assert ["uncovered"] * 3 == [each.reason.value for each in desk.ledger.decisions.read(second)[-3:]]
    assert 3 == desk.ledger.outbox.counts["notifications_released", ""]


def test_left_out_message_goes_though_what_was_told_had_failed_before(desk):
    """The plan knows nothing of deliveries: the outbox does."""
    desk.set(0, ORANGE)
    desk.deliver(Verdict.REFUSED)
    desk.set(1, ORANGE)

    assert ["raised 4 ann", "raised 4 bob", "raised 4 fix"] == desk.deliver()


def test_left_out_message_goes_when_the_receipt_is_missing(desk):
    """A message that no phone has confirmed stands for nothing."""
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)
    desk.deliver(receipt_within_s=120.0)

    assert ([], ["raised 4 ann", "raised 4 bob", "raised 4 fix"]) == (desk.deliver(), desk.deliver(after_s=120.0))


def test_left_out_message_stays_when_a_higher_level_takes_the_place_of_what_was_told(desk):
    """The orange is withdrawn because the red goes: the red stands for the second orange."""
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)
    desk.set(0, RED)

    assert ["escalated 5 ann", "escalated 5 bob", "escalated 5 fix"] == desk.deliver()
    assert [] == desk.deliver()


def test_left_out_message_of_an_alert_that_is_over_never_goes(desk):
    """No beginning is announced after the end."""
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)
    desk.set(1, 0)

    assert (3, []) == (len(desk.deliver(Verdict.REFUSED)), desk.deliver())


def test_end_of_an_incident_reaches_those_who_were_told_under_another_alert(desk):
    """The last alarm announces the end, also when its own beginning was suppressed or went to others."""
    desk.set(0, ORANGE)
    desk.set(1, YELLOW)
    desk.deliver()
    desk.set(0, 0)
    desk.set(1, 0)

    assert ["cleared 4 ann", "cleared 4 bob", "cleared 4 fix"] == desk.deliver()


def test_end_of_an_incident_waits_for_its_beginning_under_another_alert(desk):
    """While the warning is still being tried, the end does not overtake it."""
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)
    claims = desk.ledger.outbox.claim(START_NS + 300 * SECOND_NS, CHANNELS, 1e6, "one")
    desk.set(0, 0)
    desk.set(1, 0)

    assert (3, []) == (len(claims), desk.deliver())


def test_end_of_an_incident_of_which_nobody_was_told_is_withdrawn(desk):
    """No message was ever handed over: no end is sent."""
    desk.set(0, ORANGE)
    desk.set(1, ORANGE)
    desk.set(0, 0)
    desk.set(1, 0)
    refused = desk.deliver(Verdict.REFUSED)

    assert ([f"raised 4 {each}" for each in ("ann", "bob", "fix")], []) == (refused, desk.deliver())


def test_incident_in_the_ledger_names_its_alerts_and_who_answered(desk):
    """An acknowledged alert that is over counts as long as its incident lasts."""
    first, second = first_of(desk.set(0, ORANGE)), first_of(desk.set(1, ORANGE))
    desk.set(0, 0)
    desk.ledger.alerts.acknowledge(first, "ann", 1)

    assert [first] == [each.id for each in desk.ledger.alerts.read_incident(desk.ledger.alerts.find(second))]
    assert {first} == desk.ledger.alerts.read_acknowledged()
    desk.set(1, 0)
    assert set() == desk.ledger.alerts.read_acknowledged()
