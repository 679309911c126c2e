"""I/O: the embedded history: a raw log in SQLite, folded into one block per sensor and minute.

Input: batches, and queries of one sensor.
Output: `Series`.
Not responsible for: the journal and the clock; retention counts back from the newest `received_ns` seen.
Rejects: nothing; an embedded history takes every point.

Each write is one durable row of packed readings. When a received minute has ended, or the raw log is long, a write
first folds a bounded piece of it. So no single write waits for a whole minute. Queries join the blocks with the
raw log, which stays in memory too. Each sensor has a stable number of its own in the file.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter
from collector.history import HistoryUnavailableError, Series
from collector.history.blocks import (
    KEYS_PER_MINUTE,
    MAX_PARTS,
    MINUTE_NS,
    NO_READINGS,
    RAW,
    RawReadings,
    fold,
    minutes_of,
    raw_readings,
    unfold,
    unpack_block,
)
from collector.history.series import between, in_time_order, last_of_equal, mean_of_steps

_DAY_NS = 86_400 * 1_000_000_000
_LONG_READINGS = 600_000
"""Raw readings from which on every write folds a piece: a minute of 10,000 sensors at 1 Hz."""
_PIECE_READINGS = 200_000
"""Readings folded by one write, at most; about 0.1 s here."""
_EXPIRED_MINUTES = 4
"""Minutes forgotten by one write, at most."""
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
class _RawRow:
    """One write in the raw log."""

    id: int
    received_ns: int
    readings: RawReadings


class SqliteHistory:
    """A `History` in one file. Safe to use from several threads."""

    def __init__(self, path: Path, sensor_ids: Sequence[str], retention_days: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._writing = threading.Lock()
        self._store = _Store(path)
        self._numbers = self._store.numbers(sensor_ids)
        self._retention_ns = int(retention_days * _DAY_NS)
        self._newest_ns = 0
        self._broken = ""
        # Replaced, never changed: a reader keeps the tuple it took. It takes it before it reads the blocks, so that a
        # fold in between shows readings twice (and they are deduplicated), never not at all.
        self._tail = self._store.tail()

    def write(self, batches: Sequence[ReadingBatch]) -> list[DeadLetter]:
        """Store the readings durably; an embedded history refuses none.

        Raises:
            HistoryUnavailableError: the disk did not take it; the caller repeats the same batches.
        """
        with self._writing:
            if self._broken:
                raise HistoryUnavailableError(self._broken)
            try:
                self._newest_ns = max([self._newest_ns, *(batch.received_ns for batch in batches)])
                # Before the append: a fold that fails again and again must not leave a raw row each time.
                self._fold_a_piece()
                self._expire()
                self._append(batches)
            except sqlite3.Error as error:
                self._broken = _fatal(error)
                raise HistoryUnavailableError(f"embedded history: {error}") from error
        return []

    def read(self, sensor: int, start_ns: int, end_ns: int, step_ns: int = 0) -> Series:
        """Return readings of `sensor` with start_ns <= time < end_ns; with `step_ns` the mean of each step.

        Raises:
            HistoryUnavailableError: the file cannot be read.
        """
        number = int(self._numbers[sensor])
        recent = [row.readings[row.readings["sensor"] == number] for row in self._tail]
        try:
            blocks = self._store.blocks(number, start_ns // MINUTE_NS, (end_ns - 1) // MINUTE_NS)
        except sqlite3.Error as error:
            raise HistoryUnavailableError(f"embedded history: {error}") from error
        series = between(in_time_order(_join(unpack_block(blocks), recent)), start_ns, end_ns)
        return mean_of_steps(series, step_ns) if step_ns else series

    def read_all(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.int32], Series]:
        """Return the sensor of each reading, and the readings of all with start_ns <= time < end_ns.

        They are by sensor, then time; sensors that the register does not have are left out.

        Raises:
            HistoryUnavailableError: the file cannot be read.
        """
        tail = [row.readings for row in self._tail]
        try:
            stored = self._store.span(start_ns // MINUTE_NS, (end_ns - 1) // MINUTE_NS)
        except sqlite3.Error as error:
            raise HistoryUnavailableError(f"embedded history: {error}") from error
        readings = np.concatenate([stored, *tail])
        highest = max(int(numbers.max(initial=0)) for numbers in (self._numbers, readings["sensor"]))
        dense = np.full(highest + 1, -1, np.int32)
        dense[self._numbers] = np.arange(len(self._numbers), dtype=np.int32)
        sensor, time_ns = dense[readings["sensor"]], readings["time_ns"]
        wanted = np.flatnonzero((sensor >= 0) & (time_ns >= start_ns) & (time_ns < end_ns))
        kept = wanted[last_of_equal(sensor[wanted], time_ns[wanted])]
        return sensor[kept], Series(time_ns[kept], readings["value"][kept], readings["quality"][kept])

    def count(self, sensor: int | None = None) -> int:
        """Return how many distinct points are stored, of `sensor` or of all; reads everything, for tests and checks."""
        tail = [row.readings for row in self._tail]
        points = np.concatenate([_points(piece) for piece in chain(self._store.minutes(), tail)] or [_NO_POINTS])
        if sensor is not None:
            points = points[points["sensor"] == self._numbers[sensor]]
        return len(np.unique(points))

    def close(self) -> None:
        """Close the file."""
        with self._writing:
            self._store.close()

    def _append(self, batches: Sequence[ReadingBatch]) -> None:
        readings = np.concatenate([self._stored(batch) for batch in batches] or [NO_READINGS])
        for start in range(0, len(readings), _PIECE_READINGS):
            row = self._store.append(self._newest_ns, readings[start : start + _PIECE_READINGS])
            self._tail = (*self._tail, row)

    def _stored(self, batch: ReadingBatch) -> RawReadings:
        return raw_readings(self._numbers[batch.sensor], batch.time_ns, batch.value, batch.quality)

    def _fold_a_piece(self) -> None:
        is_long = sum(len(row.readings) for row in self._tail) > _LONG_READINGS
        if not self._tail or not (is_long or _minute(self._tail[0]) < self._newest_ns // MINUTE_NS):
            return
        rows = _piece(self._tail)
        self._store.fold(rows)
        self._tail = self._tail[len(rows) :]

    def _expire(self) -> None:
        before = (self._newest_ns - self._retention_ns) // MINUTE_NS
        if expired := self._store.expire(before, _EXPIRED_MINUTES):
            self.counts["history_minutes_expired", "retention"] += expired


_POINT = np.dtype([("sensor", "<i4"), ("time_ns", "<i8")])
_NO_POINTS = np.empty(0, _POINT)


def _fatal(error: sqlite3.Error) -> str:
    """Return why nothing may be written any more: after a failed sync the kernel may answer success for lost pages."""
    if getattr(error, "sqlite_errorcode", 0) not in {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}:
        return ""
    return f"embedded history: {error}; restart"


def _points(readings: RawReadings) -> RawReadings:
    points = np.empty(len(readings), _POINT)
    points["sensor"], points["time_ns"] = readings["sensor"], readings["time_ns"]
    return points


def _minute(row: _RawRow) -> int:
    return row.received_ns // MINUTE_NS


def _piece(tail: Sequence[_RawRow]) -> list[_RawRow]:
    """Return the oldest rows of one received minute, at least one, no more than one write may fold."""
    minute, total = _minute(tail[0]), 0
    rows: list[_RawRow] = []
    for row in takewhile(lambda row: _minute(row) == minute, tail):
        total += len(row.readings)
        if rows and total > _PIECE_READINGS:
            break
        rows.append(row)
    return rows


def _join(series: Series, recent: Sequence[RawReadings]) -> Series:
    return Series(
        np.concatenate([series.time_ns, *(piece["time_ns"] for piece in recent)]),
        np.concatenate([series.value, *(piece["value"] for piece in recent)]),
        np.concatenate([series.quality, *(piece["quality"] for piece in recent)]),
    )


class _Store:
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

    def append(self, received_ns: int, readings: RawReadings) -> _RawRow:
        """Store one raw row durably."""
        with self._transaction() as connection:
            query = "INSERT INTO raw(received_ns, readings) VALUES (?, ?)"
            row_id = connection.execute(query, (received_ns, readings.tobytes())).lastrowid
        return _RawRow(row_id or 0, received_ns, readings)

    def tail(self) -> tuple[_RawRow, ...]:
        """Return the raw log that is not folded yet."""
        rows = self._connection.execute("SELECT id, received_ns, readings FROM raw ORDER BY id").fetchall()
        return tuple(_RawRow(row_id, received_ns, np.frombuffer(packed, RAW)) for row_id, received_ns, packed in rows)

    def fold(self, rows: Sequence[_RawRow]) -> None:
        """Turn the oldest `rows` of the raw log into blocks, in one transaction."""
        readings = np.concatenate([row.readings for row in rows])
        with self._transaction() as connection:
            minutes = np.unique(minutes_of(readings["time_ns"])).tolist()
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
        return unfold(rows)

    def minutes(self) -> Iterator[RawReadings]:
        """Give the readings of each folded minute."""
        with self._reading:
            minutes = [row[0] for row in self._reader.execute("SELECT minute FROM minutes").fetchall()]
            for minute in minutes:
                yield _read_minute(self._reader, minute)

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
        merged = _read_minute(connection, minute)
        low = minute * KEYS_PER_MINUTE
        connection.execute("DELETE FROM blocks WHERE key BETWEEN ? AND ?", (low, low + KEYS_PER_MINUTE - 1))
        _insert(connection, merged, {minute: 0})
        part = 1
    return part


def _read_minute(connection: sqlite3.Connection, minute: int) -> RawReadings:
    low = minute * KEYS_PER_MINUTE
    # By part first: what was written later stands later, for `last_of_equal`.
    query = f"SELECT key, readings FROM blocks WHERE key BETWEEN ? AND ? ORDER BY key % {MAX_PARTS}, key"  # noqa: S608
    return unfold(connection.execute(query, (low, low + KEYS_PER_MINUTE - 1)).fetchall())


def _insert(connection: sqlite3.Connection, readings: RawReadings, parts: dict[int, int]) -> None:
    connection.executemany("INSERT INTO blocks VALUES (?, ?)", fold(readings, parts))
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
