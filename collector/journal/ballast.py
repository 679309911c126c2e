"""I/O: a file that only takes up room, so that a full disk can be drained.

Comes in: a path and a size. Goes out: free bytes, room given back. Refuses to know what the room is for.
SQLite in WAL mode can neither delete nor checkpoint on a disk without any free block: releasing the ballast makes both
possible again, and it is put back before new readings are taken.
"""

import os
from pathlib import Path

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
        """Return what an unprivileged process may still write to this disk, in bytes."""
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize
