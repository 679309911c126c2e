"""I/O: the waiting notifications that may be sent now, those that are withdrawn, and the channel that takes over.

Input: an open write transaction and the time.
Output: SQL conditions, changed rows, decisions with reasons.
Not responsible for: leases.
Rejects: nothing.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Select, and_, exists, or_, select, update

from alerts.alert import Decision, DecisionReason, DecisionVerdict, notification_id
from alerts.notification import BEGINNINGS, ENDS, NotificationKind
from alerts.store import records, schema
from alerts.store.database import Row, insert_new

CLOCK_TOLERANCE_NS = 60 * 10**9
"""A row with a change further in the future than this was changed before the clock was set back. It is due, or its
lease is void. Assumed: the clocks of dispatchers on several machines differ by less."""

ORDER_GAP_NS = 5 * 10**9
"""The shortest time from a warning to the message about its end. A gateway with several connections may deliver two
messages in either order, as was seen with Kannel. Assumed: after this time the first message has left it."""

WAITING = ("pending", "sending")
"""States in which a dispatcher still has to act."""

_NOT_SENT = ("standby", "grouped")
"""States of notifications that may never be sent: they supersede no other."""

_TABLE = schema.notifications
_OTHER = schema.notifications.alias("other")
_BEGINNINGS = tuple(each.value for each in BEGINNINGS)
_ENDS = tuple(each.value for each in ENDS)


def is_touched_ahead(now_ns: int) -> ColumnElement[bool]:
    """Return whether the time of the last change of a row lies in the future."""
    return _TABLE.c.touched_ns > now_ns + CLOCK_TOLERANCE_NS


def is_due(now_ns: int) -> ColumnElement[bool]:
    """Return whether the time of a pending notification has come, or the lease of a sending one is over."""
    return or_(
        and_(_TABLE.c.state == "pending", or_(_TABLE.c.next_attempt_ns <= now_ns, is_touched_ahead(now_ns))),
        and_(_TABLE.c.state == "sending", or_(_TABLE.c.lease_until_ns <= now_ns, is_touched_ahead(now_ns))),
    )


def is_in_order(now_ns: int) -> ColumnElement[bool]:
    """Return whether no other notification must go first: an end waits for each warning to the same target."""
    # The target may have been informed by another alert of the incident: those warnings come first too.
    just_sent = _OTHER.c.first_sent_ns.between(now_ns - ORDER_GAP_NS + 1, now_ns + CLOCK_TOLERANCE_NS)
    first = or_(_OTHER.c.state.in_(WAITING), and_(_OTHER.c.state == "sent", just_sent))
    return or_(_TABLE.c.kind.not_in(_ENDS), ~or_(*(exists().where(each, first) for each in _before())))


def select_due(channel: str, now_ns: int, limit: int) -> Select[tuple[object, ...]]:
    """Select and lock the notifications to try on `channel` now: highest level first, then the oldest first."""
    order = (_TABLE.c.priority.desc(), _TABLE.c.created_ns, _TABLE.c.sequence, _TABLE.c.id)
    query = select(_TABLE).where(_TABLE.c.channel == channel, is_due(now_ns), is_in_order(now_ns))
    return query.order_by(*order).limit(limit).with_for_update(skip_locked=True)


def withdraw(connection: Connection, now_ns: int) -> list[DecisionReason]:
    """Withdraw notifications that would mislead if they were sent now; returns the reason of each."""
    reasons = []
    for condition, reason in (
        (_is_superseded(), DecisionReason.SUPERSEDED),
        (_is_acknowledged_reminder(), DecisionReason.ACKNOWLEDGED),
        (_is_end_without_beginning(), DecisionReason.NEVER_HANDED_OVER),
    ):
        query = select(_TABLE).where(is_due(now_ns), condition).with_for_update(skip_locked=True)
        for row in connection.execute(query).mappings().all():
            changed = update(_TABLE).where(_TABLE.c.id == row["id"])
            connection.execute(changed.values(state="withdrawn", last_reason=reason.value, touched_ns=now_ns))
            store_decision(connection, row, now_ns, (DecisionVerdict.WITHDRAW, reason, row["channel"]))
            if reason is DecisionReason.NEVER_HANDED_OVER:
                fall_back(connection, row["id"], now_ns)
            reasons.append(reason)
    return reasons


def fall_back(
    connection: Connection, notification: str, now_ns: int, reason: DecisionReason = DecisionReason.UNDELIVERABLE
) -> bool:
    """Give `notification` to its next channel, or to the next contact on standby.

    Returns:
        False when no channel and no contact is left.
    """
    row = connection.execute(select(_TABLE).where(_TABLE.c.id == notification)).mappings().one()
    planned = records.planned_from(row)
    if not planned.fallbacks:
        return _notify_standby(connection, row, now_ns, reason)
    channel, rest = planned.fallbacks[0], planned.fallbacks[1:]
    # A webhook has no contact: the next channel is another target. A contact keeps the same phone.
    is_own_target = row["contact"] == row["channel"]
    contact, address = (channel, channel) if is_own_target else (row["contact"], row["address"])
    kind = NotificationKind(row["kind"])
    # An id that contains its round contains it on every channel.
    is_once = row["id"] == notification_id(row["alert"], kind, row["level"], (row["channel"], row["contact"]))
    sequence = 0 if is_once else row["sequence"]
    identity = notification_id(row["alert"], kind, row["level"], (channel, contact), sequence)
    successor: Row = {
        **records.notification_row(planned),
        "id": identity,
        "channel": channel,
        "contact": contact,
        "address": address,
        "fallbacks": records.fallbacks_text(rest),
    }
    insert_new(connection, _TABLE, [successor])
    store_decision(connection, row, now_ns, (DecisionVerdict.FALL_BACK, reason, f"{row['channel']} -> {channel}"))
    return True


def _notify_standby(connection: Connection, row: RowMapping, now_ns: int, reason: DecisionReason) -> bool:
    """Make the notification of the first contact on standby of the same round pending, if there is one."""
    on_standby = and_(_TABLE.c.alert == row["alert"], _TABLE.c.sequence == row["sequence"], _TABLE.c.state == "standby")
    query = select(_TABLE).where(on_standby).order_by(_TABLE.c.next_attempt_ns, _TABLE.c.id).limit(1).with_for_update()
    following = connection.execute(query).mappings().one_or_none()
    if following is None:
        return False
    changed = update(_TABLE).where(_TABLE.c.id == following["id"])
    connection.execute(changed.values(state="pending", next_attempt_ns=0, touched_ns=now_ns))
    detail = f"{row['channel']} {row['contact']} -> {following['channel']} {following['contact']}"
    store_decision(connection, row, now_ns, (DecisionVerdict.FALL_BACK, reason, detail))
    return True


def _to_same_target(other: FromClause) -> ColumnElement[bool]:
    columns: Sequence[str] = ("alert", "channel", "contact")
    return and_(*(other.c[name] == _TABLE.c[name] for name in columns))


@cache
def _before() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the notifications before an end: earlier rounds of its alert, and warnings of its incident."""
    same_target = and_(_OTHER.c.channel == _TABLE.c.channel, _OTHER.c.contact == _TABLE.c.contact)
    mates = alerts_of_incident(_TABLE.c.alert)
    of_incident = and_(_OTHER.c.alert.in_(mates), _OTHER.c.alert != _TABLE.c.alert, same_target)
    return (
        and_(_to_same_target(_OTHER), _OTHER.c.sequence < _TABLE.c.sequence),
        and_(of_incident, _OTHER.c.kind.not_in(_ENDS)),
    )


def alerts_of_incident(alert: ColumnElement[str]) -> Select[tuple[str]]:
    """Select the ids of all alerts of the incident of `alert`; none of one that has no incident."""
    mine, others = schema.alerts.alias("mine"), schema.alerts.alias("others")
    same = (others.c.incident == mine.c.incident) & (mine.c.incident != "")
    return select(others.c.id).select_from(others.join(mine, same)).where(mine.c.id == alert)


@cache
def _is_superseded() -> ColumnElement[bool]:
    """A warning after which a higher level goes to the same target, or a reminder after which any message does."""
    later = and_(_to_same_target(_OTHER), _OTHER.c.sequence > _TABLE.c.sequence, _OTHER.c.state.not_in(_NOT_SENT))
    higher = and_(later, _OTHER.c.kind == NotificationKind.ESCALATED.value)
    is_reminder = _TABLE.c.kind == NotificationKind.REMINDED.value
    beginning = and_(_TABLE.c.kind.in_(_BEGINNINGS), exists().where(higher))
    return or_(beginning, and_(is_reminder, exists().where(later)))


@cache
def _is_acknowledged_reminder() -> ColumnElement[bool]:
    """A reminder of an alert that is acknowledged."""
    given = schema.acknowledgements
    is_reminder = _TABLE.c.kind == NotificationKind.REMINDED.value
    return and_(is_reminder, exists().where(given.c.alert == _TABLE.c.alert))


@cache
def _is_end_without_beginning() -> ColumnElement[bool]:
    """An end for a target that never got a warning and will get none."""
    begun = or_(_OTHER.c.state.in_(WAITING), _OTHER.c.first_sent_ns.is_not(None))
    return and_(_TABLE.c.kind.in_(_ENDS), ~or_(*(exists().where(each, begun) for each in _before())))


def store_decision(
    connection: Connection, row: RowMapping, now_ns: int, decided: tuple[DecisionVerdict, DecisionReason, str]
) -> None:
    """Store a decision about the notification in `row`; `decided` is verdict, reason and detail."""
    verdict, reason, detail = decided
    decision = Decision(row["alert"], row["id"], 0, now_ns, verdict, reason, detail)
    connection.execute(schema.decisions.insert(), [records.decision_row(decision)])
