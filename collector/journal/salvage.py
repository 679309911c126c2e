"""I/O: checks a journal file before it is written to, and copies the readable rows out of a damaged one.

Input: a path that no other process writes to.
Output: a sound file at the same path, with the same positions; the damaged one stays as `<name>.corrupt-<n>`.
Not responsible for: deleting anything.
Rejects: nothing.

The check reads the whole file only up to 256 MiB, or when an earlier run met damage. Else it reads the small tables,
because each batch has its own CRC. The new file is complete and synced before it takes the place of the old one. So
a crash at any point leaves one of the two.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import structlog

from collector.journal import frame
from collector.journal.reader import read_rows
from collector.journal.schema import APPLICATION_ID, LAST_POSITION, TABLES

_FULL_CHECK_BYTES = 256 << 20
"""About a second of reading; assumed."""
_SMALL_TABLES = ("cursors", "dictionaries", "dead_letter_totals")
_SUFFIXES = ("-wal", "-shm")


def suspect(path: Path) -> None:
    """Ask for a full check of the journal at `path` when it is opened next."""
    beside(path, ".suspect").touch()


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to the journal at `path`."""
    return path.with_name(path.name + suffix)


def ensure_sound(path: Path) -> int:
    """Check the journal at `path` and replace it by its readable rows if it is damaged; returns rows that were lost.

    Raises:
        OSError, sqlite3.Error: the copy could not be made; nothing was changed.
    """
    _finish_swap(path)
    damage = _damage(path) if path.exists() else ""
    lost = _replace(path, damage) if damage else 0
    beside(path, ".suspect").unlink(missing_ok=True)
    return lost


def _damage(path: Path) -> str:
    """Return the damage of the file, empty when none was found."""
    is_small = path.stat().st_size <= _FULL_CHECK_BYTES or beside(path, ".suspect").exists()
    checks = ["PRAGMA quick_check(1)"] if is_small else [f"PRAGMA quick_check({name})" for name in _SMALL_TABLES]
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            found = [connection.execute(check).fetchone()[0] for check in checks]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        return str(error)
    return "; ".join(text for text in found if text != "ok")


def _replace(path: Path, damage: str) -> int:
    log = structlog.get_logger(journal=str(path))
    log.error("journal_damaged", damage=damage, action="copying every readable row to a new file")
    fresh = beside(path, ".salvaging")
    for suffix in ("", *_SUFFIXES):
        beside(fresh, suffix).unlink(missing_ok=True)
    kept, lost = _copy(path, fresh)
    fresh.rename(beside(path, ".salvaged"))
    aside = _finish_swap(path)
    log.error("journal_salvaged", rows_kept=kept, rows_lost=lost, damaged_file=aside)
    return lost


def _copy(path: Path, fresh: Path) -> tuple[int, int]:
    """Copy all readable rows; returns rows kept and rows lost."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as old,
        closing(sqlite3.connect(fresh, isolation_level=None)) as new,
    ):
        new.execute("BEGIN")
        for table in TABLES:
            new.execute(table)
        new.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        new.execute("DELETE FROM dead_letter_totals")
        for table in ("dictionaries", "cursors", "dead_letters", "dead_letter_totals", "device_notes"):
            _copy_table(old, new, table)
        _make_totals(new)
        kept, lost = _copy_batches(old, new)
        new.execute("COMMIT")
    return kept, lost


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    try:
        for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own table names
            new.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - same
    except sqlite3.DatabaseError as error:
        structlog.get_logger().error("journal_table_damaged", table=table, error=str(error))


def _make_totals(new: sqlite3.Connection) -> None:
    new.execute("DELETE FROM dead_letter_totals")
    new.execute("INSERT INTO dead_letter_totals SELECT count(*), coalesce(sum(kept_bytes), 0) FROM dead_letters")


def _copy_batches(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, int]:
    last = _last_position(old)
    position = kept = lost = 0
    try:
        while position < last:
            rows, skipped = read_rows(old, position, 256, last)
            lost += skipped
            if not rows:
                break
            new.executemany(
                "INSERT INTO batches VALUES (?, ?, ?)",
                [(place, frame.received_ns(packed), packed) for place, packed in rows],
            )
            kept += len(rows)
            position = rows[-1][0]
    except sqlite3.DatabaseError as error:
        structlog.get_logger().error("journal_table_damaged", table="batches", error=str(error))
    new.execute("DELETE FROM sqlite_sequence WHERE name = 'batches'")
    new.execute("INSERT INTO sqlite_sequence VALUES ('batches', ?)", (max(last, position),))
    return kept, lost


def _last_position(old: sqlite3.Connection) -> int:
    """Return a position at or behind every one ever given.

    A file without any readable position continues at the milliseconds since 1970, more than any journal ever counted.
    A reader with an old position then still finds the next entries behind it.
    """
    for query in (LAST_POSITION, "SELECT max(position) FROM batches"):
        try:
            found: int = old.execute(query).fetchone()[0] or 0
        except sqlite3.DatabaseError:
            continue
        return found
    return time.time_ns() // 1_000_000


def _finish_swap(path: Path) -> str:
    """Put a finished copy in the place of the damaged file; returns where that one is now, empty without a copy."""
    salvaged = beside(path, ".salvaged")
    if not salvaged.exists():
        return ""
    aside = next(name for i in range(1, 10_000) if not (name := beside(path, f".corrupt-{i}")).exists())
    for suffix in _SUFFIXES:
        if beside(path, suffix).exists():
            beside(path, suffix).rename(beside(aside, suffix))
    if path.exists():
        os.link(path, aside)
    salvaged.rename(path)
    return str(aside)
