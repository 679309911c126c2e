"""I/O: one small file beside the journal, which says up to which position what it keeps is true.

Comes in: a position and bytes. Goes out: the same, intact and of this journal, or an error that says why not. Refuses
to know what the bytes mean, and to be needed: whoever keeps something here can learn it again.
"""

import os
import struct
import zlib
from pathlib import Path

from collector.archive import CheckpointUnusableError
from collector.journal import Position

_HEAD = struct.Struct(">QI")
_EVERY_S = 60.0
"""Time between two savings, seconds; assumed: a minute is learned again within seconds, and its notes are 24 MB."""


class OtherJournalError(CheckpointUnusableError):
    """The file is true for a position that the journal does not have."""


class CheckpointFile:
    """Replaced as a whole; belongs to one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._due_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """Return whether a minute has passed since the first question, or since it was last due."""
        if self._due_s is None:
            self._due_s = now_s + _EVERY_S
        if now_s < self._due_s:
            return False
        self._due_s = now_s + _EVERY_S
        return True

    def write(self, position: Position, blob: bytes, *, durable: bool = False) -> None:
        """Replace the file; `durable`: it is on the disk before anything relies on it.

        Raises:
            OSError: it could not be replaced, and is as it was.
        """
        beside = self.path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(_HEAD.pack(position, _checksum(position, blob)) + blob)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(self.path)

    def read(self, last: Position) -> tuple[Position, bytes]:
        """Return position and bytes of a file that belongs to a journal which ends at `last`.

        Raises:
            FileNotFoundError: there is none yet.
            OSError: it cannot be read.
            OtherJournalError: its position is behind `last`.
            CheckpointUnusableError: it is not intact.
        """
        content = self.path.read_bytes()
        if len(content) < _HEAD.size:
            raise CheckpointUnusableError(f"file: expected at least {_HEAD.size} bytes, got {len(content)}")
        position, crc = _HEAD.unpack_from(content)
        blob = content[_HEAD.size :]
        if _checksum(position, blob) != crc:
            raise CheckpointUnusableError("file: its checksum does not fit")
        if position > last:
            raise OtherJournalError(f"file: true for position {position}, the journal ends at {last}")
        return position, blob


def _checksum(position: Position, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(position.to_bytes(8, "big")))
