"""I/O: the one connection of a journal that writes and checkpoints.

Input: work to do inside a transaction.
Output: a commit that is on disk.
Not responsible for: the meaning of the tables.
Rejects: a commit without room (`JournalFullError`, nothing stored), and every commit after a failed disk
(`JournalBrokenError`).

SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint. Here one does, under a lock, and all others are
read-only. A failed sync is never repeated: the kernel may have dropped the pages and would answer success.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import structlog

from collector.journal import JournalBrokenError, JournalFullError, JournalInUseError
from collector.journal.capacity import Ballast, Capacity
from collector.journal.salvage import beside, ensure_sound, suspect
from collector.journal.schema import APPLICATION_ID, TABLES

_WAL_LIMIT_BYTES = 8 << 20
"""`journal_size_limit`: size of the WAL file after a checkpoint, at most."""
_CHECKPOINT_BYTES = 4 << 20
"""Appended bytes between checkpoints: SQLite's own default of 1,000 pages."""
_CHANGE_BYTES = 64 << 10
"""A change of a few rows adds so much to the WAL, at most; assumed."""
_SYNC_ERRORS = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_NO_ROOM_BYTES = 64 << 10
"""Less free room explains an I/O error that SQLite does not call full (growth of the -shm file)."""

_Result = TypeVar("_Result")


class Writer:
    """Serialises every write to one journal file.

    Attributes:
        rows_lost: rows that a damaged file did not give back at this start.
        full: why nothing is taken now; empty while all is well.
    """

    def __init__(self, path: Path, max_bytes: int, ballast_bytes: int) -> None:
        self._log = structlog.get_logger(journal=str(path))
        self._path = path
        self._lock = threading.Lock()
        self._lock_file = _lock_exclusively(path)
        ballast = Ballast(beside(path, ".ballast"), ballast_bytes)
        try:
            self.rows_lost, self._connection = _start(path, ballast)
        except BaseException:
            self._lock_file.close()
            raise
        self._capacity = Capacity(self._connection, max_bytes, ballast)
        self._checkpoint_bytes = min(_CHECKPOINT_BYTES, ballast_bytes // 2 or _CHECKPOINT_BYTES)
        self._uncheckpointed = 0
        self._broken = ""
        self.full = ""
        needs_one = sqlite3.sqlite_version_info < (3, 51, 3)
        self._log.info("journal_opened", sqlite=sqlite3.sqlite_version, needs_one_checkpointer=needs_one)

    def used_bytes(self) -> int:
        """Return pages in use, in bytes, without the free list."""
        with self._lock:
            return self._capacity.used_pages() * self._capacity.page_bytes

    def store(self, size: int, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do `work` in one durable transaction that adds about `size` bytes of readings; returns its result.

        Raises:
            JournalFullError: nothing was stored.
            JournalBrokenError: the process must restart.
        """
        with self._lock:
            if reason := self._capacity.reason_to_reject(size):
                raise self._refused(reason)
            result = self._commit(size, work)
            if self.full:
                self._log.warning("journal_resumed", was=self.full)
                self.full = ""
            return result

    def change(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do `work` in one durable transaction that adds next to nothing; allowed when full, uses the reserve.

        Raises:
            JournalFullError: nothing was changed.
            JournalBrokenError: the process must restart.
        """
        with self._lock:
            return self._commit(_CHANGE_BYTES, work)

    def close(self) -> None:
        """Checkpoint and close; the file then stands alone, without a WAL."""
        with self._lock:
            self._connection.close()
            self._lock_file.close()

    def _commit(self, size: int, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._broken:
            raise JournalBrokenError(self._broken)
        with self._verdict():
            self._connection.execute("BEGIN IMMEDIATE")
            result = work(self._connection)
            self._connection.execute("COMMIT")
        self._uncheckpointed += size
        if self._uncheckpointed >= self._checkpoint_bytes or self._capacity.is_disk_full:
            self._checkpoint()
        return result

    @contextmanager
    def _verdict(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            _roll_back(self._connection)
            raise self._classified(error) from error
        except BaseException:
            _roll_back(self._connection)
            raise

    def _classified(self, error: sqlite3.Error) -> Exception:
        if self._is_no_room(error):
            if not self._capacity.is_at_cap():
                self._capacity.release_ballast()
                self._checkpoint()
            return self._refused(str(error))
        kind = _kind(error)
        if kind not in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return error
        self._broken = f"{self._path}: {error} ({getattr(error, 'sqlite_errorname', '')}); restart to check the file"
        self._log.error("journal_broken", error=self._broken)
        if kind != sqlite3.SQLITE_IOERR:
            suspect(self._path)
        return JournalBrokenError(self._broken)

    def _checkpoint(self) -> None:
        """Copy the WAL into the file; an error here never takes back a commit that is already durable."""
        try:
            frames = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()[0][1]
            if frames * self._capacity.page_bytes > 2 * _WAL_LIMIT_BYTES:
                # Readers that always overlap keep the WAL from starting over: wait for them, a moment.
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            self._uncheckpointed = 0
        except sqlite3.Error as error:
            if self._is_no_room(error):
                self._capacity.release_ballast()
            else:
                self._classified(error)

    def _is_no_room(self, error: sqlite3.Error) -> bool:
        if _kind(error) == sqlite3.SQLITE_IOERR and getattr(error, "sqlite_errorcode", 0) not in _SYNC_ERRORS:
            return self._capacity.has_no_bytes(_NO_ROOM_BYTES)
        return _kind(error) == sqlite3.SQLITE_FULL

    def _refused(self, reason: str) -> JournalFullError:
        if not self.full:
            self._log.error("journal_full", reason=reason, remedy="free disk space or raise journal.max_mb")
        self.full = reason
        return JournalFullError(f"{self._path}: {reason}")


def _kind(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _lock_exclusively(path: Path) -> BinaryIO:
    file = beside(path, ".lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise JournalInUseError(f"{path}: expected no other writer, got a lock held by one; stop it first") from error
    return file


def _start(path: Path, ballast: Ballast) -> tuple[int, sqlite3.Connection]:
    """Check and open the file; on a disk that is full already, with the room of the ballast."""
    try:
        return ensure_sound(path), _open(path)
    except sqlite3.OperationalError as error:
        if ballast.free_bytes() > _NO_ROOM_BYTES:
            raise
        if not ballast.release():
            raise JournalFullError(f"{path}: the disk is full ({error}); free some space and start again") from error
        return ensure_sound(path), _open(path)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # Our own checkpoints report errors; SQLite's automatic ones swallow them.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}").fetchall()
    # Debian builds SQLite to overwrite what is deleted: a trim would then need as much WAL as it frees.
    connection.execute("PRAGMA secure_delete = OFF").fetchall()
    connection.execute("BEGIN IMMEDIATE")
    for table in TABLES:
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("COMMIT")
    # Only readers can be in the way from here on, and only of a RESTART checkpoint.
    connection.execute("PRAGMA busy_timeout = 100").fetchall()
    _sync_folder(path.parent)
    return connection


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
