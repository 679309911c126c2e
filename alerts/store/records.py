"""I/O: rows of the ledger's tables as values, and values as rows.

Input: values of `alerts.alert` and `alerts.notification`, or rows.
Output: rows, or the same values again.
Not responsible for: queries and transactions.
Rejects: nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import RowMapping

from alerts.alert import (
    Alert,
    Decision,
    DecisionReason,
    DecisionVerdict,
    Ending,
    LedgerStep,
    Planned,
    Recipient,
    StoredEvent,
)
from alerts.chatter import TransitionCounts
from alerts.notification import Delivery, Notification, NotificationKind
from alerts.store.database import Row
from rules.events import Dimension, Extent, Transition, TransitionReason


def event_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `alarm_events`; the ordinal counts within one journal position."""
    events = step.events
    rows = []
    ordinal = 0
    last = None
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


def alarm_rows(step: LedgerStep, rows: list[Row]) -> list[Row]:
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


def alert_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `alerts`; acknowledgements have a table of their own."""
    return [_alert_row(each) for each in step.plan.alerts]


def counts_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `transition_counts`."""
    counts = step.plan.transition_counts
    return [asdict(each) | {"is_chattering": int(each.is_chattering)} for each in counts]


def notification_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `notifications`, of messages to send or on standby."""
    return [notification_row(each) for each in step.plan.planned]


def suppressed_notification_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `notifications`, of suppressed messages."""
    return [notification_row(each) for each in step.plan.suppressed]


def suppressed_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `suppressed`."""
    return [_suppressed_row(each) for each in step.plan.suppressed]


def decision_rows(step: LedgerStep) -> list[Row]:
    """Return the rows of `decisions`."""
    return [decision_row(each) for each in step.plan.decisions]


def _alert_row(alert: Alert) -> Row:
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
    """Return the row of a notification: pending, on standby until it is needed, or suppressed ("grouped")."""
    notification = planned.notification
    state = "grouped" if planned.incident else "pending" if planned.standby is None else "standby"
    row: Row = {each.name: getattr(notification, each.name) for each in fields(notification)}
    return row | {
        "kind": notification.kind.value,
        "priority": planned.priority,
        "sequence": planned.sequence,
        "fallbacks": fallbacks_text(planned.fallbacks),
        "state": state,
        # On standby its place in the order of recipients; a pending notification is due at once.
        "next_attempt_ns": planned.standby or 0,
    }


def fallbacks_text(channels: tuple[str, ...]) -> str:
    """Return channels as the outbox stores them."""
    return json.dumps(channels)


def decision_row(decision: Decision) -> Row:
    """Return the row of `decisions`."""
    row: Row = {each.name: getattr(decision, each.name) for each in fields(decision)}
    return row | {"verdict": decision.verdict.value, "reason": decision.reason.value}


def decision_from(row: RowMapping) -> Decision:
    """Return the decision in a row of `decisions`."""
    values = {each.name: row[each.name] for each in fields(Decision)}
    return Decision(**values | {"verdict": DecisionVerdict(row["verdict"]), "reason": DecisionReason(row["reason"])})


def counts_from(row: RowMapping) -> TransitionCounts:
    """Return the counts in a row of `transition_counts`."""
    return TransitionCounts(**{**row, "is_chattering": bool(row["is_chattering"])})


def _suppressed_row(planned: Planned) -> Row:
    notification = planned.notification
    names = ("alert", "channel", "contact", "level")
    row: Row = {name: getattr(notification, name) for name in names}
    return row | {"notification": notification.id, "incident": planned.incident}


def notification_from(row: RowMapping) -> Notification:
    """Return the notification in a row of `notifications`."""
    values = {each.name: row[each.name] for each in fields(Notification)}
    return Notification(**values | {"kind": NotificationKind(row["kind"])})


def planned_from(row: RowMapping) -> Planned:
    """Return the notification in a row with its place in the outbox."""
    return Planned(notification_from(row), row["priority"], row["sequence"], tuple(json.loads(row["fallbacks"])))


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


def alert_from(row: RowMapping) -> Alert:
    """Return the alert in a row of `alerts` joined with its first acknowledgement."""
    reason = row["end_reason"]
    return Alert(
        **{name: row[name] for name in _PLAIN},
        dimension=Dimension(row["dimension"]),
        is_open=bool(row["is_open"]),
        is_latched=bool(row["is_latched"]),
        alarms=tuple(json.loads(row["alarms"])),
        recipients=tuple(_recipient(each) for each in json.loads(row["recipients"])),
        ending=None if reason is None else Ending(TransitionReason(reason), _extent_of(row, "end")),
        acknowledged_ns=row["acknowledged_ns"],
        acknowledged_by=row["contact"] or "",
    )


def _recipient(stored: Mapping[str, Any]) -> Recipient:
    return Recipient(**{**stored, "fallbacks": tuple(stored["fallbacks"])})


def event_from(row: RowMapping) -> StoredEvent:
    """Return the transition in a row of `alarm_events`."""
    rest = {name: value for name, value in row.items() if not name.startswith("extent_")}
    changed = {
        "extent": _extent_of(row, "extent"),
        "transition": Transition(row["transition"]),
        "value": math.nan if row["value"] is None else row["value"],
        "reason": TransitionReason(row["reason"]),
    }
    return StoredEvent(**{**rest, **changed})


def delivery_from(row: RowMapping, receipts: tuple[tuple[int, int], ...]) -> Delivery:
    """Return the notification in a row, with its receipts and the acknowledgement of its contact."""
    names = {each.name for each in fields(Delivery)} - {"notification", "receipts"}
    return Delivery(notification=notification_from(row), receipts=receipts, **{name: row[name] for name in names})
