"""I/O: reads a journal file, also one that another process is writing, and around pages that cannot be read.

Input: a path, and the sensor ids of the register.
Output: entries with the dense numbers of the register, positions, dead letters, cursors.
Not responsible for: writing and checkpoints; the connections are read-only.
Rejects: a row that cannot be read or has a wrong CRC. It is set aside: counted, logged, passed over and kept in the
file.

A damaged page hides the rows on it and no other row. The next readable row is found by galloping over the keys.
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
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal import Entry, Position, dead_letters, frame
from collector.journal.schema import FIRST_POSITION, LAST_POSITION

Row = tuple[int, bytes]

_READ_BYTES = 32 << 20
"""One look-up stops early beyond this, so that a long back-log never fills the memory; assumed."""
_RANGE = "SELECT position, frame FROM batches WHERE position > ? ORDER BY position LIMIT ?"
_NEXT = "SELECT position FROM batches WHERE position > ? ORDER BY position LIMIT 1"

_POLL_S = 0.05
"""Pause between two looks at the journal of another process; assumed, far below the 1 s tick."""


class JournalReader:
    """Reads one journal file. Safe to use from several threads."""

    def __init__(self, path: Path, sensor_ids: Sequence[str]) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        """Connections; a new one is opened when all are in use."""
        self._index = {id_: i for i, id_ in enumerate(sensor_ids)}
        self._today = frame.dictionary_name(sensor_ids)
        self._numbers: dict[bytes, NDArray[np.int32]] = {}
        self._set_aside: set[Position] = set()

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order, passing over rows that are set aside."""
        while rows := self._read_rows(after, limit):
            entries = [entry for row in rows if (entry := self._make_entry(*row)) is not None]
            if entries:
                return entries
            after = rows[-1][0]
        return []

    def wait(self, after: Position, timeout_s: float) -> bool:
        """Wait until an entry behind `after` exists, by asking the file; False when `timeout_s` passed first."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while self.last_position() <= after:
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                return False
            pause.wait(min(rest_s, _POLL_S))
        return True

    def last_position(self) -> Position:
        """Return the highest position ever given, 0 before the first."""
        return (self._read_first(LAST_POSITION) or (0,))[0]

    def first_position(self) -> Position:
        """Return the oldest position still stored, 0 when there is none."""
        return (self._read_first(FIRST_POSITION) or (0,))[0]

    def position_at(self, received_ns: int) -> Position:
        """Return the last position received before `received_ns`, 0 when all are younger: for `trim` and replay."""
        low, high = self.first_position(), self.last_position() + 1
        if low == 0:
            return 0
        while low < high:
            middle = (low + high) // 2
            row = self._read_first("SELECT position, received_ns FROM batches WHERE position >= ? LIMIT 1", (middle,))
            if row is None or row[0] >= high or row[1] >= received_ns:
                high = middle
            else:
                low = row[0] + 1
        return low - 1

    def cursor(self, name: str) -> Position:
        """Return the position that `name` saved, 0 when it never did."""
        return (self._read_first("SELECT position FROM cursors WHERE name = ?", (name,)) or (0,))[0]

    def notes(self, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return at most `limit` notes behind `after` with their positions, in order."""
        query = "SELECT position, note FROM device_notes WHERE position > ? ORDER BY position LIMIT ?"
        with self._connection() as connection:
            return connection.execute(query, (after, limit)).fetchall()

    def dead_letters(self, limit: int, reason: DeadLetterReason | None = None) -> list[DeadLetter]:
        """Return the newest `limit` dead letters, newest first; `detail` names a cut payload."""
        with self._connection() as connection:
            return dead_letters.select(connection, limit, reason)

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for the time of a `with` block."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _open(self._path)
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _read_first(self, query: str, values: tuple[int | str, ...] = ()) -> tuple[int, ...] | None:
        """Return the first row of `query`, None when there is none."""
        with self._connection() as connection, closing(connection.execute(query, values)) as cursor:
            row: tuple[int, ...] | None = cursor.fetchone()
            return row

    def _read_rows(self, after: Position, limit: int) -> list[Row]:
        with self._connection() as connection:
            last: int = connection.execute(LAST_POSITION).fetchone()[0]
            rows, skipped = read_rows(connection, after, limit, last)
        if skipped:
            self._put_aside(rows[0][0] - skipped if rows else last, skipped, "the page cannot be read")
        return rows

    def _make_entry(self, position: Position, packed: bytes) -> Entry | None:
        try:
            dictionary, batch = frame.decode_frame(packed, position)
            return Entry(position, self._renumber(batch, dictionary))
        except (frame.FrameError, LookupError) as error:
            self._put_aside(position, 1, str(error))
            return None

    def _put_aside(self, position: Position, n: int, error: str) -> None:
        if position not in self._set_aside:
            self._set_aside.add(position)
            self.counts["journal_rows_set_aside", "unreadable"] += n
            structlog.get_logger().error("journal_row_set_aside", position=position, rows=n, error=error)

    def _renumber(self, stored: ReadingBatch, dictionary: bytes) -> ReadingBatch:
        """Return the batch with the numbers of the register."""
        if dictionary == self._today:
            return stored
        numbers = self._numbers.get(dictionary)
        if numbers is None:
            numbers = self._numbers[dictionary] = self._load_numbers(dictionary)
        batch = frame.renumber(stored, numbers)
        if gone := len(stored) - len(batch):
            self.counts["journal_readings_dropped", "sensor_left_register"] += gone
        return batch

    def _load_numbers(self, name: bytes) -> NDArray[np.int32]:
        row = self._read_dictionary(name)
        if row is None:
            raise LookupError(f"dictionary {name.hex()} is missing")
        return frame.numbers_now(frame.unpack_ids(row[0]), self._index)

    def _read_dictionary(self, name: bytes) -> tuple[bytes] | None:
        with self._connection() as connection:
            row: tuple[bytes] | None = connection.execute(
                "SELECT sensor_ids FROM dictionaries WHERE name = ?", (name,)
            ).fetchone()
            return row


def read_rows(connection: sqlite3.Connection, after: int, limit: int, last: int) -> tuple[list[Row], int]:
    """Return at most `limit` readable rows behind `after`, and how many positions before the first were unreadable.

    Args:
        connection: open for reading.
        after: a position.
        limit: at least 1.
        last: the highest position ever given: where looking for a readable row ends.
    """
    rows: list[Row] = []
    try:
        _collect(connection, after, limit, rows)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
    else:
        return rows, 0
    if rows:  # what came before the damage; the next look-up starts at it
        return rows, 0
    return _behind_damage(connection, after, last)


def _collect(connection: sqlite3.Connection, after: int, limit: int, rows: list[Row]) -> None:
    size = 0
    with closing(connection.execute(_RANGE, (after, limit))) as cursor:
        for row in cursor:
            if not isinstance(row[1], bytes) or row[0] <= (rows[-1][0] if rows else after):
                raise _damage(row[0])
            rows.append(row)
            size += len(row[1])
            if size > _READ_BYTES:
                return


def _behind_damage(connection: sqlite3.Connection, after: int, last: int) -> tuple[list[Row], int]:
    """Return the first readable row behind the damaged page that follows `after`."""
    rows: list[Row] = []
    start = after
    while after < last:
        after = _gallop(connection, after, last)
        try:
            _collect(connection, after, 1, rows)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            after += 1  # this key is found, but the rest of its row is not
            continue
        break
    skipped = (rows[0][0] if rows else last + 1) - start - 1
    return rows, skipped


def _gallop(connection: sqlite3.Connection, after: int, last: int) -> int:
    """Return the lowest place, at or behind `after`, from which a next key can be found; `last` without any."""
    if _finds(connection, after):
        return after
    step = 1
    while after + step < last and not _finds(connection, after + step):
        step *= 2
    low, high = after + step // 2, min(after + step, last)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _finds(connection, middle) else (middle, high)
    return high


def _finds(connection: sqlite3.Connection, after: int) -> bool:
    try:
        connection.execute(_NEXT, (after,)).fetchall()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return False
    return True


def _damage(position: int) -> sqlite3.DatabaseError:
    """Return the error that SQLite would have raised for a cell that cannot be as written."""
    error = sqlite3.DatabaseError(f"row {position}: expected a frame behind the one before")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a journal file, got none; check the path")
    address = path.resolve().as_uri()
    try:
        return _connect(f"{address}?mode=ro")
    except sqlite3.OperationalError:
        # A copy on a medium that cannot be written has no room for a -shm file; without a WAL it needs none.
        if path.with_name(path.name + "-wal").exists():
            raise
        return _connect(f"{address}?immutable=1")


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.OperationalError:
        connection.close()
        raise
    return connection
