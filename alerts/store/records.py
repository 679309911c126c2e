"""I/O: ledger rows as values and back, and the queries that pages and tests read the ledger with.

Comes in: values of `alerts.alert`, an open connection. Goes out: rows, and the same values again. Refuses to write.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import cast

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Planned, Recipient, Step
from alerts.notification import Notification, NotificationKind
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.pending_ends import extent_of, with_endings
from alerts.store.upsert import Row
from rules.events import Dimension, Extent, Reason, Transition, extent_text


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One transition as the ledger keeps it."""

    position: int
    ordinal: int
    """Place among the transitions of the same position, from 0."""
    alarm: str
    alert: str
    time_ns: int
    episode_ns: int
    transition: Transition
    level_before: int
    level_after: int
    value: float
    """NaN where silence caused it."""
    reason: Reason
    extent: Extent | None = None

    @property
    def line(self) -> str:
        """Return the canonical JSON line, byte for byte as `AlarmEvents.lines` gives it."""
        value = "null" if math.isnan(self.value) else repr(self.value)
        return (
            f'{{"alarm":"{self.alarm}","time_ns":{self.time_ns},"episode_ns":{self.episode_ns},'
            f'"transition":"{self.transition.name.lower()}",'
            f'"level_before":{self.level_before},"level_after":{self.level_after},'
            f'"value":{value},"reason":"{self.reason.name.lower()}","position":{self.position}{extent_text(self.extent)}}}'
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification and what has become of it so far."""

    notification: Notification
    state: str
    """pending, standby, grouped, sending, sent, delivered, refused, failed or withdrawn."""
    sequence: int
    attempts: int
    first_attempt_ns: int | None
    """When it was first tried."""
    first_sent_ns: int | None
    """When the other side first took it over."""
    next_attempt_ns: int
    last_reason: str
    provider_ref: str
    receipts: tuple[tuple[int, int], ...]
    """(code, received_ns) of each receipt, in order of arrival."""
    acknowledged_ns: int | None
    """When this contact acknowledged the alert."""


def event_rows(step: Step) -> list[Row]:
    """Return the rows of `alarm_events`; the ordinal counts within one journal position."""
    events, rows, ordinal, last = step.events, [], 0, None
    for i in range(len(events)):
        position = int(events.position[i])
        ordinal = ordinal + 1 if position == last else 0
        last = position
        value = float(events.value[i])
        row: Row = {
            "position": position,
            "ordinal": ordinal,
            "alarm": step.alarms[int(events.alarm[i])].id,
            "alert": step.plan.alert_of[i],
            "time_ns": int(events.time_ns[i]),
            "episode_ns": int(events.episode_ns[i]),
            "transition": int(events.transition[i]),
            "level_before": int(events.level_before[i]),
            "level_after": int(events.level_after[i]),
            "value": None if math.isnan(value) else value,
            "reason": int(events.reason[i]),
        }
        rows.append(row)
    return rows


def extent_rows(step: Step, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of `extents` of the transitions that have one, whose rows are `rows`."""
    extents = [(row, step.events.extent(i, step.alarms)) for i, row in enumerate(rows)]
    return [
        {
            "position": row["position"],
            "ordinal": row["ordinal"],
            "low": extent.low,
            "high": extent.high,
            "towards": extent.towards,
        }
        for row, extent in extents
        if extent is not None
    ]


def alarm_rows(step: Step, rows: list[Row]) -> list[Row]:
    """Return the rows of `alarms` after the transitions in `rows`: the last one of each alarm counts."""
    keys = {key.id: key for key in (step.alarms[int(number)] for number in step.events.alarm)}
    latest: dict[str, Row] = {}
    for row in rows:
        key = keys[str(row["alarm"])]
        latest[key.id] = {
            "id": key.id,
            "rule": key.rule,
            "dimension": key.dimension.value,
            "level": row["level_after"],
            "alert": row["alert"],
            "episode_ns": row["episode_ns"],
            "changed_ns": row["time_ns"],
            "value": row["value"],
            "reason": row["reason"],
            "position": row["position"],
        }
    return list(latest.values())


def alert_row(alert: Alert) -> Row:
    """Return the row of `alerts`; acknowledgements have a table of their own."""
    return {
        "id": alert.id,
        "dimension": alert.dimension.value,
        "subject": alert.subject,
        "rule": alert.rule,
        "asset": alert.asset,
        "device": alert.device,
        "level": alert.level,
        "peak": alert.peak,
        "is_open": int(alert.is_open),
        "opened_ns": alert.opened_ns,
        "changed_ns": alert.changed_ns,
        "alarms": json.dumps(alert.alarms),
        "told": json.dumps([_told(each) for each in alert.recipients]),
        "sequence": alert.sequence,
    }


def follow_up_row(alert: Alert) -> Row:
    """Return the row of `follow_ups`."""
    return {
        "alert": alert.id,
        "value": alert.value,
        "turned_ns": alert.level_changed_at_receipt_ns,
        "told_ns": alert.notified_ns,
        "calm_ns": alert.end_held_until_ns,
        "is_latched": int(alert.is_latched),
    }


def notification_row(planned: Planned) -> Row:
    """Return the row of a notification that waits to be handed over at once, or on standby until somebody needs it."""
    notification = planned.notification
    state = "grouped" if planned.incident else "pending" if planned.standby is None else "standby"
    row: Row = {each.name: getattr(notification, each.name) for each in fields(notification)}
    return row | {
        "kind": notification.kind.value,
        "priority": planned.priority,
        "sequence": planned.sequence,
        "fallbacks": fallbacks_text(planned.fallbacks),
        "state": state,
        # On standby its place in the line; a notification of now is due since ever.
        "next_attempt_ns": planned.standby or 0,
    }


def fallbacks_text(channels: tuple[str, ...]) -> str:
    """Return channels as the outbox stores them."""
    return json.dumps(channels)


def decision_row(decision: Decision) -> Row:
    """Return the row of `decisions`."""
    row: Row = {each.name: getattr(decision, each.name) for each in fields(decision)}
    return row | {"verdict": decision.verdict.value, "reason": decision.reason.value}


def notification_of(row: RowMapping) -> Notification:
    """Return the notification in a row of `notifications`."""
    values = {each.name: row[each.name] for each in fields(Notification)}
    return Notification(**values | {"kind": NotificationKind(row["kind"])})


def planned_of(row: RowMapping) -> Planned:
    """Return the notification in a row with its place in the outbox."""
    return Planned(notification_of(row), row["priority"], row["sequence"], tuple(json.loads(row["fallbacks"])))


def _alerts_query() -> Select[tuple[object, ...]]:
    """Select alerts, each with its first acknowledgement."""
    given = schema.acknowledgements
    place = func.row_number().over(partition_by=given.c.alert, order_by=(given.c.acknowledged_ns, given.c.contact))
    first = select(given.c.alert, given.c.contact, given.c.acknowledged_ns, place.label("place")).subquery()
    joined = schema.alerts.outerjoin(first, (first.c.alert == schema.alerts.c.id) & (first.c.place == 1))
    more = schema.follow_ups
    joined = joined.outerjoin(more, more.c.alert == schema.alerts.c.id)
    shared = schema.incidents
    joined = joined.outerjoin(shared, shared.c.alert == schema.alerts.c.id)
    waits = [column for column in (*more.c, *shared.c) if column.name != "alert"]
    return select(schema.alerts, *waits, first.c.contact, first.c.acknowledged_ns).select_from(joined)


def read_alerts(connection: Connection, condition: ColumnElement[bool]) -> tuple[Alert, ...]:
    """Return the alerts that meet `condition`, in the order of their beginning."""
    order = (schema.alerts.c.opened_ns, schema.alerts.c.id)
    rows = connection.execute(_alerts_query().where(condition).order_by(*order)).mappings()
    return with_endings(connection, tuple(_alert(row) for row in rows))


def recent_alerts(database: Database, limit: int, asset: str | None = None) -> tuple[Alert, ...]:
    """Return the newest alerts first, open or over, of one asset or of all."""
    query = _alerts_query().order_by(schema.alerts.c.opened_ns.desc(), schema.alerts.c.id).limit(limit)
    if asset is not None:
        query = query.where(schema.alerts.c.asset == asset)
    with database.read() as connection:
        return tuple(_alert(row) for row in connection.execute(query).mappings())


def incident_alerts(database: Database, alert: Alert) -> tuple[Alert, ...]:
    """Return the other alerts of the incident of `alert`, open or over, in the order of their beginning."""
    shared = schema.incidents
    together = select(shared.c.alert).where(shared.c.incident == alert.incident, shared.c.alert != alert.id)
    if not alert.incident:
        return ()
    with database.read() as connection:
        return read_alerts(connection, schema.alerts.c.id.in_(together))


def acknowledged_alerts(database: Database) -> frozenset[str]:
    """Return the ids of alerts that somebody has acknowledged, of those that are open or whose incident is."""
    given, shared = schema.acknowledgements.c.alert, schema.incidents
    open_ones = select(schema.alerts.c.id).where(schema.alerts.c.is_open == 1)
    lasting = select(shared.c.incident).where(shared.c.alert.in_(open_ones))
    of_them = select(shared.c.alert).where(shared.c.incident.in_(lasting))
    query = select(given).where(or_(given.in_(open_ones), given.in_(of_them))).distinct()
    with database.read() as connection:
        return frozenset(connection.execute(query).scalars())


def _alert(row: RowMapping) -> Alert:
    return Alert(
        id=row["id"],
        dimension=Dimension(row["dimension"]),
        subject=row["subject"],
        rule=row["rule"],
        asset=row["asset"],
        device=row["device"],
        level=row["level"],
        peak=row["peak"],
        is_open=bool(row["is_open"]),
        opened_ns=row["opened_ns"],
        changed_ns=row["changed_ns"],
        alarms=tuple(json.loads(row["alarms"])),
        recipients=tuple(_recipient(each, row["peak"]) for each in json.loads(row["told"])),
        sequence=row["sequence"],
        acknowledged_ns=row["acknowledged_ns"],
        acknowledged_by=row["contact"] or "",
        value=row["value"],
        level_changed_at_receipt_ns=row["turned_ns"] or 0,
        notified_ns=row["told_ns"] or 0,
        end_held_until_ns=row["calm_ns"] or 0,
        is_latched=bool(row["is_latched"]),
        hazard=row["hazard"] or "",
        incident=row["incident"] or "",
        ended=row["ended"] or 0,
        ended_peak=row["ended_peak"] or 0,
    )


def _told(each: Recipient) -> list[object]:
    known = [each.level, each.informed_by_alert, each.is_ungrouped]
    return [each.channel, each.contact, each.address, each.language, each.fallbacks, each.is_standby, *known]


_SINCE: tuple[object, ...] = (False, None, "", False)
"""What rows lack that were written before there were standbys, and before there were incidents."""


def _recipient(row: Sequence[object], peak: int) -> Recipient:
    channel, contact, address, language, fallbacks = row[:5]
    rest: list[object] = [*row[5:], *_SINCE[len(row) - 5 :]]
    is_standby, level, under, is_ungrouped = rest
    return Recipient(
        str(channel),
        str(contact),
        str(address),
        str(language),
        tuple(cast("list[str]", fallbacks)),
        bool(is_standby),
        peak if level is None else cast("int", level),
        str(under),
        bool(is_ungrouped),
    )


def read_events(
    connection: Connection, *, alert: str | None, alarm: str | None, after: int, limit: int | None
) -> list[StoredEvent]:
    """Return transitions behind position `after`, in order."""
    table, extents = schema.alarm_events, schema.extents
    same = (extents.c.position == table.c.position) & (extents.c.ordinal == table.c.ordinal)
    query = select(table, extents.c.low, extents.c.high, extents.c.towards).join_from(
        table, extents, same, isouter=True
    )
    query = query.where(table.c.position > after).order_by(table.c.position, table.c.ordinal).limit(limit)
    if alert is not None:
        query = query.where(table.c.alert == alert)
    if alarm is not None:
        query = query.where(table.c.alarm == alarm)
    return [_event(row) for row in connection.execute(query).mappings()]


def _event(row: RowMapping) -> StoredEvent:
    rest = {name: value for name, value in row.items() if name not in {"low", "high", "towards"}}
    changed = {
        "extent": extent_of(row),
        "transition": Transition(row["transition"]),
        "value": math.nan if row["value"] is None else row["value"],
        "reason": Reason(row["reason"]),
    }
    return StoredEvent(**{**rest, **changed})


def read_deliveries(connection: Connection, condition: ColumnElement[bool]) -> list[Delivery]:
    """Return the notifications that meet `condition`, in the order in which they were decided."""
    table, given = schema.notifications, schema.acknowledgements
    joined = table.outerjoin(given, (given.c.alert == table.c.alert) & (given.c.contact == table.c.contact))
    order = (table.c.alert, table.c.sequence, table.c.channel, table.c.contact)
    query = select(table, given.c.acknowledged_ns).select_from(joined).where(condition).order_by(*order)
    rows = list(connection.execute(query).mappings())
    receipts = _receipts(connection, condition)
    return [_delivery(row, receipts.get(row["id"], ())) for row in rows]


def _receipts(connection: Connection, condition: ColumnElement[bool]) -> Mapping[str, tuple[tuple[int, int], ...]]:
    table = schema.receipts
    joined = table.join(schema.notifications, table.c.notification == schema.notifications.c.id)
    query = select(table).select_from(joined).where(condition).order_by(table.c.received_ns, table.c.code)
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for row in connection.execute(query):
        found[row.notification] = (*found.get(row.notification, ()), (row.code, row.received_ns))
    return found


def _delivery(row: RowMapping, receipts: tuple[tuple[int, int], ...]) -> Delivery:
    names = {each.name for each in fields(Delivery)} - {"notification", "receipts"}
    return Delivery(notification=notification_of(row), receipts=receipts, **{name: row[name] for name in names})


def read_decisions(connection: Connection, alert: str) -> list[Decision]:
    """Return the decisions about `alert`, in the order in which they were taken."""
    table = schema.decisions
    rows = connection.execute(select(table).where(table.c.alert == alert).order_by(table.c.id)).mappings()
    names = [each.name for each in fields(Decision)]
    return [
        Decision(
            **{name: row[name] for name in names}
            | {"verdict": DecisionVerdict(row["verdict"]), "reason": DecisionReason(row["reason"])}
        )
        for row in rows
    ]
