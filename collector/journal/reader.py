"""I/O: reads a journal, also one that another process is writing: for replay, explain and the journal itself.

Comes in: a path and today's sensor ids. Goes out: entries in order, positions, dead letters, cursors.
Refuses to write and to checkpoint.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from collector.dead_letter import DeadLetter, Reason
from collector.journal import Entry, Position, dead_letters
from collector.journal.entries import EntryReader
from collector.journal.pool import ReadPool
from collector.journal.schema import FIRST_POSITION, LAST_POSITION

_POLL_S = 0.05
"""How often another process's journal is asked for news; assumed, far below the 1 s tick."""


class JournalReader:
    """Reads one journal file. Safe to use from several threads."""

    def __init__(self, path: Path, sensor_ids: Sequence[str]) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._pool = ReadPool(path)
        self._entries = EntryReader(self._pool, sensor_ids, self.counts)

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order; fewer when they are large."""
        return self._entries.read(after, limit)

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
        return (self._pool.first(LAST_POSITION) or (0,))[0]

    def first_position(self) -> Position:
        """Return the oldest position still stored, 0 when there is none."""
        return (self._pool.first(FIRST_POSITION) or (0,))[0]

    def position_at(self, received_ns: int) -> Position:
        """Return the last position received before `received_ns`, 0 when all are younger: for `trim` and replay."""
        low, high = self.first_position(), self.last_position() + 1
        if low == 0:
            return 0
        while low < high:
            middle = (low + high) // 2
            row = self._pool.first("SELECT position, received_ns FROM batches WHERE position >= ? LIMIT 1", (middle,))
            if row is None or row[0] >= high or row[1] >= received_ns:
                high = middle
            else:
                low = row[0] + 1
        return low - 1

    def cursor(self, name: str) -> Position:
        """Return the position that `name` saved, 0 when it never did."""
        return (self._pool.first("SELECT position FROM cursors WHERE name = ?", (name,)) or (0,))[0]

    def notes(self, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return at most `limit` notes behind `after` with their positions, in order."""
        query = "SELECT position, note FROM device_notes WHERE position > ? ORDER BY position LIMIT ?"
        with self._pool.connection() as connection:
            return connection.execute(query, (after, limit)).fetchall()

    def dead_letters(self, limit: int, reason: Reason | None = None) -> list[DeadLetter]:
        """Return the newest `limit` dead letters, newest first; a cut payload is named in `detail`."""
        with self._pool.connection() as connection:
            return dead_letters.select(connection, limit, reason)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()
