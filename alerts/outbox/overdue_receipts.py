"""I/O: urgent messages with an overdue receipt: the next channel or contact takes over.

Input: an open write transaction and the time.
Output: a notification for the next channel or contact, and decisions with reasons.
Not responsible for: sending.
Rejects: nothing.
"""

from sqlalchemy import Connection, RowMapping, and_, delete, exists, literal, or_, select

from alerts.alert import DecisionReason, DecisionVerdict
from alerts.notification import NotificationKind
from alerts.outbox.claimable import alerts_of_incident, fall_back, store_decision
from alerts.store import schema
from alerts.store.database import upsert

_TABLE, _EXPECTED = schema.notifications, schema.expected_receipts


def expect_receipt(connection: Connection, notification: str, due_ns: int) -> None:
    """Store that the receipt of `notification` is overdue from `due_ns` on."""
    upsert(connection, _EXPECTED, [{"notification": notification, "due_ns": due_ns}])


def fail_over(connection: Connection, now_ns: int) -> list[DecisionReason]:
    """Give each message with an overdue receipt to the next channel or contact; returns the decision of each."""
    joined = _TABLE.join(_EXPECTED, _EXPECTED.c.notification == _TABLE.c.id)
    overdue = select(_TABLE).select_from(joined).where(_EXPECTED.c.due_ns <= now_ns).order_by(_EXPECTED.c.due_ns)
    rows = connection.execute(overdue).mappings().all()
    connection.execute(delete(_EXPECTED).where(_EXPECTED.c.due_ns <= now_ns))
    return [_fail_over(connection, row, now_ns) for row in rows if row["state"] == "sent"]


def _fail_over(connection: Connection, row: RowMapping, now_ns: int) -> DecisionReason:
    reason = _reason_to_skip(connection, row)
    if reason is None and fall_back(connection, row["id"], now_ns, DecisionReason.NO_RECEIPT):
        return DecisionReason.NO_RECEIPT
    decided = reason or DecisionReason.NO_RECEIPT
    why = "not needed any more" if reason else "nobody is left"
    detail = f"{row['channel']} {row['contact']}: no receipt, {why}"
    store_decision(connection, row, now_ns, (DecisionVerdict.SKIP, decided, detail))
    return decided


def _reason_to_skip(connection: Connection, row: RowMapping) -> DecisionReason | None:
    """Return why no other contact needs the message; None when one does."""
    given = schema.acknowledgements
    if connection.execute(select(exists().where(given.c.alert == row["alert"]))).scalar():
        return DecisionReason.ACKNOWLEDGED
    together = alerts_of_incident(literal(row["alert"]))
    later = (_TABLE.c.alert == row["alert"]) & (_TABLE.c.sequence > row["sequence"])
    is_over = exists().where(_TABLE.c.kind == NotificationKind.CLEARED.value, or_(later, _TABLE.c.alert.in_(together)))
    # An alert may be over while its incident lasts: the danger that this message announces lasts.
    lasts = exists().where(schema.alerts.c.id.in_(together), schema.alerts.c.is_open == 1)
    return DecisionReason.ENDED if connection.execute(select(and_(is_over, ~lasts))).scalar() else None


def forget(connection: Connection, notification: str) -> None:
    """Expect the receipt of `notification` no longer."""
    connection.execute(delete(_EXPECTED).where(_EXPECTED.c.notification == notification))


def is_overdue(connection: Connection, now_ns: int) -> bool:
    """Return whether any receipt is overdue."""
    return bool(connection.execute(select(exists().where(_EXPECTED.c.due_ns <= now_ns))).scalar())
