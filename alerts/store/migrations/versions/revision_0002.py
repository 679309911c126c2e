"""I/O: one table of alerts, extents beside their events, and names of the field. Frozen: a change is a new revision.

Input: a connection in a transaction, the tables of revision 0001 with their data.
Output: the tables of revision 0002 with the same data.
Not responsible for: the tables that stay as they are.
Rejects: nothing.

0.1.0 spread an alert over `alerts`, `follow_ups`, `endings` and `incidents`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    RowMapping,
    SmallInteger,
    Table,
    Text,
    exists,
    insert,
    select,
    table,
    update,
)
from sqlalchemy import column as name_of

from alerts.store.migrations.versions.revision_0001 import TABLES_0_1_0

revision = "0002"
down_revision = "0001"

TABLES_0002 = MetaData()

ALERTS = Table(
    "alerts",
    TABLES_0002,
    Column("id", Text, primary_key=True),
    Column("dimension", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("peak", SmallInteger, nullable=False),
    Column("value", Float(53)),
    Column("is_open", SmallInteger, nullable=False),
    Column("is_latched", SmallInteger, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("level_changed_at_receipt_ns", BigInteger, nullable=False),
    Column("notified_ns", BigInteger, nullable=False),
    Column("end_held_until_ns", BigInteger, nullable=False),
    Column("alarms", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("ended", Integer, nullable=False),
    Column("ended_peak", SmallInteger, nullable=False),
    Column("end_reason", SmallInteger),
    Column("end_low", Float(53)),
    Column("end_high", Float(53)),
    Column("end_towards", Text),
)
Index("alerts_open", ALERTS.c.opened_ns, sqlite_where=ALERTS.c.is_open == 1, postgresql_where=ALERTS.c.is_open == 1)
Index("alerts_asset", ALERTS.c.asset, ALERTS.c.opened_ns)
Index("alerts_incident", ALERTS.c.incident)

COUNTS = Table(
    "transition_counts",
    TABLES_0002,
    Column("alarm", Text, primary_key=True),
    Column("latest_ns", BigInteger, nullable=False),
    Column("before_ns", BigInteger, nullable=False),
    Column("is_chattering", SmallInteger, nullable=False),
    Column("transitions", BigInteger, nullable=False),
    Column("chattering", BigInteger, nullable=False),
    Column("fleeting", BigInteger, nullable=False),
)

SUPPRESSED = Table(
    "suppressed",
    TABLES_0002,
    Column("notification", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Index("suppressed_alert", "alert"),
)

EXPECTED = Table(
    "expected_receipts",
    TABLES_0002,
    Column("notification", Text, primary_key=True),
    Column("due_ns", BigInteger, nullable=False),
    Index("expected_receipts_due", "due_ns"),
)

_CHUNK = 1000
"""Rows held in memory at a time; assumed."""
_SINCE = (False, None, "", False)
"""Values of a recipient that early ledgers of 0.1.0 lack: standby, level, informing alert, ungrouped."""
_RECIPIENT = (
    "channel",
    "contact",
    "address",
    "language",
    "fallbacks",
    "is_standby",
    "level",
    "informed_by_alert",
    "is_ungrouped",
)
_EXTENT = {"low": "extent_low", "high": "extent_high", "towards": "extent_towards"}
_KEPT = [each.name for each in ALERTS.c if each.name in TABLES_0_1_0.tables["alerts"].c]


def upgrade() -> None:
    """Move each record into the tables of this revision."""
    connection = op.get_bind()
    _move_alerts(connection)
    _move_extents(connection)
    _copy(connection, "tallies", COUNTS, {"turns": "transitions"})
    _copy(connection, "withheld", SUPPRESSED, {})
    _copy(connection, "awaited", EXPECTED, {})
    op.rename_table("states", "replay_snapshots")
    # A program of 0.1.0 reads this number and rejects the ledger.
    connection.execute(update(table("ledger_version", name_of("version"))).values(version=2))


def _move_alerts(connection: Connection) -> None:
    op.drop_index("alerts_open", "alerts")
    op.drop_index("alerts_asset", "alerts")
    op.rename_table("alerts", "alerts_0001")
    TABLES_0002.create_all(connection, [ALERTS])
    for rows in _chunks(connection):
        connection.execute(insert(ALERTS), [_alert(row) for row in rows])
    for name in ("alerts_0001", "follow_ups", "endings", "incidents"):
        op.drop_table(name)


def _chunks(connection: Connection) -> Iterator[Sequence[RowMapping]]:
    """Give the alerts of 0.1.0 with their rows in the three other tables."""
    tables = TABLES_0_1_0.tables
    alerts = tables["alerts"].to_metadata(MetaData(), name="alerts_0001")
    more, ends, shared = (tables[name] for name in ("follow_ups", "endings", "incidents"))
    joined = alerts.outerjoin(more, more.c.alert == alerts.c.id)
    joined = joined.outerjoin(ends, ends.c.alert == alerts.c.id).outerjoin(shared, shared.c.alert == alerts.c.id)
    columns = (
        *(column for column in (*more.c, *shared.c) if column.name != "alert"),
        *(column.label(f"end_{column.name}") for column in ends.c if column.name != "alert"),
    )
    query = select(alerts, *columns).select_from(joined).order_by(alerts.c.id).limit(_CHUNK)
    last = ""
    while rows := connection.execute(query.where(alerts.c.id > last)).mappings().all():
        yield rows
        last = rows[-1]["id"]


def _alert(row: RowMapping) -> dict[str, object]:
    """Return the new row of an alert; it keeps how its alarm ended only while that end waits to be sent."""
    is_over = bool(row["calm_ns"]) or (row["dimension"] == "hazard" and not row["level"])
    has_end = bool(row["is_open"]) and is_over and row["end_reason"] is not None
    has_extent = has_end and row["end_low"] is not None
    return {
        **{name: row[name] for name in _KEPT},
        "value": row["value"],
        "is_latched": row["is_latched"] or 0,
        "level_changed_at_receipt_ns": row["turned_ns"] or 0,
        "notified_ns": row["told_ns"] or 0,
        "end_held_until_ns": row["calm_ns"] or 0,
        "recipients": _recipients(str(row["told"]), row["peak"]),
        "hazard": row["hazard"] or "",
        "incident": row["incident"] or "",
        "ended": row["ended"] or 0,
        "ended_peak": row["ended_peak"] or 0,
        "end_reason": row["end_reason"] if has_end else None,
        "end_low": row["end_low"] if has_extent else None,
        "end_high": row["end_high"] if has_extent else None,
        "end_towards": row["end_towards"] if has_extent else None,
    }


def _recipients(stored: str, peak: object) -> str:
    """Return the recipients as objects; 0.1.0 stored each as a list of values."""
    found = []
    for each in json.loads(stored):
        recipient = dict(zip(_RECIPIENT, [*each, *_SINCE[len(each) - 5 :]], strict=True))
        found.append({**recipient, "level": peak if recipient["level"] is None else recipient["level"]})
    return json.dumps(found)


def _move_extents(connection: Connection) -> None:
    for name, kind in (("extent_low", Float(53)), ("extent_high", Float(53)), ("extent_towards", Text())):
        op.add_column("alarm_events", Column(name, kind))
    extents = TABLES_0_1_0.tables["extents"]
    events = table("alarm_events", *(name_of(name) for name in ("position", "ordinal", *_EXTENT.values())))
    same = (extents.c.position == events.c.position) & (extents.c.ordinal == events.c.ordinal)
    values = {new: select(extents.c[old]).where(same).scalar_subquery() for old, new in _EXTENT.items()}
    connection.execute(update(events).where(exists().where(same)).values(values))
    op.drop_table("extents")


def _copy(connection: Connection, old: str, new: Table, renamed: Mapping[str, str]) -> None:
    """Move the rows of `old` into `new`, columns in the same order; `renamed` says which have other names."""
    before = TABLES_0_1_0.tables[old]
    TABLES_0002.create_all(connection, [new])
    names = [renamed.get(each.name, each.name) for each in before.c]
    connection.execute(insert(new).from_select(names, select(before)))
    op.drop_table(old)
