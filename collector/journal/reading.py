"""I/O: reads a journal through read-only connections, also one that another process is writing.

Comes in: a path and today's sensor ids. Goes out: entries in order with today's dense numbers, dead letters, cursors.
A row that cannot be read or whose CRC is wrong is set aside: counted, logged, skipped and kept in the file.
Refuses to write and to checkpoint.
"""

import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter, Reason
from collector.journal import Entry, Position, frame, letters
from collector.journal.schema import FIRST_POSITION, LAST_POSITION

_READ_BYTES = 32 << 20
"""One `read` stops early beyond this, so that a long back-log never fills the memory; assumed."""
_POLL_S = 0.05
"""How often another process's journal is asked for news; assumed, far below the 1 s tick."""


class JournalReader:
    """Reads one journal file. Safe to use from several threads."""

    def __init__(self, path: Path, sensor_ids: Sequence[str]) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._log = structlog.get_logger(journal=str(path))
        self._path = path
        self._index = {id_: i for i, id_ in enumerate(sensor_ids)}
        self._today = frame.dictionary_name(sensor_ids)
        self._numbers: dict[bytes, NDArray[np.int32]] = {}
        self._idle: deque[sqlite3.Connection] = deque()
        self._set_aside: set[Position] = set()

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order; fewer when they are large.

        Set-aside rows are passed over; when all rows of one look-up are bad, the look-up goes on behind them.
        """
        while True:
            rows = self._rows(after, limit)
            entries = [entry for entry in (self._entry(*row) for row in rows) if entry is not None]
            if entries or not rows:
                return entries
            after = rows[-1][0]

    def wait(self, after: Position, timeout_s: float) -> bool:
        """Wait until an entry behind `after` exists, by asking the file; False when `timeout_s` passed first."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while self.last_position() <= after:
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            pause.wait(min(rest, _POLL_S))
        return True

    def last_position(self) -> Position:
        """Return the highest position ever given, 0 before the first."""
        return self._one(LAST_POSITION)

    def first_position(self) -> Position:
        """Return the oldest position still stored, 0 when there is none."""
        return self._one(FIRST_POSITION)

    def position_at(self, received_ns: int) -> Position:
        """Return the last position received before `received_ns`; 0 when all are younger. For `trim` and replay."""
        low, high = self.first_position(), self.last_position() + 1
        if low == 0:
            return 0
        while low < high:
            middle = (low + high) // 2
            row = self._first("SELECT position, received_ns FROM batches WHERE position >= ? LIMIT 1", (middle,))
            if row is None or row[0] >= high or row[1] >= received_ns:
                high = middle
            else:
                low = row[0] + 1
        return low - 1

    def cursor(self, name: str) -> Position:
        """Return the position that `name` saved, 0 when it never did."""
        row = self._first("SELECT position FROM cursors WHERE name = ?", (name,))
        return 0 if row is None else row[0]

    def dead_letters(self, limit: int, reason: Reason | None = None) -> list[DeadLetter]:
        """Return the newest `limit` dead letters, newest first."""
        with self._connection() as connection:
            return letters.select(connection, limit, reason)

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _one(self, query: str) -> int:
        row = self._first(query, ())
        return 0 if row is None else row[0]

    def _first(self, query: str, values: tuple[int | str, ...]) -> tuple[int, ...] | None:
        with self._connection() as connection, closing(connection.execute(query, values)) as cursor:
            row: tuple[int, ...] | None = cursor.fetchone()
            return row

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = open_readable(self._path)
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _rows(self, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        query = "SELECT position, frame FROM batches WHERE position > ? ORDER BY position LIMIT ?"
        rows: list[tuple[Position, bytes]] = []
        size = 0
        with self._connection() as connection, closing(connection.execute(query, (after, limit))) as cursor:
            for row in cursor:
                rows.append(row)
                size += len(row[1])
                if size > _READ_BYTES:
                    break
        return rows

    def _entry(self, position: Position, packed: bytes) -> Entry | None:
        try:
            decoded = frame.decode(packed)
            return Entry(position, self._today_numbers(decoded))
        except (frame.FrameError, KeyError, IndexError) as error:
            if position not in self._set_aside:
                self._set_aside.add(position)
                self.counts["journal_rows_set_aside", "checksum"] += 1
                self._log.error("journal_row_set_aside", position=position, error=str(error))
            return None

    def _today_numbers(self, decoded: frame.Frame) -> ReadingBatch:
        if decoded.dictionary == self._today:
            return decoded.batch
        numbers = self._numbers.get(decoded.dictionary)
        if numbers is None:
            numbers = self._numbers[decoded.dictionary] = self._load_numbers(decoded.dictionary)
        batch = frame.renumber(decoded.batch, numbers)
        if gone := len(decoded.batch) - len(batch):
            self.counts["journal_readings_dropped", "sensor_left_register"] += gone
        return batch

    def _load_numbers(self, name: bytes) -> NDArray[np.int32]:
        with self._connection() as connection:
            row = connection.execute("SELECT sensor_ids FROM dictionaries WHERE name = ?", (name,)).fetchone()
        if row is None:
            message = f"dictionary {name.hex()} is missing"
            raise KeyError(message)
        return frame.numbers_now(frame.unpack_ids(row[0]), self._index)


def open_readable(path: Path) -> sqlite3.Connection:
    """Return a connection that can never write or checkpoint."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection
