"""I/O: the tables of the ledger, one schema for SQLite and PostgreSQL.

Input: nothing.
Output: SQLAlchemy Core tables.
Not responsible for: reading and writing; older schemas, see `alerts/store/migrations`.
Rejects: nothing.

A change of a table needs a new revision below `migrations/versions`, and its number in `HEAD`.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

HEAD = "0002"
"""Alembic revision of this schema, see `alerts/store/migrations`."""

VERSION = 2
"""A program of 0.1.0 knows no revisions: it reads this number from `ledger_version` and rejects the ledger."""

METADATA = MetaData()

ledger_version = Table("ledger_version", METADATA, Column("version", Integer, primary_key=True))

cursor = Table(
    "cursor",
    METADATA,
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
)

snapshots = Table(
    "snapshots",
    METADATA,
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

alarm_events = Table(
    "alarm_events",
    METADATA,
    Column("position", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("alarm", Text, nullable=False),
    Column("alert", Text, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("episode_ns", BigInteger, nullable=False),
    Column("transition", SmallInteger, nullable=False),
    Column("level_before", SmallInteger, nullable=False),
    Column("level_after", SmallInteger, nullable=False),
    Column("value", Float(53)),
    Column("reason", SmallInteger, nullable=False),
    Column("extent_low", Float(53)),
    Column("extent_high", Float(53)),
    Column("extent_towards", Text),
    UniqueConstraint("position", "ordinal"),
    Index("alarm_events_alarm", "alarm", "position"),
    Index("alarm_events_alert", "alert", "position"),
)

alarms = Table(
    "alarms",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("alert", Text, nullable=False),
    Column("episode_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("value", Float(53)),
    Column("reason", SmallInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
)

alerts = Table(
    "alerts",
    METADATA,
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
Index("alerts_open", alerts.c.opened_ns, sqlite_where=alerts.c.is_open == 1, postgresql_where=alerts.c.is_open == 1)
Index("alerts_asset", alerts.c.asset, alerts.c.opened_ns)
Index("alerts_incident", alerts.c.incident)

notifications = Table(
    "notifications",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("fallbacks", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt_ns", BigInteger),
    Column("next_attempt_ns", BigInteger, nullable=False, server_default=text("0")),
    Column("touched_ns", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_until_ns", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_owner", Text, nullable=False, server_default=text("''")),
    Column("first_sent_ns", BigInteger),
    Column("last_reason", Text, nullable=False, server_default=text("''")),
    Column("provider_ref", Text, nullable=False, server_default=text("''")),
)
_WAITING = notifications.c.state.in_(["pending", "sending"])
Index(
    "notifications_waiting",
    notifications.c.channel,
    notifications.c.priority,
    notifications.c.created_ns,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("notifications_alert", notifications.c.alert, notifications.c.channel, notifications.c.contact)

receipts = Table(
    "receipts",
    METADATA,
    Column("notification", Text, primary_key=True),
    Column("code", Integer, primary_key=True),
    Column("received_ns", BigInteger, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    METADATA,
    Column("alert", Text, primary_key=True),
    Column("contact", Text, primary_key=True),
    Column("notification", Text, nullable=False),
    Column("acknowledged_ns", BigInteger, nullable=False),
)

decisions = Table(
    "decisions",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("alert", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("decisions_alert", "alert"),
)

configurations = Table(
    "configurations",
    METADATA,
    Column("position", BigInteger, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
)

replay_snapshots = Table(
    "replay_snapshots",
    METADATA,
    Column("position", BigInteger, primary_key=True),
    Column("kept_ns", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

transition_counts = Table(
    "transition_counts",
    METADATA,
    Column("alarm", Text, primary_key=True),
    Column("latest_ns", BigInteger, nullable=False),
    Column("before_ns", BigInteger, nullable=False),
    Column("is_chattering", SmallInteger, nullable=False),
    Column("transitions", BigInteger, nullable=False),
    Column("chattering", BigInteger, nullable=False),
    Column("fleeting", BigInteger, nullable=False),
)

suppressed = Table(
    "suppressed",
    METADATA,
    Column("notification", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Index("suppressed_alert", "alert"),
)
"""Messages that are left out while another message of their incident informs the target, until their alert closes."""

labels = Table(
    "labels",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("alert", Text, nullable=False),
    Column("disposition", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("labelled_ns", BigInteger, nullable=False),
    Index("labels_alert", "alert"),
)
"""Labels that people give to alerts afterwards; the last row of an alert counts."""

expected_receipts = Table(
    "expected_receipts",
    METADATA,
    Column("notification", Text, primary_key=True),
    Column("due_ns", BigInteger, nullable=False),
    Index("expected_receipts_due", "due_ns"),
)
"""Urgent messages that a gateway took, and the time from which their receipt is overdue."""
