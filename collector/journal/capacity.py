"""I/O: whether there is room for another batch: below the cap, and on the disk.

Comes in: the size of what shall be stored. Goes out: a reason to refuse it. Refuses to store anything.
Two limits, two ways out: at the cap a `trim` makes room, on a full disk the ballast lets `trim` and checkpoints work.
"""

import sqlite3
from contextlib import suppress

from collector.journal.ballast import Ballast

_PAGES_AHEAD = 16
"""Free pages beyond twice what a batch needs before a full disk takes one from trimmed pages; assumed."""


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
