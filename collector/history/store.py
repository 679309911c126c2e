"""I/O: the SQLite file of the embedded history: raw log, minute blocks, stable sensor numbers.

Comes in: packed readings and blocks. Goes out: the same. Refuses to know batches, retention and when to fold.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from collector.history import blocks
from collector.history.blocks import KEYS_PER_MINUTE, MAX_PARTS, RAW, RawReadings

_PAGE_BYTES = 16384
"""A minute of one sensor at 1 Hz, 1,020 bytes, then needs no overflow page."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sensors(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)",
    """CREATE TABLE IF NOT EXISTS raw(
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_ns INTEGER NOT NULL, readings BLOB NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS blocks(key INTEGER PRIMARY KEY, readings BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS minutes(minute INTEGER PRIMARY KEY, parts INTEGER NOT NULL)",
)
# minutes is the outer loop: one look-up by key for each minute that has anything at all.
_SELECT = f"""SELECT blocks.readings FROM minutes CROSS JOIN blocks
    WHERE minute BETWEEN ? AND ? AND key BETWEEN minute * {KEYS_PER_MINUTE} + ? AND minute * {KEYS_PER_MINUTE} + ?
    ORDER BY key"""  # noqa: S608 - constants only
_SPAN = "SELECT key, readings FROM blocks WHERE key BETWEEN ? AND ? ORDER BY key"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One write in the raw log."""

    id: int
    received_ns: int
    readings: RawReadings


class Store:
    """Two connections to the file: one writes, one reads; each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = _open_or_set_aside(path)
        self._reader = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._reading = threading.Lock()

    def numbers(self, sensor_ids: Sequence[str]) -> NDArray[np.int32]:
        """Return the stored number of each sensor id; new ids get one that no other sensor ever had."""
        with self._transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO sensors(id) VALUES (?)", [(id_,) for id_ in sensor_ids])
            stored: dict[str, int] = dict(connection.execute("SELECT id, number FROM sensors").fetchall())
        return np.fromiter((stored[id_] for id_ in sensor_ids), np.int32, len(sensor_ids))

    def append(self, received_ns: int, readings: RawReadings) -> RawRow:
        """Store one raw row durably."""
        with self._transaction() as connection:
            query = "INSERT INTO raw(received_ns, readings) VALUES (?, ?)"
            row_id = connection.execute(query, (received_ns, readings.tobytes())).lastrowid
        return RawRow(row_id or 0, received_ns, readings)

    def tail(self) -> tuple[RawRow, ...]:
        """Return the raw log that is not folded yet."""
        rows = self._connection.execute("SELECT id, received_ns, readings FROM raw ORDER BY id").fetchall()
        return tuple(RawRow(row_id, received_ns, np.frombuffer(packed, RAW)) for row_id, received_ns, packed in rows)

    def fold(self, rows: Sequence[RawRow]) -> None:
        """Turn the oldest `rows` of the raw log into blocks, in one transaction."""
        readings = np.concatenate([row.readings for row in rows])
        with self._transaction() as connection:
            minutes = np.unique(blocks.minutes_of(readings["time_ns"])).tolist()
            parts = {minute: _next_part(connection, minute) for minute in minutes}
            _insert(connection, readings, parts)
            connection.execute("DELETE FROM raw WHERE id <= ?", (rows[-1].id,))

    def expire(self, before_minute: int, limit: int) -> int:
        """Delete the oldest blocks of at most `limit` minutes before `before_minute`; returns how many minutes."""
        query = "SELECT minute FROM minutes WHERE minute < ? ORDER BY minute LIMIT ?"
        minutes = [row[0] for row in self._connection.execute(query, (before_minute, limit)).fetchall()]
        if minutes:
            with self._transaction() as connection:
                connection.execute("DELETE FROM blocks WHERE key < ?", ((minutes[-1] + 1) * KEYS_PER_MINUTE,))
                connection.execute("DELETE FROM minutes WHERE minute <= ?", (minutes[-1],))
        return len(minutes)

    def blocks(self, number: int, first_minute: int, last_minute: int) -> list[bytes]:
        """Return the blocks of one stored sensor number, both minutes included, in the order of writing."""
        low = number * MAX_PARTS
        with self._reading:
            rows = self._reader.execute(_SELECT, (first_minute, last_minute, low, low + MAX_PARTS - 1)).fetchall()
        return [row[0] for row in rows]

    def span(self, first_minute: int, last_minute: int) -> RawReadings:
        """Return the folded readings of all sensors, both minutes included; of one sensor in the order of writing."""
        low, high = first_minute * KEYS_PER_MINUTE, (last_minute + 1) * KEYS_PER_MINUTE - 1
        with self._reading:
            rows = self._reader.execute(_SPAN, (low, high)).fetchall()
        return blocks.unfold(rows)

    def minutes(self) -> Iterator[RawReadings]:
        """Give the readings of each folded minute."""
        with self._reading:
            minutes = [row[0] for row in self._reader.execute("SELECT minute FROM minutes").fetchall()]
            for minute in minutes:
                yield _minute(self._reader, minute)

    def close(self) -> None:
        """Checkpoint and close."""
        with self._reading:
            self._reader.close()
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _next_part(connection: sqlite3.Connection, minute: int) -> int:
    row = connection.execute("SELECT parts FROM minutes WHERE minute = ?", (minute,)).fetchone()
    part = 0 if row is None else row[0]
    if part == MAX_PARTS:
        merged = _minute(connection, minute)
        low = minute * KEYS_PER_MINUTE
        connection.execute("DELETE FROM blocks WHERE key BETWEEN ? AND ?", (low, low + KEYS_PER_MINUTE - 1))
        _insert(connection, merged, {minute: 0})
        part = 1
    return part


def _minute(connection: sqlite3.Connection, minute: int) -> RawReadings:
    low = minute * KEYS_PER_MINUTE
    # By part first: what was written later stands later, for `last_of_equal`.
    query = f"SELECT key, readings FROM blocks WHERE key BETWEEN ? AND ? ORDER BY key % {MAX_PARTS}, key"  # noqa: S608
    return blocks.unfold(connection.execute(query, (low, low + KEYS_PER_MINUTE - 1)).fetchall())


def _insert(connection: sqlite3.Connection, readings: RawReadings, parts: dict[int, int]) -> None:
    connection.executemany("INSERT INTO blocks VALUES (?, ?)", blocks.fold(readings, parts))
    connection.executemany(
        "INSERT INTO minutes VALUES (?, ?) ON CONFLICT(minute) DO UPDATE SET parts = excluded.parts",
        [(minute, part + 1) for minute, part in parts.items()],
    )


def _open_or_set_aside(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        aside = _free_name(path)
        structlog.get_logger(history=str(path)).error(
            "history_corrupt", error=str(error), kept_as=str(aside), remedy="a new history is started beside it"
        )
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return _open(path)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.corrupt-{i}") for i in range(1, 1000))
    return next(name for name in names if not name.exists())


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}").fetchall()
        # Debian builds SQLite to overwrite what is deleted: a fold would then write every reading twice.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = OFF", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for table in _TABLES:
            connection.execute(table)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
