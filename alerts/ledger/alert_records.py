"""I/O: alerts and their acknowledgements in the tables of the ledger.

Input: acknowledgements, ids of alerts.
Output: alerts.
Not responsible for: new and changed alerts; a step stores them, see `alerts.ledger.sql_ledger`.
Rejects: nothing; a repeated acknowledgement changes nothing.
"""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from alerts.alert import Alert
from alerts.store import schema
from alerts.store.database import Database, Row, insert_new
from alerts.store.records import alert_from

_TABLE, _GIVEN = schema.alerts, schema.acknowledgements


class SqlAlertRecords:
    """`AlertRecords` in one database."""

    def __init__(self, database: Database, add_counts: Callable[[Counter[tuple[str, str]]], None]) -> None:
        """Use `database`; `add_counts` counts acknowledgements."""
        self._database, self._add_counts = database, add_counts

    def read_open(self) -> tuple[Alert, ...]:
        """Return every open alert, oldest first."""
        return self._read(_TABLE.c.is_open == 1)

    def read_recent(self, limit: int, asset: str | None = None) -> tuple[Alert, ...]:
        """Return the newest alerts first, open or over, of one asset or of all."""
        query = _query().order_by(_TABLE.c.opened_ns.desc(), _TABLE.c.id).limit(limit)
        if asset is not None:
            query = query.where(_TABLE.c.asset == asset)
        with self._database.read() as connection:
            return tuple(alert_from(row) for row in connection.execute(query).mappings())

    def read_incident(self, alert: Alert) -> tuple[Alert, ...]:
        """Return the other alerts of the incident of `alert`, open or over, oldest first."""
        if not alert.incident:
            return ()
        return self._read(and_(_TABLE.c.incident == alert.incident, _TABLE.c.id != alert.id))

    def read_acknowledged(self) -> frozenset[str]:
        """Return the ids of acknowledged alerts that are open, or that belong to an incident with an open alert."""
        open_ids = select(_TABLE.c.id).where(_TABLE.c.is_open == 1)
        open_incidents = select(_TABLE.c.incident).where(_TABLE.c.is_open == 1, _TABLE.c.incident != "")
        of_incidents = select(_TABLE.c.id).where(_TABLE.c.incident.in_(open_incidents))
        given = _GIVEN.c.alert
        query = select(given).where(or_(given.in_(open_ids), given.in_(of_incidents))).distinct()
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def find(self, alert: str) -> Alert | None:
        """Return one alert, open or over; None when there is none of that id."""
        return next(iter(self._read(_TABLE.c.id == alert)), None)

    def acknowledge(self, alert: str, contact: str, now_ns: int, notification: str = "") -> bool:
        """Store that `contact` acknowledges `alert`; False when that was known before."""
        row: Row = {"alert": alert, "contact": contact, "notification": notification, "acknowledged_ns": now_ns}
        with self._database.write() as connection:
            is_new = insert_new(connection, _GIVEN, [row]) == 1
        self._add_counts(Counter({("acknowledgements", "" if is_new else "repeated"): 1}))
        return is_new

    def _read(self, condition: ColumnElement[bool]) -> tuple[Alert, ...]:
        with self._database.read() as connection:
            return read_alerts(connection, condition)


def read_alerts(connection: Connection, condition: ColumnElement[bool]) -> tuple[Alert, ...]:
    """Return the alerts that meet `condition`, oldest first."""
    rows = connection.execute(_query().where(condition).order_by(_TABLE.c.opened_ns, _TABLE.c.id)).mappings()
    return tuple(alert_from(row) for row in rows)


def _query() -> Select[tuple[object, ...]]:
    """Select alerts, each with its first acknowledgement."""
    order = (_GIVEN.c.acknowledged_ns, _GIVEN.c.contact)
    place = func.row_number().over(partition_by=_GIVEN.c.alert, order_by=order)
    first = select(_GIVEN.c.alert, _GIVEN.c.contact, _GIVEN.c.acknowledged_ns, place.label("place")).subquery()
    joined = _TABLE.outerjoin(first, (first.c.alert == _TABLE.c.id) & (first.c.place == 1))
    return select(_TABLE, first.c.contact, first.c.acknowledged_ns).select_from(joined)
