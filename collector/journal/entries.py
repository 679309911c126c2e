"""I/O: turns the rows of a journal into entries with today's dense numbers.

Comes in: a pool of connections, today's sensor ids. Goes out: entries. A row that cannot be read or whose CRC is wrong
is set aside: counted, logged, passed over and kept in the file. Refuses to know who reads and how far they came.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.journal import Entry, Position, frame
from collector.journal.pool import ReadPool
from collector.journal.rows import Row, read_rows
from collector.journal.schema import LAST_POSITION


class EntryReader:
    """Reads entries through `pool`. Safe to use from several threads."""

    def __init__(self, pool: ReadPool, sensor_ids: Sequence[str], counts: Counter[tuple[str, str]]) -> None:
        self._pool, self._counts = pool, counts
        self._index = {id_: i for i, id_ in enumerate(sensor_ids)}
        self._today = frame.dictionary_name(sensor_ids)
        self._numbers: dict[bytes, NDArray[np.int32]] = {}
        self._set_aside: set[Position] = set()

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order, passing over rows that are set aside."""
        while rows := self._rows(after, limit):
            entries = [entry for row in rows if (entry := self._entry(*row)) is not None]
            if entries:
                return entries
            after = rows[-1][0]
        return []

    def _rows(self, after: Position, limit: int) -> list[Row]:
        with self._pool.connection() as connection:
            last: int = connection.execute(LAST_POSITION).fetchone()[0]
            rows, skipped = read_rows(connection, after, limit, last)
        if skipped:
            self._put_aside(rows[0][0] - skipped if rows else last, skipped, "the page cannot be read")
        return rows

    def _entry(self, position: Position, packed: bytes) -> Entry | None:
        try:
            return Entry(position, self._with_numbers_of_today(frame.decode(packed, position)))
        except (frame.FrameError, LookupError) as error:
            self._put_aside(position, 1, str(error))
            return None

    def _put_aside(self, position: Position, n: int, error: str) -> None:
        if position not in self._set_aside:
            self._set_aside.add(position)
            self._counts["journal_rows_set_aside", "unreadable"] += n
            structlog.get_logger().error("journal_row_set_aside", position=position, rows=n, error=error)

    def _with_numbers_of_today(self, decoded: frame.Frame) -> ReadingBatch:
        if decoded.dictionary == self._today:
            return decoded.batch
        numbers = self._numbers.get(decoded.dictionary)
        if numbers is None:
            numbers = self._numbers[decoded.dictionary] = self._load_numbers(decoded.dictionary)
        batch = frame.renumber(decoded.batch, numbers)
        if gone := len(decoded.batch) - len(batch):
            self._counts["journal_readings_dropped", "sensor_left_register"] += gone
        return batch

    def _load_numbers(self, name: bytes) -> NDArray[np.int32]:
        with self._pool.connection() as connection:
            row = connection.execute("SELECT sensor_ids FROM dictionaries WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise LookupError(f"dictionary {name.hex()} is missing")
        return frame.numbers_now(frame.unpack_ids(row[0]), self._index)
