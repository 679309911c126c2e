"""I/O: messages that were left out because their targets know of the incident, until what they know it by fails.

Comes in: an open transaction, a plan, the time. Goes out: rows that wait, or that go after all. Refuses to decide who
is left out, and to send.
"""

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, update

from alerts.alert import DecisionReason, DecisionVerdict, Plan, Planned
from alerts.notification import WARNINGS
from alerts.outbox.claimable import decide
from alerts.store import records, schema
from alerts.store.upsert import Row, insert_new
from config.levels import NO_LEVEL

_TABLE, _WITHHELD = schema.notifications, schema.suppressed
_OTHER = schema.notifications.alias("other")
_WARNINGS = [each.value for each in WARNINGS]
_ON_THE_WAY = ["pending", "sending", "delivered"]


def withhold(connection: Connection, plan: Plan) -> None:
    """Store what `plan` leaves out; forget what was left out of alerts now over."""
    insert_new(connection, _TABLE, [records.notification_row(planned) for planned in plan.withheld])
    insert_new(connection, _WITHHELD, [_withheld_row(planned) for planned in plan.withheld])
    closed = [alert.id for alert in plan.alerts if not alert.is_open and alert.incident]
    if closed:
        connection.execute(delete(_WITHHELD).where(_WITHHELD.c.alert.in_(closed)))


def is_uncovered(connection: Connection) -> bool:
    """Return whether anything left out has lost what stood for it."""
    query = select(_WITHHELD.c.notification).where(_stands(), ~_covered()).limit(1)
    return connection.execute(query).first() is not None


def release(connection: Connection, now_ns: int) -> int:
    """Let every message go that nothing stands for any more while its alarm lasts; returns how many."""
    query = select(_TABLE).join(_WITHHELD, _WITHHELD.c.notification == _TABLE.c.id)
    query = query.where(_stands(), ~_covered())
    rows = connection.execute(query).mappings().all()
    for row in rows:
        changed = update(_TABLE).where(_TABLE.c.id == row["id"])
        connection.execute(changed.values(state="pending", next_attempt_ns=0, touched_ns=now_ns))
        connection.execute(delete(_WITHHELD).where(_WITHHELD.c.notification == row["id"]))
        detail = f"{row['channel']} {row['contact']}: what was told instead did not arrive"
        decide(connection, row, now_ns, (DecisionVerdict.NOTIFY, DecisionReason.UNCOVERED, detail))
    return len(rows)


def _stands() -> ColumnElement[bool]:
    """Return whether the alarm lasts: of one that is over nobody is told late, and it waits for its return."""
    alerts = schema.alerts
    return exists().where(alerts.c.id == _WITHHELD.c.alert, alerts.c.level > NO_LEVEL).correlate(_WITHHELD)


def _covered() -> ColumnElement[bool]:
    """Return whether a warning of the same incident, as high, reached the same target, or still may."""
    decided = schema.decisions
    missed = exists().where(
        decided.c.alert == _OTHER.c.alert,
        decided.c.subject == _OTHER.c.id,
        decided.c.reason == DecisionReason.NO_RECEIPT.value,
    )
    alerts = schema.alerts
    together = select(alerts.c.id).where(alerts.c.incident == _WITHHELD.c.incident).correlate(_WITHHELD)
    same = exists().where(
        _OTHER.c.alert.in_(together),
        _OTHER.c.channel == _WITHHELD.c.channel,
        _OTHER.c.contact == _WITHHELD.c.contact,
        _OTHER.c.level >= _WITHHELD.c.level,
        _OTHER.c.kind.in_(_WARNINGS),
        or_(_OTHER.c.state.in_(_ON_THE_WAY), and_(_OTHER.c.state == "sent", ~missed)),
    )
    return same.correlate(_WITHHELD)


def _withheld_row(planned: Planned) -> Row:
    """Return the row of `withheld` of a message that is left out."""
    told = planned.notification
    return {
        "notification": told.id,
        "alert": told.alert,
        "incident": planned.incident,
        "channel": told.channel,
        "contact": told.contact,
        "level": told.level,
    }
