"""I/O: ledger rows as values and back, and the queries that pages and tests read the ledger with.

Comes in: values of `alerts.alert`, an open connection. Goes out: rows, and the same values again. Refuses to write.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Ending, Planned, Recipient, Step
from alerts.notification import Notification, NotificationKind
from alerts.store import schema
from alerts.store.database import Database
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
        rows.append(row | _extent_row("extent", events.extent(i, step.alarms)))
    return rows


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
    ending = alert.ending
    row: Row = {name: getattr(alert, name) for name in _PLAIN}
    return row | {
        "dimension": alert.dimension.value,
        "is_open": int(alert.is_open),
        "is_latched": int(alert.is_latched),
        "alarms": json.dumps(alert.alarms),
        "recipients": json.dumps([asdict(each) for each in alert.recipients]),
        "end_reason": int(ending.reason) if ending else None,
        **_extent_row("end", ending.extent if ending else None),
    }


def _extent_row(prefix: str, extent: Extent | None) -> Row:
    low, high, towards = (extent.low, extent.high, extent.towards) if extent else (None, None, None)
    return {f"{prefix}_low": low, f"{prefix}_high": high, f"{prefix}_towards": towards}


def _extent_of(row: RowMapping, prefix: str) -> Extent | None:
    low = row[f"{prefix}_low"]
    return None if low is None else Extent(low, row[f"{prefix}_high"], row[f"{prefix}_towards"])


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
    return select(schema.alerts, first.c.contact, first.c.acknowledged_ns).select_from(joined)


def read_alerts(connection: Connection, condition: ColumnElement[bool]) -> tuple[Alert, ...]:
    """Return the alerts that meet `condition`, in the order of their beginning."""
    order = (schema.alerts.c.opened_ns, schema.alerts.c.id)
    rows = connection.execute(_alerts_query().where(condition).order_by(*order)).mappings()
    return tuple(_alert(row) for row in rows)


def recent_alerts(database: Database, limit: int, asset: str | None = None) -> tuple[Alert, ...]:
    """Return the newest alerts first, open or over, of one asset or of all."""
    query = _alerts_query().order_by(schema.alerts.c.opened_ns.desc(), schema.alerts.c.id).limit(limit)
    if asset is not None:
        query = query.where(schema.alerts.c.asset == asset)
    with database.read() as connection:
        return tuple(_alert(row) for row in connection.execute(query).mappings())


def incident_alerts(database: Database, alert: Alert) -> tuple[Alert, ...]:
    """Return the other alerts of the incident of `alert`, open or over, in the order of their beginning."""
    table = schema.alerts
    if not alert.incident:
        return ()
    with database.read() as connection:
        return read_alerts(connection, and_(table.c.incident == alert.incident, table.c.id != alert.id))


def acknowledged_alerts(database: Database) -> frozenset[str]:
    """Return the ids of alerts that somebody has acknowledged, of those that are open or whose incident is."""
    given, table = schema.acknowledgements.c.alert, schema.alerts
    open_ones = select(table.c.id).where(table.c.is_open == 1)
    lasting = select(table.c.incident).where(table.c.is_open == 1, table.c.incident != "")
    of_them = select(table.c.id).where(table.c.incident.in_(lasting))
    query = select(given).where(or_(given.in_(open_ones), given.in_(of_them))).distinct()
    with database.read() as connection:
        return frozenset(connection.execute(query).scalars())


_PLAIN = (
    "id",
    "subject",
    "rule",
    "asset",
    "device",
    "level",
    "peak",
    "opened_ns",
    "changed_ns",
    "sequence",
    "value",
    "level_changed_at_receipt_ns",
    "notified_ns",
    "end_held_until_ns",
    "hazard",
    "incident",
    "ended",
    "ended_peak",
)
"""Fields of an alert that its row holds as they are."""


def _alert(row: RowMapping) -> Alert:
    reason = row["end_reason"]
    return Alert(
        **{name: row[name] for name in _PLAIN},
        dimension=Dimension(row["dimension"]),
        is_open=bool(row["is_open"]),
        is_latched=bool(row["is_latched"]),
        alarms=tuple(json.loads(row["alarms"])),
        recipients=tuple(_recipient(each) for each in json.loads(row["recipients"])),
        ending=None if reason is None else Ending(Reason(reason), _extent_of(row, "end")),
        acknowledged_ns=row["acknowledged_ns"],
        acknowledged_by=row["contact"] or "",
    )


def _recipient(stored: Mapping[str, Any]) -> Recipient:
    return Recipient(**{**stored, "fallbacks": tuple(stored["fallbacks"])})


def read_events(
    connection: Connection, *, alert: str | None, alarm: str | None, after: int, limit: int | None
) -> list[StoredEvent]:
    """Return transitions behind position `after`, in order."""
    table = schema.alarm_events
    query = select(table).where(table.c.position > after).order_by(table.c.position, table.c.ordinal).limit(limit)
    if alert is not None:
        query = query.where(table.c.alert == alert)
    if alarm is not None:
        query = query.where(table.c.alarm == alarm)
    return [_event(row) for row in connection.execute(query).mappings()]


def _event(row: RowMapping) -> StoredEvent:
    rest = {name: value for name, value in row.items() if not name.startswith("extent_")}
    changed = {
        "extent": _extent_of(row, "extent"),
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
