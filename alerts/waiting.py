"""I/O: which waiting notifications may go now, which leave the outbox unsent, and which channel takes over.

Comes in: an open write transaction. Goes out: conditions, changed rows, decisions with reasons. Refuses to lease.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Select, and_, exists, or_, select, update

from alerts import records, schema
from alerts.alert import Decision, DecisionReason, DecisionVerdict, notification_id
from alerts.notification import NotificationKind
from alerts.statements import Row, insert_new

CLOCK_TOLERANCE_NS = 60 * 10**9
"""A row touched further in the future than this was touched before the clock was set back: it is due, or its lease is
void. Assumed: dispatchers on several machines keep their clocks closer than this."""

ORDER_GAP_NS = 5 * 10**9
"""An end follows its beginning by at least this: a gateway with several connections, as was seen with Kannel, may
deliver two messages that it took at once in either order. Assumed: long enough for the first to leave it."""

WAITING = ("pending", "sending")
"""States that a dispatcher still has to act on."""

_NOT_SENT = ("standby", "grouped")
"""States of what may never leave: it takes the place of nothing."""

_TABLE = schema.notifications
_OTHER = schema.notifications.alias("other")
_BEGINNINGS = (NotificationKind.RAISED.value, NotificationKind.ESCALATED.value)
_ENDS = (NotificationKind.CLEARED.value, NotificationKind.DEVICE_RECOVERED.value)


def touched_ahead(now_ns: int) -> ColumnElement[bool]:
    """Return whether a row was touched in what is now the future."""
    return _TABLE.c.touched_ns > now_ns + CLOCK_TOLERANCE_NS


def is_due(now_ns: int) -> ColumnElement[bool]:
    """Return whether a notification may be tried by its own state: its time has come, or its lease is over."""
    return or_(
        and_(_TABLE.c.state == "pending", or_(_TABLE.c.next_attempt_ns <= now_ns, touched_ahead(now_ns))),
        and_(_TABLE.c.state == "sending", or_(_TABLE.c.lease_until_ns <= now_ns, touched_ahead(now_ns))),
    )


def is_its_turn(now_ns: int) -> ColumnElement[bool]:
    """Return whether nothing of the same alert must go first: an end waits for every beginning to the same target."""
    # Of an incident all beginnings to the same target come first: they may have heard of it under another alert.
    just_sent = _OTHER.c.first_sent_ns.between(now_ns - ORDER_GAP_NS + 1, now_ns + CLOCK_TOLERANCE_NS)
    first = or_(_OTHER.c.state.in_(WAITING), and_(_OTHER.c.state == "sent", just_sent))
    return or_(_TABLE.c.kind.not_in(_ENDS), ~or_(*(exists().where(each, first) for each in _before())))


def due_query(channel: str, now_ns: int, limit: int) -> Select[tuple[object, ...]]:
    """Select what may be tried on `channel` now, locked, the highest level first and the oldest of a level first."""
    order = (_TABLE.c.priority.desc(), _TABLE.c.created_ns, _TABLE.c.sequence, _TABLE.c.id)
    query = select(_TABLE).where(_TABLE.c.channel == channel, is_due(now_ns), is_its_turn(now_ns))
    return query.order_by(*order).limit(limit).with_for_update(skip_locked=True)


def withdraw(connection: Connection, now_ns: int) -> list[DecisionReason]:
    """Take out of the outbox what would mislead if it left now; returns the reason of each."""
    reasons = []
    for condition, reason in (
        (_superseded(), DecisionReason.SUPERSEDED),
        (_answered(), DecisionReason.ACKNOWLEDGED),
        (_unannounced(), DecisionReason.NEVER_HANDED_OVER),
    ):
        query = select(_TABLE).where(is_due(now_ns), condition).with_for_update(skip_locked=True)
        for row in connection.execute(query).mappings().all():
            changed = update(_TABLE).where(_TABLE.c.id == row["id"])
            connection.execute(changed.values(state="withdrawn", last_reason=reason.value, touched_ns=now_ns))
            decide(connection, row, now_ns, (DecisionVerdict.WITHDRAW, reason, row["channel"]))
            if reason is DecisionReason.NEVER_HANDED_OVER:
                fall_back(connection, row["id"], now_ns)
            reasons.append(reason)
    return reasons


def fall_back(
    connection: Connection, notification: str, now_ns: int, reason: DecisionReason = DecisionReason.UNDELIVERABLE
) -> bool:
    """Let the next in line take over `notification`: its next channel, or the next contact on standby.

    Returns:
        False when nobody is left.
    """
    row = connection.execute(select(_TABLE).where(_TABLE.c.id == notification)).mappings().one()
    planned = records.planned_of(row)
    if not planned.fallbacks:
        return _tell_next(connection, row, now_ns, reason)
    channel, rest = planned.fallbacks[0], planned.fallbacks[1:]
    # A channel that is its own target hands over to another target, a phone stays the same phone.
    is_own_target = row["contact"] == row["channel"]
    contact, address = (channel, channel) if is_own_target else (row["contact"], row["address"])
    kind = NotificationKind(row["kind"])
    # What names its round does so on every channel.
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
    decide(connection, row, now_ns, (DecisionVerdict.FALL_BACK, reason, f"{row['channel']} -> {channel}"))
    return True


def _tell_next(connection: Connection, row: RowMapping, now_ns: int, reason: DecisionReason) -> bool:
    """Tell the first contact on standby of the same round, if there is one."""
    line = and_(_TABLE.c.alert == row["alert"], _TABLE.c.sequence == row["sequence"], _TABLE.c.state == "standby")
    query = select(_TABLE).where(line).order_by(_TABLE.c.next_attempt_ns, _TABLE.c.id).limit(1).with_for_update()
    following = connection.execute(query).mappings().one_or_none()
    if following is None:
        return False
    changed = update(_TABLE).where(_TABLE.c.id == following["id"])
    connection.execute(changed.values(state="pending", next_attempt_ns=0, touched_ns=now_ns))
    detail = f"{row['channel']} {row['contact']} -> {following['channel']} {following['contact']}"
    decide(connection, row, now_ns, (DecisionVerdict.FALL_BACK, reason, detail))
    return True


def _to_same_target(other: FromClause) -> ColumnElement[bool]:
    columns: Sequence[str] = ("alert", "channel", "contact")
    return and_(*(other.c[name] == _TABLE.c[name] for name in columns))


@cache
def _before() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what an end to a target comes after: the rounds before of its alert, the warnings of its incident."""
    same_target = and_(_OTHER.c.channel == _TABLE.c.channel, _OTHER.c.contact == _TABLE.c.contact)
    mates = alerts_of_incident(_TABLE.c.alert)
    of_incident = and_(_OTHER.c.alert.in_(mates), _OTHER.c.alert != _TABLE.c.alert, same_target)
    return (
        and_(_to_same_target(_OTHER), _OTHER.c.sequence < _TABLE.c.sequence),
        and_(of_incident, _OTHER.c.kind.not_in(_ENDS)),
    )


def alerts_of_incident(alert: ColumnElement[str]) -> Select[tuple[str]]:
    """Select the ids of all alerts of the incident of `alert`; none of one that has no incident."""
    mine, others = schema.incidents.alias("mine"), schema.incidents.alias("others")
    same = others.c.incident == mine.c.incident
    return select(others.c.alert).select_from(others.join(mine, same)).where(mine.c.alert == alert)


@cache
def _superseded() -> ColumnElement[bool]:
    """A warning behind which a higher level goes to the same target, a reminder behind which anything does."""
    later = and_(_to_same_target(_OTHER), _OTHER.c.sequence > _TABLE.c.sequence, _OTHER.c.state.not_in(_NOT_SENT))
    higher = and_(later, _OTHER.c.kind == NotificationKind.ESCALATED.value)
    is_reminder = _TABLE.c.kind == NotificationKind.REMINDED.value
    beginning = and_(_TABLE.c.kind.in_(_BEGINNINGS), exists().where(higher))
    return or_(beginning, and_(is_reminder, exists().where(later)))


@cache
def _answered() -> ColumnElement[bool]:
    """A reminder of what somebody has acknowledged."""
    given = schema.acknowledgements
    is_reminder = _TABLE.c.kind == NotificationKind.REMINDED.value
    return and_(is_reminder, exists().where(given.c.alert == _TABLE.c.alert))


@cache
def _unannounced() -> ColumnElement[bool]:
    """An end of which nothing was ever handed over to that target, and nothing will be."""
    begun = or_(_OTHER.c.state.in_(WAITING), _OTHER.c.first_sent_ns.is_not(None))
    return and_(_TABLE.c.kind.in_(_ENDS), ~or_(*(exists().where(each, begun) for each in _before())))


def decide(
    connection: Connection, row: RowMapping, now_ns: int, decided: tuple[DecisionVerdict, DecisionReason, str]
) -> None:
    """Store what was `decided` about the notification in `row`: verdict, reason and detail."""
    verdict, reason, detail = decided
    decision = Decision(row["alert"], row["id"], 0, now_ns, verdict, reason, detail)
    connection.execute(schema.decisions.insert(), [records.decision_row(decision)])
