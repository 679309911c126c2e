"""A gateway took a message and no receipt came: the next channel, then the next contact, takes over."""

from dataclasses import replace

import pytest

from alerts.alert import DecisionReason, LedgerStep
from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.notification import Outcome, Verdict
from alerts.outbox.delivery_reports import Receipt, ReceiptCode
from alerts.planning.planner import JournalTime, plan_due
from config.register import Duty, Role
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, SECOND_NS, YELLOW, commit, raised

NOW_NS = scenes.START_NS + 3600 * SECOND_NS
WITHIN_S = 120.0
SENT = Outcome(Verdict.SENT, "202", receipt_within_s=WITHIN_S)
DUE_NS = NOW_NS + round(WITHIN_S * 1e9)
ROUTE = scenes.Route(
    "serious",
    scenes.Dimension.HAZARD,
    frozenset({YELLOW, ORANGE}),
    frozenset(),
    (Role.RESPONSIBLE,),
    ("sms",),
    (),
    next_roles=(Role.DUTY, Role.MANAGER),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.end_to_end)])
def ledger(request, tmp_path):
    """Return an empty ledger, once on each database."""
    is_sqlite = request.param == "sqlite"
    opened = open_ledger(f"sqlite:///{tmp_path / 'l.db'}" if is_sqlite else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def district(**route: object) -> scenes.PlanningConfig:
    """Return the district: ann gets a message at once, then cat on duty, then bob; `route` changes the route."""
    where = scenes.district(replace(ROUTE, **route))
    register = where.register
    register = replace(register, duties=[*register.duties, Duty("T-1", Role.DUTY, "cat")])
    return replace(where, register=register)


def send(ledger: Ledger, now_ns: int = NOW_NS) -> list[str]:
    """Hand over everything that is due; returns channel and contact of each."""
    claims = ledger.outbox.claim(now_ns, {"sms": 9, "backup": 9}, 10.0, "one")
    for each in claims:
        assert ledger.outbox.record_attempt(each, SENT, now_ns, None)
    return [f"{each.notification.kind} {each.notification.channel} {each.notification.contact}" for each in claims]


def reasons(ledger: Ledger) -> list[str]:
    """Return verdict, reason and detail of the decisions of the dispatcher."""
    [alert] = ledger.alerts.read_open()
    return [
        f"{each.verdict} {each.reason} {each.detail}" for each in ledger.decisions.read(alert.id) if not each.position
    ]


def receipt(ledger: Ledger, code: ReceiptCode) -> None:
    """Let the gateway report about ann's message."""
    [alert] = ledger.alerts.read_open()
    [ann] = [each for each in ledger.outbox.read_deliveries(alert.id) if each.notification.contact == "ann"]
    ledger.outbox.record_receipt(Receipt(ann.notification.id, code), NOW_NS)


def test_missing_receipts_tell_one_after_another(ledger):
    """Ann, then the contact on duty, then the manager, each after its time; then no contact is left."""
    commit(ledger, raised(HAZARD, ORANGE), where=district())

    assert ["raised sms ann"] == send(ledger)
    assert ([], []) == (ledger.outbox.fail_over(DUE_NS - 1), send(ledger, DUE_NS - 1))
    assert [DecisionReason.NO_RECEIPT] == ledger.outbox.fail_over(DUE_NS)
    assert ["raised sms cat"] == send(ledger, DUE_NS)
    ledger.outbox.fail_over(2 * DUE_NS - NOW_NS)
    assert ["raised sms bob"] == send(ledger, 2 * DUE_NS - NOW_NS)
    ledger.outbox.fail_over(3 * DUE_NS - 2 * NOW_NS)
    assert [
        "fall_back no_receipt sms ann -> sms cat",
        "fall_back no_receipt sms cat -> sms bob",
        "skip no_receipt sms bob: no receipt, nobody is left",
    ] == reasons(ledger)


def test_missing_receipt_takes_the_other_channel_first(ledger):
    """The same phone by the fallback channel, and only then the next contact."""
    commit(ledger, raised(HAZARD, ORANGE), where=district(fallback=("backup",)))
    send(ledger)
    ledger.outbox.fail_over(DUE_NS)
    assert ["raised backup ann"] == send(ledger, DUE_NS)
    ledger.outbox.fail_over(2 * DUE_NS - NOW_NS)

    assert ["raised sms cat"] == send(ledger, 2 * DUE_NS - NOW_NS)


@pytest.mark.parametrize(("code", "follows"), [(ReceiptCode.DELIVERED, []), (ReceiptCode.ACCEPTED, ["raised sms cat"])])
def test_receipt_in_time_keeps_the_others_in_peace(ledger, code, follows):
    """Only the phone's own report counts: that the operator has the message does not."""
    commit(ledger, raised(HAZARD, ORANGE), where=district())
    send(ledger)
    receipt(ledger, code)
    ledger.outbox.fail_over(DUE_NS)

    assert follows == send(ledger, DUE_NS)


def test_report_of_failure_tells_the_next_contact_at_once(ledger):
    """A failed message is not waited for, and its receipt does not count as missing afterwards."""
    commit(ledger, raised(HAZARD, ORANGE), where=district())
    send(ledger)
    receipt(ledger, ReceiptCode.FAILED)

    assert (["raised sms cat"], []) == (send(ledger), ledger.outbox.fail_over(DUE_NS - 1))


def test_missing_receipt_of_an_acknowledged_alert_tells_nobody(ledger):
    """Somebody has it in hand, and the decision says so."""
    commit(ledger, raised(HAZARD, ORANGE), where=district())
    send(ledger)
    ledger.alerts.acknowledge(ledger.alerts.read_open()[0].id, "fix", NOW_NS)

    assert ([DecisionReason.ACKNOWLEDGED], []) == (ledger.outbox.fail_over(DUE_NS), send(ledger, DUE_NS))


def test_missing_receipt_after_the_end_tells_nobody(ledger):
    """A contact on standby gets neither the warning nor the end once the danger is over."""
    made = commit(ledger, raised(HAZARD, ORANGE), where=district())
    send(ledger)
    commit(ledger, scenes.cleared(HAZARD, ORANGE), where=district())

    assert [DecisionReason.ENDED] == ledger.outbox.fail_over(DUE_NS)
    assert ["cleared sms ann"] == send(ledger, DUE_NS)
    states = {
        each.notification.contact: each.state for each in ledger.outbox.read_deliveries(made.plan.alerts[0].id)[3:]
    }
    assert {"ann": "sent", "bob": "withdrawn", "cat": "withdrawn"} == states


def test_missing_receipt_of_a_yellow_warning_is_not_awaited(ledger):
    """Only orange and red wake somebody else."""
    commit(ledger, raised(HAZARD, YELLOW), where=district())
    send(ledger)

    assert [] == ledger.outbox.fail_over(DUE_NS + 3600 * SECOND_NS)


def test_missing_receipt_is_remembered_over_a_restart(tmp_path):
    """The time is kept in the ledger: a program that died does not wait anew."""
    url = f"sqlite:///{tmp_path / 'l.db'}"
    first = open_ledger(url)
    commit(first, raised(HAZARD, ORANGE), where=district())
    send(first)
    first.close()
    again = open_ledger(url)

    assert ([DecisionReason.NO_RECEIPT], []) == (again.outbox.fail_over(DUE_NS), again.outbox.fail_over(DUE_NS))
    again.close()


def test_reminder_that_waits_leaves_only_while_it_is_wanted(ledger):
    """Of two reminders the newer leaves, and none after an acknowledgement."""
    commit(ledger, raised(HAZARD, ORANGE), where=district())
    send(ledger)
    for i in (1, 2):
        remind(ledger, i)
    claims = ledger.outbox.claim(NOW_NS, {"sms": 9}, 10.0, "one")
    assert [3] == [each.sequence for each in deliveries(ledger) if each.state == "sending"]
    ledger.outbox.record_attempt(claims[0], Outcome(Verdict.RETRY, "503"), NOW_NS, NOW_NS)
    ledger.alerts.acknowledge(ledger.alerts.read_open()[0].id, "ann", NOW_NS)

    assert [] == send(ledger)
    assert {2: "withdrawn", 3: "withdrawn"}.items() <= {
        each.sequence: each.state for each in deliveries(ledger) if each.notification.contact == "ann"
    }.items()


def deliveries(ledger: Ledger) -> list:
    """Return every notification of the one alert."""
    return ledger.outbox.read_deliveries(ledger.alerts.read_open()[0].id)


def remind(ledger: Ledger, times: int) -> None:
    """Commit the reminder of a moment `times` half hours later."""
    cursor = ledger.take_over()
    received_ns = scenes.START_NS + times * 1800 * SECOND_NS
    moment = JournalTime(cursor.position + 1, received_ns, received_ns)
    planned = plan_due(ledger.alerts.read_open(), moment, (), district())
    ledger.commit_step(LedgerStep(cursor, cursor.position + 1, scenes.events([]), scenes.alarm_keys(), planned))
