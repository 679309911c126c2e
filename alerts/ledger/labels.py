"""I/O: what an alert turned out to be, said by people afterwards: a danger, a false alarm, a test, maintenance.

Comes in: an alert's id, what somebody says of it. Goes out: all that was ever said, the last word on each alert.
Refuses to change what was told, and to forget an earlier label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, func, select

from alerts.alert import Alert
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.records import read_alerts

MAX_CAUSE = 300
"""Longest cause, in characters; assumed: some lines of text."""
_TABLE = schema.labels


class Disposition(StrEnum):
    """What an alert turned out to be."""

    TRUE = "true"
    """The danger was there."""
    FALSE = "false"
    """There was none: a false alarm."""
    TEST = "test"
    """Somebody tried the device or the warning."""
    MAINTENANCE = "maintenance"
    """Work on the device or the lifeline caused it."""


@dataclass(frozen=True, slots=True)
class Label:
    """One thing said of one alert."""

    alert: str
    disposition: Disposition
    cause: str
    contact: str
    """Who said it."""
    labelled_ns: int


def add_label(database: Database, label: Label) -> bool:
    """Store `label` as the last word on its alert; False when the last word says and explains the same already."""
    with database.write() as connection:
        before = _read(connection, _TABLE.c.alert == label.alert)
        if before and (before[-1].disposition, before[-1].cause) == (label.disposition, label.cause):
            return False
        row = {
            "alert": label.alert,
            "disposition": label.disposition.value,
            "cause": label.cause,
            "contact": label.contact,
            "labelled_ns": label.labelled_ns,
        }
        connection.execute(_TABLE.insert(), [row])
    return True


def labels_of(database: Database, alert: str) -> tuple[Label, ...]:
    """Return everything that was said of `alert`, the last word last."""
    with database.read() as connection:
        return _read(connection, _TABLE.c.alert == alert)


def labelled_alerts(database: Database) -> Sequence[tuple[Alert, Label]]:
    """Return every labelled alert with the last word on it, in the order of their beginning."""
    newest = select(func.max(_TABLE.c.id)).group_by(_TABLE.c.alert)
    with database.read() as connection:
        labels = {label.alert: label for label in _read(connection, _TABLE.c.id.in_(newest))}
        alerts = read_alerts(connection, schema.alerts.c.id.in_(select(_TABLE.c.alert)))
    return [(alert, labels[alert.id]) for alert in alerts]


def _read(connection: Connection, condition: ColumnElement[bool]) -> tuple[Label, ...]:
    rows = connection.execute(select(_TABLE).where(condition).order_by(_TABLE.c.id))
    return tuple(
        Label(row.alert, Disposition(row.disposition), row.cause, row.contact, row.labelled_ns) for row in rows
    )
