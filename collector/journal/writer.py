"""I/O: the one connection of a journal that writes and checkpoints.

Comes in: work to do inside a transaction. Goes out: a commit that is on disk, or `JournalFullError` with nothing
stored, or `JournalBrokenError` after which nothing is written any more. Refuses to know what the tables mean.

SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint: here one does, under a lock, all others are
read-only. A failed sync is never repeated: the kernel may have dropped the pages and would answer success.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from collector.journal import JournalBrokenError, JournalFullError
from collector.journal.ballast import Ballast
from collector.journal.schema import APPLICATION_ID, TABLES

_WAL_LIMIT_BYTES = 8 << 20
"""`journal_size_limit`: what the WAL file may keep after a checkpoint."""
_CHECKPOINT_BYTES = 4 << 20
"""Appended bytes between checkpoints: SQLite's own default of 1,000 pages."""
_SYNC_ERRORS = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_NO_ROOM_BYTES = 64 << 10
"""A disk with less than this free explains an I/O error that SQLite does not call full (growth of the -shm file)."""

_Result = TypeVar("_Result")


class JournalInUseError(Exception):
    """Another process writes this journal."""


class Writer:
    """Serialises every write to one journal file."""

    def __init__(self, path: Path, max_bytes: int, ballast: Ballast) -> None:
        self._log = structlog.get_logger(journal=str(path))
        self._path, self._ballast = path, ballast
        self._lock = threading.Lock()
        self._lock_file = _lock_exclusively(path)
        self._connection = open_writable(path)
        self._page_bytes: int = self._connection.execute("PRAGMA page_size").fetchone()[0]
        self._max_pages = max(max_bytes // self._page_bytes, 64)
        self._connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
        # Kept free of batches so that cursors, dead letters and deletes still fit when the cap is reached.
        self._reserve_pages = max(self._max_pages // 64, 16)
        self._checkpoint_bytes = min(_CHECKPOINT_BYTES, ballast.size // 2 or _CHECKPOINT_BYTES)
        self._uncheckpointed = 0
        self._broken = ""
        self._full = ""
        self._disk_full = not ballast.hold()

    @property
    def full(self) -> str:
        """Why nothing is taken now; empty while all is well."""
        return self._full

    @property
    def used_bytes(self) -> int:
        """Pages in use, in bytes, without the free list."""
        with self._lock:
            return self._used_pages() * self._page_bytes

    def store(self, size: int, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do `work` in one durable transaction that adds about `size` bytes of readings; returns its result.

        Raises:
            JournalFullError: nothing was stored.
            JournalBrokenError: the process must restart.
        """
        with self._lock:
            self._admit(size)
            result = self._commit(size, work)
            self._say_resumed()
            return result

    def change(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do `work` in one durable transaction that adds next to nothing; allowed when full, uses the reserve.

        Raises:
            JournalFullError: nothing was changed.
            JournalBrokenError: the process must restart.
        """
        with self._lock:
            return self._commit(self._page_bytes * 16, work)

    def close(self) -> None:
        """Checkpoint and close; the file then stands alone, without a WAL."""
        with self._lock:
            self._connection.close()
            os.close(self._lock_file)

    def _commit(self, size: int, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._broken:
            raise JournalBrokenError(self._broken)
        with self._verdict():
            self._connection.execute("BEGIN IMMEDIATE")
            result = work(self._connection)
            self._connection.execute("COMMIT")
        self._uncheckpointed += size
        if self._uncheckpointed >= self._checkpoint_bytes or self._disk_full:
            self._checkpoint()
        return result

    @contextmanager
    def _verdict(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._roll_back()
            raise self._classified(error) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _classified(self, error: sqlite3.Error) -> Exception:
        code: int = getattr(error, "sqlite_errorcode", 0)
        kind = code & 0xFF
        no_room = kind == sqlite3.SQLITE_FULL or (
            kind == sqlite3.SQLITE_IOERR and code not in _SYNC_ERRORS and self._ballast.free_bytes() < _NO_ROOM_BYTES
        )
        if no_room:
            self._make_room()
            return self._refusal(f"{self._path}: {error}")
        if kind in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            self._broken = (
                f"{self._path}: {error} ({getattr(error, 'sqlite_errorname', '')}); restart to check the file"
            )
            self._log.error("journal_broken", error=self._broken)
            return JournalBrokenError(self._broken)
        return error

    def _make_room(self) -> None:
        if self._used_pages() + self._reserve_pages // 2 >= self._max_pages:
            return
        self._disk_full = True
        self._ballast.release()
        self._checkpoint()

    def _checkpoint(self) -> None:
        """Copy the WAL into the file; an error here never takes back a commit that is already durable."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._uncheckpointed = 0
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                self._classified(error)
                return
            self._disk_full = True
            self._ballast.release()

    def _admit(self, size: int) -> None:
        pages = size // self._page_bytes + 1
        used = self._used_pages()
        if used + pages > self._max_pages - self._reserve_pages:
            limit = (self._max_pages - self._reserve_pages) * self._page_bytes
            raise self._refusal(f"{self._path}: {used * self._page_bytes + size} bytes would pass the cap of {limit}")
        if self._disk_full:
            self._disk_full = not self._ballast.hold()
        if self._disk_full and self._free_pages() < 2 * pages + 16:
            raise self._refusal(f"{self._path}: the disk is full, {self._ballast.free_bytes()} bytes are free")

    def _refusal(self, reason: str) -> JournalFullError:
        if not self._full:
            self._log.error("journal_full", reason=reason, remedy="free disk space or raise the cap")
        self._full = reason
        return JournalFullError(reason)

    def _say_resumed(self) -> None:
        if self._full:
            self._log.warning("journal_resumed", was=self._full)
            self._full = ""

    def _free_pages(self) -> int:
        free: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return free

    def _used_pages(self) -> int:
        pages: int = self._connection.execute("PRAGMA page_count").fetchone()[0]
        return pages - self._free_pages()


def _lock_exclusively(path: Path) -> int:
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        message = f"{path}: expected no other writer, got a lock held by another process; stop it first"
        raise JournalInUseError(message) from error
    return descriptor


def open_writable(path: Path) -> sqlite3.Connection:
    """Return a connection in autocommit mode, WAL, FULL, that never checkpoints by itself; makes missing tables."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # Our own checkpoints report errors; SQLite's automatic ones swallow them.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    for table in TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("COMMIT")
    _sync_folder(path.parent)
    return connection


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
