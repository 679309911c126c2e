"""I/O: labels of alerts in the tables of the ledger.

Input: labels, the id of an alert.
Output: every label of an alert, or the last label of each labelled alert.
Not responsible for: alerts and messages; a label changes neither.
Rejects: nothing; a label with the content of the last one is not stored again.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, select

from alerts.alert import Alert
from alerts.ledger.alert_records import read_alerts
from alerts.ledger.ledger import Disposition, Label
from alerts.store import schema
from alerts.store.database import Database

_TABLE = schema.labels


class SqlLabelRecords:
    """`LabelRecords` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, label: Label) -> bool:
        """Store `label` as the last one of its alert; False when the last one has the same content already."""
        with self._database.write() as connection:
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

    def read(self, alert: str) -> tuple[Label, ...]:
        """Return all labels of `alert`, the last one last."""
        with self._database.read() as connection:
            return _read(connection, _TABLE.c.alert == alert)

    def read_labelled_alerts(self) -> Sequence[tuple[Alert, Label]]:
        """Return every labelled alert with its last label, oldest alert first."""
        newest = select(func.max(_TABLE.c.id)).group_by(_TABLE.c.alert)
        with self._database.read() as connection:
            labels = {label.alert: label for label in _read(connection, _TABLE.c.id.in_(newest))}
            alerts = read_alerts(connection, schema.alerts.c.id.in_(select(_TABLE.c.alert)))
        return [(alert, labels[alert.id]) for alert in alerts]


def _read(connection: Connection, condition: ColumnElement[bool]) -> tuple[Label, ...]:
    rows = connection.execute(select(_TABLE).where(condition).order_by(_TABLE.c.id))
    return tuple(
        Label(row.alert, Disposition(row.disposition), row.cause, row.contact, row.labelled_ns) for row in rows
    )
