"""I/O: the ledger in an SQL database; one transaction a step, so that no step is stored in part.

Input: the URL of a database, steps of the rules stage.
Output: a `Ledger`.
Not responsible for: recipients and messages, see `alerts.planning`.
Rejects: a step that does not begin at the position and epoch of the ledger (`FencedError`).
"""

import threading
from collections import Counter
from pathlib import Path

from sqlalchemy import Connection, select, update

from alerts.alert import Cursor, LedgerStep, Snapshot
from alerts.ledger.alert_records import SqlAlertRecords
from alerts.ledger.configurations import SqlConfigurationRecords, SqlReplaySnapshots
from alerts.ledger.event_records import SqlCountRecords, SqlDecisionRecords, SqlEventRecords
from alerts.ledger.labels import SqlLabelRecords
from alerts.ledger.ledger import BLANK, FencedError
from alerts.outbox.sql_outbox import SqlOutbox
from alerts.outbox.suppressed import suppress
from alerts.store import records, schema
from alerts.store.database import Database, Row, insert_new, upsert

STAGE = "rules"
"""Name of the one cursor; a sharded rules stage would have one each."""


def open_ledger(url: str, journal_position: int = 0) -> "SqlLedger":
    """Return the ledger at `url`, creating its tables where there are none and upgrading older ones.

    Args:
        url: its place.
        journal_position: last entry of the journal beside it. A new ledger begins behind it: the events before it are
            past, and messages about them would be false alarms.

    Raises:
        LedgerVersionError: the tables there belong to a newer program.
        LedgerUnavailableError: the database cannot be reached.
    """
    return SqlLedger(Database(url), journal_position)


def open_existing_ledger(url: str) -> "SqlLedger":
    """Return the ledger at `url`, which the program has made, without an upgrade: that program may be running.

    Raises:
        FileNotFoundError: the URL names a file that does not exist.
        LedgerVersionError: there is no ledger, or it is not of this program's revision.
        LedgerUnavailableError: the database cannot be reached.
    """
    return SqlLedger(Database(url, is_reader=True))


class SqlLedger:
    """A `Ledger` in one database. Thread-safe."""

    def __init__(self, database: Database, journal_position: int = 0) -> None:
        """Use `database`, which has its tables; if they are empty, begin behind `journal_position`."""
        self.database = database
        self.counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self.outbox = SqlOutbox(database)
        self.alerts = SqlAlertRecords(database, self._add_counts)
        self.alarm_events = SqlEventRecords(database)
        self.decisions = SqlDecisionRecords(database)
        self.labels = SqlLabelRecords(database)
        self.replay_snapshots = SqlReplaySnapshots(database)
        self.configurations = SqlConfigurationRecords(database, self.replay_snapshots)
        self.transition_counts = SqlCountRecords(database)
        with database.write() as connection:
            begun: Row = {"stage": STAGE, "position": journal_position}
            is_new = insert_new(connection, schema.cursor, [{**begun, "epoch": 0}]) == 1
            self.begins_behind = is_new and journal_position > 0
            if self.begins_behind:
                # Without it the rules would know dangers of before as announced, and never announce them.
                insert_new(connection, schema.snapshots, [{**begun, "blob": BLANK}])

    @property
    def upgraded_from(self) -> str:
        """Revision before the upgrade at this start; empty where there was none."""
        return self.database.upgraded_from

    @property
    def copy(self) -> Path | None:
        """Copy of an SQLite ledger that was made before the upgrade at this start."""
        return self.database.copy

    def take_over(self) -> Cursor:
        """Return the cursor of a new owner; steps of every earlier owner are rejected from now on."""
        with self.database.write() as connection:
            stored = _locked_cursor(connection)
            taken = update(schema.cursor).where(schema.cursor.c.stage == STAGE).values(epoch=stored.epoch + 1)
            connection.execute(taken)
        return Cursor(stored.position, stored.epoch + 1)

    def position(self) -> int:
        """Return the journal position up to which alarms, alerts and outbox are complete."""
        with self.database.read() as connection:
            return int(connection.execute(select(schema.cursor.c.position)).scalar_one())

    def snapshot(self) -> Snapshot | None:
        """Return the newest engine snapshot; its position is at or before `position()`."""
        with self.database.read() as connection:
            row = connection.execute(select(schema.snapshots)).one_or_none()
        return Snapshot(row.position, bytes(row.blob)) if row else None

    def commit_step(self, step: LedgerStep) -> None:
        """Store all of `step` in one transaction; on return it survives a crash.

        Raises:
            FencedError: the stored cursor is not `step.cursor`; nothing was stored.
        """
        with self.database.write() as connection:
            stored = _locked_cursor(connection)
            if stored != step.cursor or step.position < stored.position:
                message = f"ledger cursor: expected {step.cursor} and a step forward, got {stored} to {step.position}"
                raise FencedError(message)
            written = _write_events(connection, step)
            written += _write_plan(connection, step)
            _move_cursor(connection, step)
        self._add_counts(written)

    def close(self) -> None:
        """Release the database."""
        self.database.close()

    def _add_counts(self, counts: Counter[tuple[str, str]]) -> None:
        with self._counting:
            self.counts.update(counts)


def _locked_cursor(connection: Connection) -> Cursor:
    query = select(schema.cursor.c.position, schema.cursor.c.epoch).where(schema.cursor.c.stage == STAGE)
    row = connection.execute(query.with_for_update()).one()
    return Cursor(row.position, row.epoch)


def _move_cursor(connection: Connection, step: LedgerStep) -> None:
    moved = update(schema.cursor).where(schema.cursor.c.stage == STAGE)
    connection.execute(moved.values(position=step.position))
    if step.snapshot is not None:
        row: Row = {"stage": STAGE, "position": step.position, "blob": step.snapshot}
        upsert(connection, schema.snapshots, [row])


def _write_events(connection: Connection, step: LedgerStep) -> Counter[tuple[str, str]]:
    rows = records.event_rows(step)
    if rows:
        connection.execute(schema.alarm_events.insert(), rows)
        upsert(connection, schema.alarms, records.alarm_rows(step, rows))
    return Counter({("alarm_events", ""): len(rows)}) if rows else Counter()


def _write_plan(connection: Connection, step: LedgerStep) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    upsert(connection, schema.alerts, records.alert_rows(step))
    upsert(connection, schema.transition_counts, records.counts_rows(step))
    suppress(connection, step)
    rows = records.notification_rows(step)
    stored = insert_new(connection, schema.notifications, rows)
    if rows:
        counts["notifications", ""] = stored
    if stored < len(rows):
        # Only two episodes of one alarm with the same event time can share an id: a device whose clock stands still.
        counts["notifications_dropped", "same_id"] = len(rows) - stored
    if decisions := records.decision_rows(step):
        connection.execute(schema.decisions.insert(), decisions)
    for decision in step.plan.decisions:
        counts["decisions", decision.reason] += 1
    return counts
