"""I/O: the embedded history: a raw log in SQLite, folded into one block per sensor and minute.

Comes in: batches, queries of one sensor. Goes out: `Series`. Refuses to know the journal and the clock: retention
counts back from the newest `received_ns` seen.

Each write is one durable row of packed readings. When a received minute has ended, or the raw log is long, a write
first folds a bounded piece of it, so that no single write waits for a whole minute. Queries join the blocks with the
raw log, which stays in memory too.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from itertools import chain, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter
from collector.history import HistoryUnavailableError, Series
from collector.history.blocks import MINUTE_NS, NO_READINGS, RawReadings, raw_readings, unpack
from collector.history.series import between, in_time_order, last_of_equal, mean_of_steps
from collector.history.store import RawRow, Store

_DAY_NS = 86_400 * 1_000_000_000
_LONG_READINGS = 600_000
"""Raw readings from which on every write folds a piece: a minute of 10,000 sensors at 1 Hz."""
_PIECE_READINGS = 200_000
"""Readings folded by one write, at most; about 0.1 s here."""
_EXPIRED_MINUTES = 4
"""Minutes forgotten by one write, at most."""


class SqliteHistory:
    """A `History` in one file. Safe to use from several threads."""

    def __init__(self, path: Path, sensor_ids: Sequence[str], retention_days: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._writing = threading.Lock()
        self._store = Store(path)
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
        series = between(in_time_order(_join(unpack(blocks), recent)), start_ns, end_ns)
        return mean_of_steps(series, step_ns) if step_ns else series

    def read_all(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.int32], Series]:
        """Return the sensor of each reading, and the readings of all with start_ns <= time < end_ns.

        They are by sensor, then time; what the register does not have is left out.

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


def _minute(row: RawRow) -> int:
    return row.received_ns // MINUTE_NS


def _piece(tail: Sequence[RawRow]) -> list[RawRow]:
    """Return the oldest rows of one received minute, at least one, no more than one write may fold."""
    minute, total = _minute(tail[0]), 0
    rows: list[RawRow] = []
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
