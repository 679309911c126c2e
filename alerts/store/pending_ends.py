"""I/O: how alarms ended whose end is not told yet, as the ledger keeps it.

Comes in: an open transaction, alerts. Goes out: rows, and the same alerts with their `Ending`. Refuses to keep more
than the last end of an alert, and to know when it is told.
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, select

from alerts.alert import Alert, Ending
from alerts.store import schema
from alerts.store.upsert import Row, upsert
from rules.events import Extent, Reason

_TABLE = schema.endings


def keep_endings(connection: Connection, alerts: Iterable[Alert]) -> None:
    """Store the ends of those of `alerts` that wait to be told."""
    upsert(connection, _TABLE, [_row(alert.id, alert.ending) for alert in alerts if alert.ending])


def with_endings(connection: Connection, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """Return `alerts`, those with their end whose alarms are over and that are open."""
    waiting = [alert.id for alert in alerts if alert.is_open and alert.is_over]
    if not waiting:
        return alerts
    rows = connection.execute(select(_TABLE).where(_TABLE.c.alert.in_(waiting))).mappings()
    found = {row["alert"]: _ending(row) for row in rows}
    return tuple(replace(alert, ending=found.get(alert.id)) for alert in alerts)


def extent_of(row: RowMapping) -> Extent | None:
    """Return the extent that a row keeps in `low`, `high` and `towards`; None where it keeps none."""
    return None if row["low"] is None else Extent(row["low"], row["high"], row["towards"])


def _row(alert: str, ending: Ending) -> Row:
    extent = ending.extent
    low, high, towards = (extent.low, extent.high, extent.towards) if extent else (None, None, "")
    return {"alert": alert, "reason": int(ending.reason), "low": low, "high": high, "towards": towards}


def _ending(row: RowMapping) -> Ending:
    return Ending(Reason(row["reason"]), extent_of(row))
