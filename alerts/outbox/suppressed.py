"""I/O: messages that are suppressed because their targets know of the incident.

Input: an open transaction, a step, the time.
Output: rows that wait. They become pending if the message that informed the target fails.
Not responsible for: the choice of the suppressed messages, and sending.
Rejects: nothing.
"""

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, update

from alerts.alert import DecisionReason, DecisionVerdict, LedgerStep
from alerts.notification import WARNINGS
from alerts.outbox.claimable import store_decision
from alerts.store import records, schema
from alerts.store.database import insert_new
from config.levels import NO_LEVEL

_TABLE, _SUPPRESSED = schema.notifications, schema.suppressed
_OTHER = schema.notifications.alias("other")
_WARNINGS = [each.value for each in WARNINGS]
_ON_THE_WAY = ["pending", "sending", "delivered"]


def suppress(connection: Connection, step: LedgerStep) -> None:
    """Store the messages that `step` suppresses; delete the suppressed messages of alerts that are closed now."""
    insert_new(connection, _TABLE, records.suppressed_notification_rows(step))
    insert_new(connection, _SUPPRESSED, records.suppressed_rows(step))
    closed = [alert.id for alert in step.plan.alerts if not alert.is_open and alert.incident]
    if closed:
        connection.execute(delete(_SUPPRESSED).where(_SUPPRESSED.c.alert.in_(closed)))


def has_lost_cover(connection: Connection) -> bool:
    """Return whether any suppressed message has lost the message that stands for it."""
    query = select(_SUPPRESSED.c.notification).where(_is_active(), ~_is_covered()).limit(1)
    return connection.execute(query).first() is not None


def release(connection: Connection, now_ns: int) -> int:
    """Make each message pending that no other stands for while its alarm lasts; returns their number."""
    query = select(_TABLE).join(_SUPPRESSED, _SUPPRESSED.c.notification == _TABLE.c.id)
    query = query.where(_is_active(), ~_is_covered())
    rows = connection.execute(query).mappings().all()
    for row in rows:
        changed = update(_TABLE).where(_TABLE.c.id == row["id"])
        connection.execute(changed.values(state="pending", next_attempt_ns=0, touched_ns=now_ns))
        connection.execute(delete(_SUPPRESSED).where(_SUPPRESSED.c.notification == row["id"]))
        detail = f"{row['channel']} {row['contact']}: what was told instead did not arrive"
        store_decision(connection, row, now_ns, (DecisionVerdict.NOTIFY, DecisionReason.UNCOVERED, detail))
    return len(rows)


def _is_active() -> ColumnElement[bool]:
    """Return whether the alarm lasts. A message about one that is over waits for its return."""
    alerts = schema.alerts
    return exists().where(alerts.c.id == _SUPPRESSED.c.alert, alerts.c.level > NO_LEVEL).correlate(_SUPPRESSED)


def _is_covered() -> ColumnElement[bool]:
    """Return whether a warning of the same incident and at least this level reached the same target, or may."""
    decided = schema.decisions
    missed = exists().where(
        decided.c.alert == _OTHER.c.alert,
        decided.c.subject == _OTHER.c.id,
        decided.c.reason == DecisionReason.NO_RECEIPT.value,
    )
    alerts = schema.alerts
    together = select(alerts.c.id).where(alerts.c.incident == _SUPPRESSED.c.incident).correlate(_SUPPRESSED)
    same = exists().where(
        _OTHER.c.alert.in_(together),
        _OTHER.c.channel == _SUPPRESSED.c.channel,
        _OTHER.c.contact == _SUPPRESSED.c.contact,
        _OTHER.c.level >= _SUPPRESSED.c.level,
        _OTHER.c.kind.in_(_WARNINGS),
        or_(_OTHER.c.state.in_(_ON_THE_WAY), and_(_OTHER.c.state == "sent", ~missed)),
    )
    return same.correlate(_SUPPRESSED)
