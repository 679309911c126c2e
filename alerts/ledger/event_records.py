"""I/O: transitions of alarms, their counts, and decisions, as the tables of the ledger hold them.

Input: the id of an alert or an alarm, a journal position.
Output: stored transitions, counts by alarm, decisions.
Not responsible for: writing; a step stores all three, see `alerts.ledger.sql_ledger`.
Rejects: nothing.
"""

from sqlalchemy import select

from alerts.alert import Decision, StoredEvent
from alerts.chatter import TransitionCounts
from alerts.store import schema
from alerts.store.database import Database
from alerts.store.records import counts_from, decision_from, event_from


class SqlEventRecords:
    """`EventRecords` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self, *, alert: str | None = None, alarm: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        """Return transitions behind journal position `after` in their order, of one alert, one alarm or all."""
        table = schema.alarm_events
        query = select(table).where(table.c.position > after).order_by(table.c.position, table.c.ordinal).limit(limit)
        if alert is not None:
            query = query.where(table.c.alert == alert)
        if alarm is not None:
            query = query.where(table.c.alarm == alarm)
        with self._database.read() as connection:
            return [event_from(row) for row in connection.execute(query).mappings()]


class SqlDecisionRecords:
    """`DecisionRecords` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, alert: str) -> list[Decision]:
        """Return the decisions about `alert` in order; with an empty string those without an alert."""
        table = schema.decisions
        query = select(table).where(table.c.alert == alert).order_by(table.c.id)
        with self._database.read() as connection:
            return [decision_from(row) for row in connection.execute(query).mappings()]


class SqlCountRecords:
    """`CountRecords` in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> dict[str, TransitionCounts]:
        """Return the counts of every alarm that was ever raised, by alarm id."""
        with self._database.read() as connection:
            found = [counts_from(row) for row in connection.execute(select(schema.transition_counts)).mappings()]
        return {counts.alarm: counts for counts in found}

    def read_worst(self, limit: int) -> list[TransitionCounts]:
        """Return the alarms that chattered or were fleeting most often, the worst first."""
        table = schema.transition_counts
        order = (table.c.chattering.desc(), table.c.fleeting.desc(), table.c.transitions.desc(), table.c.alarm)
        is_bad = (table.c.chattering > 0) | (table.c.fleeting > 0)
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(is_bad).order_by(*order).limit(limit)).mappings()
            return [counts_from(row) for row in rows]
