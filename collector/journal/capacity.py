"""I/O: the capacity of a journal file: below the cap, and on the disk.

Input: the size of the next batch.
Output: the reason to reject it, empty when there is room.
Not responsible for: storing anything.
Rejects: a batch beyond the cap or on a full disk.

The two limits have two ways out. At the cap a `trim` makes room. SQLite in WAL mode can neither delete nor checkpoint
on a disk without any free block. So a file, the ballast, takes up room. Its release makes both possible again, and it
is put back before new readings are taken.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

_PAGES_AHEAD = 16
"""Free pages beyond twice the need of a batch, before a full disk takes one from trimmed pages; assumed."""
_MARGIN_BYTES = 1 << 20
"""Free room beyond the ballast itself before it is put back; assumed: one group commit of full batches."""


class Ballast:
    """A file of `size` bytes at `path` while there is room for it."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    @property
    def is_held(self) -> bool:
        """True while the file takes up its room (or none is wanted)."""
        return self.size == 0 or self._path.exists()

    def hold(self) -> bool:
        """Take up the room if the disk has it to spare; returns `is_held`."""
        if self.is_held:
            return True
        if self.free_bytes() < self.size + _MARGIN_BYTES:
            return False
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give the room back; returns whether there was any."""
        was_there = self._path.exists()
        self._path.unlink(missing_ok=True)
        return was_there

    def free_bytes(self) -> int:
        """Return how much an unprivileged process may still write to this disk, in bytes."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize


class Capacity:
    """The capacity of one journal file; used under the writer's lock."""

    def __init__(self, connection: sqlite3.Connection, max_bytes: int, ballast: Ballast) -> None:
        self._connection, self._ballast = connection, ballast
        self.page_bytes: int = connection.execute("PRAGMA page_size").fetchone()[0]
        self._max_pages = max(max_bytes // self.page_bytes, 64)
        connection.execute(f"PRAGMA max_page_count = {self._max_pages}").fetchall()
        # Kept free of batches, so that cursors, dead letters and deletes still fit at the cap.
        self._reserve_pages = max(self._max_pages // 64, 16)
        self.is_disk_full = not ballast.hold()

    def used_pages(self) -> int:
        """Return pages in use, without the free list."""
        pages: int = self._connection.execute("PRAGMA page_count").fetchone()[0]
        return pages - self._free_pages()

    def reason_to_reject(self, size: int) -> str:
        """Return why `size` bytes cannot be taken now; empty when they can."""
        pages = size // self.page_bytes + 1
        allowed = self._max_pages - self._reserve_pages
        used = self.used_pages()
        if used + pages > allowed:
            return f"{used * self.page_bytes + size} bytes would pass the cap of {allowed * self.page_bytes}"
        if self.is_disk_full:
            self.is_disk_full = not self._ballast.hold()
        if self.is_disk_full and self._free_pages() < 2 * pages + _PAGES_AHEAD:
            return f"the disk is full: {self._ballast.free_bytes()} bytes are free"
        return ""

    def release_ballast(self) -> None:
        """Release the ballast because the disk refused a write."""
        self.is_disk_full = True
        self._ballast.release()

    def is_at_cap(self) -> bool:
        """Return whether a refused write was refused for the cap; the disk has room then."""
        with suppress(sqlite3.Error):
            full: bool = self.used_pages() + self._reserve_pages // 2 >= self._max_pages
            return full
        return False

    def has_no_bytes(self, threshold: int) -> bool:
        """Return whether the disk has less than `threshold` bytes left."""
        return self._ballast.free_bytes() < threshold

    def _free_pages(self) -> int:
        free: int = self._connection.execute("PRAGMA freelist_count").fetchone()[0]
        return free
