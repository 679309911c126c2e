"""The records of a ledger as plain values, in the form of the kept records of 0.1.0."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass

from sqlalchemy import select

from alerts.ledger.alert_records import read_alerts
from alerts.ledger.ledger import Ledger
from alerts.store import schema

_FIELDS_0_1_0 = {
    "recipients": "told",
    "notified_ns": "told_ns",
    "level_changed_at_receipt_ns": "turned_ns",
    "end_held_until_ns": "calm_ns",
    "informed_by_alert": "under",
    "is_ungrouped": "is_alone",
    "transitions": "turns",
}
"""Field of today to its name in the records."""


def plain(value: object) -> object:
    """Return `value` as JSON can hold it, fields with their names in 0.1.0."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {_FIELDS_0_1_0.get(name, name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, float) and math.isnan(value):
        return None
    return getattr(value, "value", value)


def records_of(ledger: Ledger) -> dict[str, object]:
    """Return each record of `ledger`."""
    with ledger.database.read() as connection:
        alerts = read_alerts(connection, schema.alerts.c.id.is_not(None))
    ids = [alert.id for alert in alerts]
    return {
        "position": ledger.position(),
        "snapshot": plain(ledger.snapshot()),
        "alerts": plain(alerts),
        "open_alerts": [alert.id for alert in ledger.alerts.read_open()],
        "acknowledged": sorted(ledger.alerts.read_acknowledged()),
        "incidents": {each.id: [mate.id for mate in ledger.alerts.read_incident(each)] for each in alerts},
        "alarm_events": [{**plain(event), "line": event.line} for event in ledger.alarm_events.read()],
        "deliveries": {alert: plain(ledger.outbox.read_deliveries(alert)) for alert in ids},
        "decisions": {alert: plain(ledger.decisions.read(alert)) for alert in [*ids, ""]},
        "labels": {alert: plain(ledger.labels.read(alert)) for alert in ids},
        "configurations": plain(ledger.configurations.read()),
        "states": plain(ledger.replay_snapshots.read(0)),
        "tallies": plain(ledger.transition_counts.read()),
        "waiting": plain(ledger.outbox.measure_queues()),
        "withheld": sorted(_column(ledger, schema.suppressed.c.notification)),
        "awaited": sorted(_column(ledger, schema.expected_receipts.c.notification)),
    }


def _column(ledger: Ledger, column) -> Iterator[str]:
    with ledger.database.read() as connection:
        return list(connection.execute(select(column)).scalars())
