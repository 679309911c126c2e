import threading
from collections import Counter

import pytest

from alerts.alert import DecisionReason
from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.notification import NotificationKind, Outcome, Verdict
from alerts.outbox.claimable import ORDER_GAP_NS
from alerts.outbox.delivery_reports import Receipt, ReceiptCode
from alerts.outbox.outbox import Claim
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, SECOND_HAZARD, SECOND_NS, YELLOW, cleared, commit, raised

NOW_NS = scenes.START_NS + 3600 * SECOND_NS
LATER_NS = NOW_NS + ORDER_GAP_NS
SENT = Outcome(Verdict.SENT, "202")
RETRY = Outcome(Verdict.RETRY, "503")
REFUSED = Outcome(Verdict.REFUSED, "410")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)])
def ledger(request, tmp_path):
    """Return an empty ledger, once on each database."""
    is_sqlite = request.param == "sqlite"
    opened = open_ledger(f"sqlite:///{tmp_path / 'l.db'}" if is_sqlite else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def claim(ledger: Ledger, now_ns: int = NOW_NS, limit: int = 100, owner: str = "one") -> list[Claim]:
    """Return the claims of `owner` on either channel now."""
    return ledger.outbox.claim(now_ns, dict.fromkeys(("sms", "backup", "webhook"), limit), 10.0, owner)


def record(ledger: Ledger, claims: list[Claim], outcome: Outcome, retry_ns: int | None = None) -> list[bool]:
    """Record `outcome` for each of `claims`."""
    return [ledger.outbox.record_attempt(each, outcome, NOW_NS, retry_ns) for each in claims]


def states(ledger: Ledger) -> dict[str, str]:
    """Return the state of each notification by kind and contact."""
    found = {}
    for alert in {each.alert for each in ledger.alarm_events.read()}:
        for each in ledger.outbox.read_deliveries(alert):
            found[f"{each.notification.kind}-{each.notification.channel}-{each.notification.contact}"] = each.state
    return found


def kinds(claims: list[Claim]) -> list[str]:
    """Return kind and contact of each claim, in order."""
    return sorted(f"{each.notification.kind}-{each.notification.contact}" for each in claims)


def escalated() -> scenes.Row:
    """Return the rise from yellow to orange."""
    return scenes.Row(HAZARD, scenes.Transition.ESCALATED, YELLOW, ORANGE, 20.0, 10.0)


def test_claim_gives_each_notification_once(ledger):
    """A claim of one dispatcher is given to no other."""
    commit(ledger, raised(HAZARD, ORANGE))

    assert (3, 0) == (len(claim(ledger)), len(claim(ledger, owner="two")))


def test_claim_of_many_gives_red_first(ledger):
    """Row 55: however many wait, the highest level goes first, and of a level the oldest."""
    commit(ledger, raised(HAZARD, YELLOW), raised(SECOND_HAZARD, scenes.RED), scenes.blind(scenes.OTHER_DEVICE, 12.0))

    assert [5, 5] == [each.notification.level for each in claim(ledger, limit=2)]
    assert [3, 0] == [each.notification.level for each in claim(ledger, limit=2)]


def test_claim_takes_only_from_channels_with_room(ledger):
    """A channel that is full or unknown is not asked for."""
    commit(ledger, raised(HAZARD, ORANGE))

    assert [] == ledger.outbox.claim(NOW_NS, {"webhook": 5}, 10.0, "one")
    assert 2 == len(ledger.outbox.claim(NOW_NS, {"sms": 2}, 10.0, "one"))


def test_claim_whose_lease_ended_goes_to_another_with_the_same_id(ledger):
    """Rows 49 and 50: a dead dispatcher's notifications are tried again under the same id."""
    commit(ledger, raised(HAZARD, ORANGE))
    first, again = claim(ledger), claim(ledger, NOW_NS + 11 * SECOND_NS, owner="two")

    assert kinds(first) == kinds(again)
    assert {each.notification.id for each in first} == {each.notification.id for each in again}
    assert {2} == {each.attempt for each in again}


def test_claim_that_is_renewed_stays(ledger):
    """A slow attempt keeps its lease."""
    commit(ledger, raised(HAZARD, ORANGE))
    ledger.outbox.renew(claim(ledger), NOW_NS + 9 * SECOND_NS, 10.0)

    assert [] == claim(ledger, NOW_NS + 15 * SECOND_NS, owner="two")


def test_claim_after_the_clock_was_set_back_is_not_late(ledger):
    """Row 48: neither a lease nor a retry waits for the time that the clock lost."""
    commit(ledger, raised(HAZARD, ORANGE))
    [held, *others] = claim(ledger)
    record(ledger, others, RETRY, NOW_NS + 5 * SECOND_NS)
    hour_ago_ns = NOW_NS - 3600 * SECOND_NS

    assert hour_ago_ns >= ledger.outbox.next_due_ns(hour_ago_ns, ["sms"])
    assert {held.notification.id, *(each.notification.id for each in others)} == {
        each.notification.id for each in claim(ledger, hour_ago_ns, owner="two")
    }


def test_record_by_a_former_holder_changes_nothing(ledger):
    """Row 50: after the lease went to another, the late outcome is fenced off."""
    commit(ledger, raised(HAZARD, YELLOW))
    first = claim(ledger)
    second = claim(ledger, NOW_NS + 11 * SECOND_NS, owner="two")

    assert [False] == record(ledger, first, REFUSED)
    assert [True] == record(ledger, second, SENT)
    assert {"raised-sms-fix": "sent"} == states(ledger)
    assert 1 == ledger.outbox.counts["notification_attempts", "fenced"]


@pytest.mark.parametrize(
    ("outcome", "retry_ns", "state"),
    [(SENT, None, "sent"), (RETRY, NOW_NS + 1, "pending"), (RETRY, None, "failed"), (REFUSED, None, "refused")],
)
def test_record_of_each_outcome_gives_its_state(ledger, outcome, retry_ns, state):
    """Sent, again, given up, refused."""
    commit(ledger, raised(HAZARD, YELLOW))
    record(ledger, claim(ledger), outcome, retry_ns)

    assert {"raised-sms-fix": state} == states(ledger)


def test_record_of_a_retry_waits_for_its_time(ledger):
    """A retry is due when it was said to be."""
    commit(ledger, raised(HAZARD, YELLOW))
    record(ledger, claim(ledger), RETRY, NOW_NS + 5 * SECOND_NS)

    assert NOW_NS + 5 * SECOND_NS == ledger.outbox.next_due_ns(NOW_NS, ["sms"])
    assert [] == claim(ledger, NOW_NS + 4 * SECOND_NS)
    assert 1 == len(claim(ledger, NOW_NS + 5 * SECOND_NS))


def test_end_waits_for_its_beginning(ledger):
    """Row 56: the return to normal never overtakes the warning, neither while it waits nor while it is sent."""
    commit(ledger, raised(HAZARD, ORANGE))
    commit(ledger, cleared(HAZARD, ORANGE))
    begun = claim(ledger)

    assert ["raised-ann", "raised-bob", "raised-fix"] == kinds(begun)
    assert [] == claim(ledger)
    record(ledger, begun[:1], SENT)
    record(ledger, begun[1:], RETRY, NOW_NS + 60 * SECOND_NS)
    assert [f"cleared-{begun[0].notification.contact}"] == kinds(claim(ledger, LATER_NS))


def test_end_follows_its_beginning_at_a_distance(ledger):
    """Row 56: a gateway that took both at once could deliver them in either order, unless the first has arrived."""
    commit(ledger, raised(HAZARD, ORANGE))
    commit(ledger, cleared(HAZARD, ORANGE))
    begun = claim(ledger)
    record(ledger, begun, SENT)
    ledger.outbox.record_receipt(Receipt(begun[0].notification.id, ReceiptCode.DELIVERED), NOW_NS)

    assert [f"cleared-{begun[0].notification.contact}"] == kinds(claim(ledger, LATER_NS - 1))
    assert 2 == len(claim(ledger, LATER_NS))


def test_end_of_what_never_left_is_withdrawn(ledger):
    """A target without any warning gets no end, and the decision says so."""
    made = commit(ledger, raised(HAZARD, YELLOW))
    commit(ledger, cleared(HAZARD, YELLOW))
    record(ledger, claim(ledger), REFUSED)

    assert [] == claim(ledger)
    assert "withdrawn" == states(ledger)["cleared-sms-fix"]
    assert DecisionReason.NEVER_HANDED_OVER in [each.reason for each in ledger.decisions.read(made.plan.alerts[0].id)]


def test_end_of_what_was_sent_and_not_delivered_still_goes(ledger):
    """A report of failure does not prove that the message is unread: the end is sent."""
    commit(ledger, raised(HAZARD, YELLOW))
    begun = claim(ledger)
    record(ledger, begun, SENT)
    ledger.outbox.record_receipt(Receipt(begun[0].notification.id, ReceiptCode.FAILED), NOW_NS)
    commit(ledger, cleared(HAZARD, YELLOW))

    assert ["cleared-fix"] == kinds(claim(ledger))


def test_beginning_overtaken_by_a_higher_level_is_withdrawn(ledger):
    """A yellow message that still waits when orange goes out would say that it got better."""
    commit(ledger, raised(HAZARD, YELLOW))
    record(ledger, claim(ledger), RETRY, NOW_NS + SECOND_NS)
    commit(ledger, escalated())

    assert ["escalated-ann", "escalated-bob", "escalated-fix"] == kinds(claim(ledger, NOW_NS + 2 * SECOND_NS))
    assert "withdrawn" == states(ledger)["raised-sms-fix"]


def test_higher_level_never_waits_for_a_lower_one(ledger):
    """Orange goes out while yellow is still on its way."""
    commit(ledger, raised(HAZARD, YELLOW))
    claim(ledger)
    commit(ledger, escalated())

    assert ["escalated-ann", "escalated-bob", "escalated-fix"] == kinds(claim(ledger))


def with_fallback(target: str = "sms") -> scenes.PlanningConfig:
    """Return a district with yellow warnings to maintenance by SMS, or to a webhook, with a second channel each."""
    roles, channels, targets = ((scenes.Role.MAINTENANCE,), ("sms",), ()) if target == "sms" else ((), (), ("webhook",))
    levels = frozenset({YELLOW})
    return scenes.district(
        scenes.Route("two", scenes.Dimension.HAZARD, levels, frozenset(), roles, channels, targets, ("backup",))
    )


@pytest.mark.parametrize(("outcome", "state"), [(REFUSED, "refused"), (RETRY, "failed")])
def test_undeliverable_notification_goes_to_the_next_channel(ledger, outcome, state):
    """Row 54: refused or given up, the same phone is reached another way, and that is a decision."""
    made = commit(ledger, raised(HAZARD, YELLOW), where=with_fallback())
    record(ledger, claim(ledger), outcome)

    [second] = claim(ledger)
    assert ("backup", "fix", "+8613800000002") == (
        second.notification.channel,
        second.notification.contact,
        second.notification.address,
    )
    assert {"raised-sms-fix": state, "raised-backup-fix": "sending"} == states(ledger)
    assert DecisionReason.UNDELIVERABLE in [each.reason for each in ledger.decisions.read(made.plan.alerts[0].id)]


def test_undeliverable_target_goes_to_the_next_target(ledger):
    """Row 54: a webhook that is gone hands over to another one, which is its own contact."""
    commit(ledger, raised(HAZARD, YELLOW), where=with_fallback("webhook"))
    record(ledger, claim(ledger), REFUSED)

    [second] = claim(ledger)
    assert ("backup", "backup") == (second.notification.channel, second.notification.contact)


def test_end_follows_its_beginning_to_the_next_channel(ledger):
    """Who heard of the danger by the second channel hears of its end by it."""
    commit(ledger, raised(HAZARD, YELLOW), where=with_fallback())
    record(ledger, claim(ledger), REFUSED)
    record(ledger, claim(ledger), SENT)
    commit(ledger, cleared(HAZARD, YELLOW), where=with_fallback())
    claim(ledger, LATER_NS)

    assert {"cleared-sms-fix": "withdrawn", "cleared-backup-fix": "sending"}.items() <= states(ledger).items()


def test_receipt_of_delivery_ends_the_delivery(ledger):
    """The phone has it."""
    commit(ledger, raised(HAZARD, YELLOW))
    [one] = claim(ledger)
    record(ledger, [one], SENT)

    assert ledger.outbox.record_receipt(Receipt(one.notification.id, ReceiptCode.DELIVERED), NOW_NS)
    found = ledger.outbox.find(one.notification.id)
    assert ("delivered", ((1, NOW_NS),)) == (found.state, found.receipts)


def test_receipt_repeated_is_stored_once(ledger):
    """Gateways call back twice."""
    commit(ledger, raised(HAZARD, YELLOW))
    [one] = claim(ledger)
    receipt = Receipt(one.notification.id, ReceiptCode.ACCEPTED)

    assert [True, False] == [ledger.outbox.record_receipt(receipt, NOW_NS + i) for i in range(2)]
    assert 1 == len(ledger.outbox.find(one.notification.id).receipts)


def test_receipt_of_an_unknown_notification_is_counted(ledger):
    """A report about nothing changes nothing."""
    assert not ledger.outbox.record_receipt(Receipt("00" * 12, ReceiptCode.DELIVERED), NOW_NS)
    assert 1 == ledger.outbox.counts["receipts", "unknown"]


def test_receipt_that_overtakes_the_answer_is_kept(ledger):
    """The phone can be faster than the gateway's answer to us."""
    commit(ledger, raised(HAZARD, YELLOW))
    [one] = claim(ledger)
    ledger.outbox.record_receipt(Receipt(one.notification.id, ReceiptCode.DELIVERED), NOW_NS)

    assert [True] == record(ledger, [one], SENT)
    assert {"raised-sms-fix": "delivered"} == states(ledger)


def test_receipt_after_a_crash_saves_the_second_message(ledger):
    """Row 49: the dispatcher died before it could record, but the report proves that the gateway has it."""
    commit(ledger, raised(HAZARD, YELLOW))
    [one] = claim(ledger)
    ledger.outbox.record_receipt(Receipt(one.notification.id, ReceiptCode.ACCEPTED), NOW_NS)

    assert [] == claim(ledger, NOW_NS + 60 * SECOND_NS, owner="two")
    assert {"raised-sms-fix": "sent"} == states(ledger)


@pytest.mark.parametrize(("code", "state"), [(ReceiptCode.FAILED, "failed"), (ReceiptCode.REJECTED, "refused")])
def test_receipt_of_failure_takes_the_next_channel(ledger, code, state):
    """Row 51: the gateway said yes and the operator no: the second channel is tried."""
    commit(ledger, raised(HAZARD, YELLOW), where=with_fallback())
    [one] = claim(ledger)
    record(ledger, [one], SENT)
    ledger.outbox.record_receipt(Receipt(one.notification.id, code), NOW_NS)

    assert {"raised-sms-fix": state, "raised-backup-fix": "pending"} == states(ledger)


def test_waiting_counts_by_channel(ledger):
    """The depth of each queue is known."""
    commit(ledger, raised(HAZARD, ORANGE))
    claim(ledger, limit=1)

    waiting = ledger.outbox.measure_queues()["sms"]
    assert (2, 1, scenes.START_NS) == (waiting.pending, waiting.sending, waiting.oldest_ns)


def test_next_due_of_an_empty_outbox_is_never(ledger):
    """Nothing waits."""
    assert ledger.outbox.next_due_ns(NOW_NS, ["sms"]) is None
    assert ledger.outbox.find("00" * 12) is None


def test_claims_by_four_at_once_never_double(ledger):
    """Row 50: four dispatchers with ledgers of their own get each notification exactly once."""
    rows = [raised(HAZARD, ORANGE, 10.0 + i * 10) for i in range(20)]
    ends = [cleared(HAZARD, ORANGE, 15.0 + i * 10, 10.0 + i * 10) for i in range(20)]
    commit(ledger, *(row for pair in zip(rows, ends, strict=True) for row in pair))
    url = ledger.database.url
    claimed: list[str] = []

    def work(owner: str) -> None:
        """Claim and send until nothing is left."""
        own = open_ledger(url)
        while claims := claim(own, limit=3, owner=owner):
            claimed.extend(each.notification.id for each in claims)
            for each in claims:
                assert own.outbox.record_attempt(each, SENT, NOW_NS, None)
        own.close()

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    left = [each for each in claim(ledger) for _ in record(ledger, [each], SENT)]
    counted = Counter([*claimed, *(each.notification.id for each in left)])
    assert {1} == set(counted.values())
    assert all(each.notification.kind is NotificationKind.CLEARED for each in left)
    assert len(counted) <= 120
