"""I/O: urgent messages that a gateway took and no phone confirmed in time: who takes over, and why nobody does.

Comes in: an open write transaction, the time. Goes out: the next channel or contact in the outbox, decisions with
reasons. Refuses to send.
"""

from sqlalchemy import Connection, RowMapping, and_, delete, exists, literal, or_, select

from alerts.alert import DecisionReason, DecisionVerdict
from alerts.notification import NotificationKind
from alerts.outbox.claimable import alerts_of_incident, decide, fall_back
from alerts.store import schema
from alerts.store.upsert import upsert

_TABLE, _AWAITED = schema.notifications, schema.expected_receipts


def await_receipt(connection: Connection, notification: str, due_ns: int) -> None:
    """Remember that the receipt of `notification` is missing from `due_ns` on."""
    upsert(connection, _AWAITED, [{"notification": notification, "due_ns": due_ns}])


def hand_on_overdue(connection: Connection, now_ns: int) -> list[DecisionReason]:
    """Let the next in line take over each message whose receipt is missing; returns what was decided about each."""
    joined = _TABLE.join(_AWAITED, _AWAITED.c.notification == _TABLE.c.id)
    overdue = select(_TABLE).select_from(joined).where(_AWAITED.c.due_ns <= now_ns).order_by(_AWAITED.c.due_ns)
    rows = connection.execute(overdue).mappings().all()
    connection.execute(delete(_AWAITED).where(_AWAITED.c.due_ns <= now_ns))
    return [_hand_on(connection, row, now_ns) for row in rows if row["state"] == "sent"]


def _hand_on(connection: Connection, row: RowMapping, now_ns: int) -> DecisionReason:
    reason = _needless(connection, row)
    if reason is None and fall_back(connection, row["id"], now_ns, DecisionReason.NO_RECEIPT):
        return DecisionReason.NO_RECEIPT
    decided = reason or DecisionReason.NO_RECEIPT
    why = "not needed any more" if reason else "nobody is left"
    detail = f"{row['channel']} {row['contact']}: no receipt, {why}"
    decide(connection, row, now_ns, (DecisionVerdict.SKIP, decided, detail))
    return decided


def _needless(connection: Connection, row: RowMapping) -> DecisionReason | None:
    """Return why nobody else needs to be told."""
    given = schema.acknowledgements
    if connection.execute(select(exists().where(given.c.alert == row["alert"]))).scalar():
        return DecisionReason.ACKNOWLEDGED
    together = alerts_of_incident(literal(row["alert"]))
    later = (_TABLE.c.alert == row["alert"]) & (_TABLE.c.sequence > row["sequence"])
    is_over = exists().where(_TABLE.c.kind == NotificationKind.CLEARED.value, or_(later, _TABLE.c.alert.in_(together)))
    # An alert may be over, and its incident not: what this message stands for lasts.
    lasts = exists().where(schema.alerts.c.id.in_(together), schema.alerts.c.is_open == 1)
    return DecisionReason.ENDED if connection.execute(select(and_(is_over, ~lasts))).scalar() else None


def forget(connection: Connection, notification: str) -> None:
    """Wait no longer for the receipt of `notification`."""
    connection.execute(delete(_AWAITED).where(_AWAITED.c.notification == notification))


def is_overdue(connection: Connection, now_ns: int) -> bool:
    """Return whether a receipt is missing."""
    return bool(connection.execute(select(exists().where(_AWAITED.c.due_ns <= now_ns))).scalar())
