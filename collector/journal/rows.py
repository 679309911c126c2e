"""I/O: reads rows of a table by key, also around pages that cannot be read.

Comes in: an open connection, a position. Goes out: the readable rows behind it. Refuses to know what a frame means.
A damaged page hides the rows on it and none else: the next readable row is found by galloping over the keys.
"""

import sqlite3
from contextlib import closing

Row = tuple[int, bytes]

_READ_BYTES = 32 << 20
"""One look-up stops early beyond this, so that a long back-log never fills the memory; assumed."""
_RANGE = "SELECT position, frame FROM batches WHERE position > ? ORDER BY position LIMIT ?"
_NEXT = "SELECT position FROM batches WHERE position > ? ORDER BY position LIMIT 1"


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
    """Return the lowest place at or behind `after` from which the next key can be found, `last` when there is none."""
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
    """Return what SQLite would have raised if it had noticed: a cell that cannot be what was written."""
    error = sqlite3.DatabaseError(f"row {position}: expected a frame behind the one before")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
