"""I/O: the tables of Lifeline 0.1.0. Frozen: a change of the schema is a new revision.

Input: a connection in a transaction.
Output: the tables of 0.1.0.
Not responsible for: data; the tables are empty.
Rejects: nothing.
"""

from alembic import op
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

revision = "0001"
down_revision = None

TABLES_0_1_0 = MetaData()

Table("ledger_version", TABLES_0_1_0, Column("version", Integer, primary_key=True))

Table(
    "cursor",
    TABLES_0_1_0,
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
)

Table(
    "snapshots",
    TABLES_0_1_0,
    Column("stage", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

Table(
    "alarm_events",
    TABLES_0_1_0,
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
    UniqueConstraint("position", "ordinal"),
    Index("alarm_events_alarm", "alarm", "position"),
    Index("alarm_events_alert", "alert", "position"),
)

Table(
    "extents",
    TABLES_0_1_0,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("low", Float(53), nullable=False),
    Column("high", Float(53), nullable=False),
    Column("towards", Text, nullable=False),
)

Table(
    "alarms",
    TABLES_0_1_0,
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

_ALERTS = Table(
    "alerts",
    TABLES_0_1_0,
    Column("id", Text, primary_key=True),
    Column("dimension", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("peak", SmallInteger, nullable=False),
    Column("is_open", SmallInteger, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("alarms", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
)
Index("alerts_open", _ALERTS.c.opened_ns, sqlite_where=_ALERTS.c.is_open == 1, postgresql_where=_ALERTS.c.is_open == 1)
Index("alerts_asset", _ALERTS.c.asset, _ALERTS.c.opened_ns)

_NOTIFICATIONS = Table(
    "notifications",
    TABLES_0_1_0,
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
_WAITING = _NOTIFICATIONS.c.state.in_(["pending", "sending"])
Index(
    "notifications_waiting",
    _NOTIFICATIONS.c.channel,
    _NOTIFICATIONS.c.priority,
    _NOTIFICATIONS.c.created_ns,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("notifications_alert", _NOTIFICATIONS.c.alert, _NOTIFICATIONS.c.channel, _NOTIFICATIONS.c.contact)

Table(
    "receipts",
    TABLES_0_1_0,
    Column("notification", Text, primary_key=True),
    Column("code", Integer, primary_key=True),
    Column("received_ns", BigInteger, nullable=False),
)

Table(
    "acknowledgements",
    TABLES_0_1_0,
    Column("alert", Text, primary_key=True),
    Column("contact", Text, primary_key=True),
    Column("notification", Text, nullable=False),
    Column("acknowledged_ns", BigInteger, nullable=False),
)

Table(
    "decisions",
    TABLES_0_1_0,
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

Table(
    "configurations",
    TABLES_0_1_0,
    Column("position", BigInteger, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
)

Table(
    "states",
    TABLES_0_1_0,
    Column("position", BigInteger, primary_key=True),
    Column("kept_ns", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

Table(
    "follow_ups",
    TABLES_0_1_0,
    Column("alert", Text, primary_key=True),
    Column("value", Float(53)),
    Column("turned_ns", BigInteger, nullable=False),
    Column("told_ns", BigInteger, nullable=False),
    Column("calm_ns", BigInteger, nullable=False),
    Column("is_latched", SmallInteger, nullable=False),
)

Table(
    "endings",
    TABLES_0_1_0,
    Column("alert", Text, primary_key=True),
    Column("reason", SmallInteger, nullable=False),
    Column("low", Float(53)),
    Column("high", Float(53)),
    Column("towards", Text, nullable=False),
)

Table(
    "tallies",
    TABLES_0_1_0,
    Column("alarm", Text, primary_key=True),
    Column("latest_ns", BigInteger, nullable=False),
    Column("before_ns", BigInteger, nullable=False),
    Column("is_chattering", SmallInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("chattering", BigInteger, nullable=False),
    Column("fleeting", BigInteger, nullable=False),
)

Table(
    "incidents",
    TABLES_0_1_0,
    Column("alert", Text, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("ended", Integer, nullable=False),
    Column("ended_peak", SmallInteger, nullable=False),
    Index("incidents_incident", "incident"),
)

Table(
    "withheld",
    TABLES_0_1_0,
    Column("notification", Text, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Index("withheld_alert", "alert"),
)

Table(
    "labels",
    TABLES_0_1_0,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("alert", Text, nullable=False),
    Column("disposition", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("labelled_ns", BigInteger, nullable=False),
    Index("labels_alert", "alert"),
)

Table(
    "awaited",
    TABLES_0_1_0,
    Column("notification", Text, primary_key=True),
    Column("due_ns", BigInteger, nullable=False),
    Index("awaited_due", "due_ns"),
)


def upgrade() -> None:
    """Make the tables; one that exists stays as it is."""
    # A ledger of an early 0.1.0 may lack tables that 0.1.0 itself added at each start.
    TABLES_0_1_0.create_all(op.get_bind())
