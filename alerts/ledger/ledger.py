"""I/O: the durable state of alarms and alerts; one transaction a step, so that nothing is half told.

Comes in: a `Step` of the rules stage, an acknowledgement. Goes out: the position to go on from, alerts and their
history. Refuses to decide who is told. What leaves for people is `alerts.outbox.outbox`, on the same database.
"""

import threading
from collections import Counter

from sqlalchemy import Connection, select, update

from alerts.alert import Alert, Cursor, Decision, Snapshot, Step
from alerts.ledger import alarm_counts
from alerts.outbox.outbox import Outbox
from alerts.outbox.suppressed import withhold
from alerts.store import records, schema
from alerts.store.database import Database
from alerts.store.records import Delivery, StoredEvent
from alerts.store.upsert import Row, insert_new, upsert

BLANK = b""
"""Snapshot of rules that have seen nothing."""
STAGE = "rules"
"""Name of the one cursor; a sharded rules stage would have one each."""


class FencedError(Exception):
    """The ledger is not where the step begins: another owner took over, or the step is repeated. Nothing is stored."""


def open_ledger(url: str, journal_position: int = 0) -> "Ledger":
    """Return the ledger at `url`, creating its tables where there are none.

    Args:
        url: where it is.
        journal_position: last entry of the journal beside it. A ledger that is new begins behind it: what happened
            before is nobody's news any more, and to tell it again would be false alarms.

    Raises:
        LedgerVersionError: the tables there belong to another version.
    """
    return Ledger(Database(url), journal_position)


class Ledger:
    """Alarms, alerts and decisions with the journal position that they are true for. Thread-safe."""

    def __init__(self, database: Database, journal_position: int = 0) -> None:
        """Use `database`, whose tables exist; if they are empty, begin behind `journal_position`."""
        self.database = database
        self.counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self.outbox = Outbox(database)
        with database.write() as connection:
            begun: Row = {"stage": STAGE, "position": journal_position}
            is_new = insert_new(connection, schema.cursor, [{**begun, "epoch": 0}]) == 1
            self.begins_behind = is_new and journal_position > 0
            if self.begins_behind:
                # Without it the rules would know dangers of before as told, and never tell them.
                insert_new(connection, schema.snapshots, [{**begun, "blob": BLANK}])

    def take_over(self) -> Cursor:
        """Return the cursor of a new owner; steps of every earlier owner are refused from now on."""
        with self.database.write() as connection:
            stored = _locked_cursor(connection)
            connection.execute(
                update(schema.cursor).where(schema.cursor.c.stage == STAGE).values(epoch=stored.epoch + 1)
            )
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

    def commit_step(self, step: Step) -> None:
        """Store everything of `step` in one transaction; on return it survives a crash.

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
        with self._counting:
            self.counts.update(written)

    def open_alerts(self) -> tuple[Alert, ...]:
        """Return every alert that is not over, oldest first: what planning starts from, and what the console lists."""
        with self.database.read() as connection:
            return records.read_alerts(connection, schema.alerts.c.is_open == 1)

    def alert(self, alert_id: str) -> Alert | None:
        """Return one alert, open or over; None when there is none of that id."""
        with self.database.read() as connection:
            return next(iter(records.read_alerts(connection, schema.alerts.c.id == alert_id)), None)

    def alarm_events(
        self, *, alert: str | None = None, alarm: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        """Return stored transitions behind journal position `after` in their order, of one alert, one alarm or all."""
        with self.database.read() as connection:
            return records.read_events(connection, alert=alert, alarm=alarm, after=after, limit=limit)

    def notifications(self, alert: str) -> list[Delivery]:
        """Return every notification of `alert` with what became of it, in the order in which they were decided."""
        with self.database.read() as connection:
            return records.read_deliveries(connection, schema.notifications.c.alert == alert)

    def decisions(self, alert: str) -> list[Decision]:
        """Return what was decided about `alert` and why, in order; with an empty string those without an alert."""
        with self.database.read() as connection:
            return records.read_decisions(connection, alert)

    def acknowledge(self, alert: str, contact: str, now_ns: int, notification: str = "") -> bool:
        """Store that `contact` has taken `alert` on; False when that was known before. Repeating changes nothing."""
        row: Row = {"alert": alert, "contact": contact, "notification": notification, "acknowledged_ns": now_ns}
        with self.database.write() as connection:
            is_new = insert_new(connection, schema.acknowledgements, [row]) == 1
        with self._counting:
            self.counts["acknowledgements", "" if is_new else "repeated"] += 1
        return is_new

    def close(self) -> None:
        """Release the database."""
        self.database.close()


def _locked_cursor(connection: Connection) -> Cursor:
    query = select(schema.cursor.c.position, schema.cursor.c.epoch).where(schema.cursor.c.stage == STAGE)
    row = connection.execute(query.with_for_update()).one()
    return Cursor(row.position, row.epoch)


def _move_cursor(connection: Connection, step: Step) -> None:
    moved = update(schema.cursor).where(schema.cursor.c.stage == STAGE)
    connection.execute(moved.values(position=step.position))
    if step.snapshot is not None:
        row: Row = {"stage": STAGE, "position": step.position, "blob": step.snapshot}
        upsert(connection, schema.snapshots, [row])


def _write_events(connection: Connection, step: Step) -> Counter[tuple[str, str]]:
    rows = records.event_rows(step)
    if rows:
        connection.execute(schema.alarm_events.insert(), rows)
        upsert(connection, schema.alarms, records.alarm_rows(step, rows))
    return Counter({("alarm_events", ""): len(rows)}) if rows else Counter()


def _write_plan(connection: Connection, step: Step) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    plan = step.plan
    upsert(connection, schema.alerts, [records.alert_row(alert) for alert in plan.alerts])
    upsert(connection, schema.transition_counts, [alarm_counts.row_of(tally) for tally in plan.tallies])
    withhold(connection, plan)
    rows = [records.notification_row(planned) for planned in plan.planned]
    stored = insert_new(connection, schema.notifications, rows)
    if rows:
        counts["notifications", ""] = stored
    if stored < len(rows):
        # Only two episodes of one alarm with the same event time can share an id: a device whose clock stands still.
        counts["notifications_dropped", "same_id"] = len(rows) - stored
    if plan.decisions:
        connection.execute(schema.decisions.insert(), [records.decision_row(each) for each in plan.decisions])
    for decision in plan.decisions:
        counts["decisions", decision.reason] += 1
    return counts
