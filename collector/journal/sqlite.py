"""I/O: the journal as one SQLite file: WAL, `synchronous=FULL`, one writing connection, read-only readers.

Input: batches, dead letters, cursors, from any thread.
Output: positions, entries, status.
Not responsible for: MQTT, rules and history.
Rejects: a batch with sensors that the register does not have, and a commit without room.

docs/storage.md describes a disk that is full, slow or failing, or has changed a byte.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal import DEVICES, Entry, JournalFullError, JournalStatus, Position, frame
from collector.journal import dead_letters as dead_letter_rows
from collector.journal.reader import JournalReader
from collector.journal.schema import FIRST_POSITION, LAST_POSITION
from collector.journal.writer import Writer

_TRIM_POSITIONS = 256
"""Positions deleted in one transaction, so that appends get in between; assumed."""


class SqliteJournal:
    """A `Journal` in one file. `append` from one thread, everything else from any."""

    def __init__(self, path: Path, sensor_ids: Sequence[str], max_bytes: int, ballast_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = Writer(path, max_bytes, ballast_bytes)
        self.reader = JournalReader(path, sensor_ids)
        self.counts = self.reader.counts
        self._max_bytes = max_bytes
        self._quota = dead_letter_rows.Quota(
            dead_letter_rows.MAX_ROWS, min(dead_letter_rows.MAX_BYTES, max_bytes // 16)
        )
        self._dictionary = frame.dictionary_name(sensor_ids)
        self._n_sensors = len(sensor_ids)
        self._news = threading.Condition()
        self._last = self._writer.change(lambda connection: _start(connection, sensor_ids))
        if self._writer.rows_lost:
            self.counts["journal_rows_set_aside", "damaged_file"] += self._writer.rows_lost

    def append(
        self, batches: Sequence[ReadingBatch], dead_letters: Sequence[DeadLetter] = (), note: bytes = b""
    ) -> Position:
        """Store all of it in one commit; on return it survives a crash. Returns the last position.

        `note`, unless empty, is kept for that position until `DEVICES` saves a cursor at or behind it.

        Raises:
            JournalFullError: nothing was stored.
            JournalBrokenError: the process must restart; never acknowledge, never retry.
            ValueError: a batch names a sensor that the register does not have.
        """
        _check(batches, self._n_sensors)
        rows = [
            (position, batch.received_ns, frame.encode_frame(batch, self._dictionary, position))
            for position, batch in enumerate(batches, self._last + 1)
        ]
        size = sum(len(row[2]) for row in rows) + dead_letter_rows.KEPT_BYTES * len(dead_letters) + len(note)
        notes = [(self._last + len(rows), note)] if note else []

        def work(connection: sqlite3.Connection) -> int:
            connection.executemany("INSERT INTO batches(position, received_ns, frame) VALUES (?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO device_notes VALUES (?, ?)", notes)
            return dead_letter_rows.insert(connection, dead_letters, self._quota) if dead_letters else 0

        evicted = self._writer.store(size, work)
        _count(self.counts, dead_letters, evicted)
        with self._news:
            self._last += len(rows)
            self._news.notify_all()
        return self._last

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order; fewer when they are large."""
        return self.reader.read(after, limit)

    def wait(self, after: Position, timeout_s: float) -> bool:
        """Wait until an entry behind `after` exists; False when `timeout_s` passed first."""
        with self._news:
            return self._news.wait_for(lambda: self._last > after, timeout_s)

    def trim(self, before: Position) -> int:
        """Forget entries at or before `before`, a range at a time; returns how many."""
        total = 0
        first = self.reader.first_position()
        while 0 < first <= before:
            until = min(before, first + _TRIM_POSITIONS - 1)
            total += self._writer.change(partial(_delete, until=until))
            first = until + 1
        return total

    def record_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Store `dead_letters` alone; at the cap the older half of all dead letters makes room first.

        Raises:
            JournalFullError: nothing was stored.
            JournalBrokenError: the process must restart.
        """
        try:
            evicted = self._writer.change(
                lambda connection: dead_letter_rows.insert(connection, dead_letters, self._quota)
            )
        except JournalFullError:
            self.counts["dead_letters_evicted", "full"] += self._writer.change(dead_letter_rows.evict_half)
            evicted = self._writer.change(
                lambda connection: dead_letter_rows.insert(connection, dead_letters, self._quota)
            )
        _count(self.counts, dead_letters, evicted)

    def dead_letters(self, limit: int, reason: DeadLetterReason | None = None) -> list[DeadLetter]:
        """Return the newest `limit` dead letters, newest first."""
        return self.reader.dead_letters(limit, reason)

    def save_cursor(self, name: str, position: Position) -> None:
        """Keep how far `name` has come, durably."""
        self._writer.change(lambda connection: _save_cursor(connection, name, position))

    def cursor(self, name: str) -> Position:
        """Return the position that `name` saved, 0 when it never did."""
        return self.reader.cursor(name)

    def position_at(self, received_ns: int) -> Position:
        """Return the last position received before `received_ns`, 0 when all are younger."""
        return self.reader.position_at(received_ns)

    def notes(self, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return at most `limit` notes behind `after` with their positions, in order."""
        return self.reader.notes(after, limit)

    def last_position(self) -> Position:
        """Return the highest position ever given, 0 before the first."""
        return self._last

    def status(self) -> JournalStatus:
        """Return how full the journal is."""
        first = self.reader.first_position()
        return JournalStatus(
            bytes=self._writer.used_bytes(),
            max_bytes=self._max_bytes,
            entries=self._last - first + 1 if first else 0,
            first=first,
            last=self._last,
            full=bool(self._writer.full),
        )

    def close(self) -> None:
        """Close readers, checkpoint, close the file."""
        self.reader.close()
        self._writer.close()


def _count(counts: Counter[tuple[str, str]], dead_letters: Sequence[DeadLetter], evicted: int) -> None:
    for letter in dead_letters:
        counts["dead_letters", str(letter.reason)] += 1
    if evicted:
        counts["dead_letters_evicted", "quota"] += evicted


def _check(batches: Sequence[ReadingBatch], n_sensors: int) -> None:
    for batch in batches:
        if len(batch) and not (batch.sensor.min() >= 0 and batch.sensor.max() < n_sensors):
            message = f"batch of {batch.received_ns}: expected sensor numbers 0..{n_sensors - 1}, got others"
            raise ValueError(message)


def _start(connection: sqlite3.Connection, sensor_ids: Sequence[str]) -> Position:
    """Store today's dictionary unless it is the newest, forget those that no batch needs; returns the last position."""
    last: int = connection.execute(LAST_POSITION).fetchone()[0]
    first: int = connection.execute(FIRST_POSITION).fetchone()[0]
    name = frame.dictionary_name(sensor_ids)
    newest = connection.execute("SELECT name FROM dictionaries ORDER BY id DESC LIMIT 1").fetchone()
    if newest is None or newest[0] != name:
        connection.execute(
            "INSERT INTO dictionaries(name, sensor_ids, first_position) VALUES (?, ?, ?)",
            (name, frame.pack_ids(sensor_ids), last + 1),
        )
    # A dictionary is needed until the one after it has the oldest batch that is left.
    connection.execute(
        """DELETE FROM dictionaries WHERE id < (SELECT max(id) FROM dictionaries WHERE first_position <= ?)""",
        (first or last + 1,),
    )
    return last


def _save_cursor(connection: sqlite3.Connection, name: str, position: Position) -> None:
    query = "INSERT INTO cursors VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET position = excluded.position"
    connection.execute(query, (name, position))
    if name == DEVICES:
        connection.execute("DELETE FROM device_notes WHERE position <= ?", (position,))


def _delete(connection: sqlite3.Connection, until: Position) -> int:
    return connection.execute("DELETE FROM batches WHERE position <= ?", (until,)).rowcount
