"""I/O: keeps what the checks know of the sensors over a restart, in one small file beside the journal.

Comes in: the checks, the journal. Goes out: checks that know exactly what they knew when the journal ended. The file
says up to which journal position it is true; the rest is learned again from the journal, so that a crash between two
savings loses nothing. Refuses to be needed: without the file, or with a damaged one, the end of the journal teaches.
"""

import struct
import zlib
from collections import Counter
from pathlib import Path

import structlog

from collector.archive import MemoryUnusableError
from collector.clock_memory import ClockMemory
from collector.clocks import DeviceClocks
from collector.journal import Position
from collector.journal.sqlite import SqliteJournal
from collector.plausibility import Plausibility

_HEAD = struct.Struct(">QI")
_EVERY_S = 60.0
"""Time between two savings, seconds; assumed: a minute of readings is learned again within a second or two."""
_LEARN_ENTRIES = 20_000
"""Without a usable file the checks learn from the last so many entries; assumed: some seconds of the start."""
_READ_ENTRIES = 256


class CheckMemory:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, plausibility: Plausibility, clocks: DeviceClocks | None = None) -> None:
        """Keep what `plausibility` knows in `path`, and what `clocks` know beside it."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._path, self._plausibility = path, plausibility
        self._due_s: float | None = None
        self._log = structlog.get_logger()
        self._clocks = None if clocks is None else ClockMemory(path.with_name("clocks.bin"), clocks, self.counts)

    def load(self, journal: SqliteJournal) -> Position:
        """Fill the checks' memory; returns from behind which position it was learned again."""
        if self._clocks is not None:
            self._clocks.load()
        last = journal.last_position()
        position = self._restore(last)
        if position is None:
            position = max(0, last - _LEARN_ENTRIES)
        after = position
        while entries := journal.read(after, _READ_ENTRIES):
            for entry in entries:
                self._plausibility.judge(entry.batch)
            after = entries[-1].position
        return position

    def save_if_due(self, position: Position, now_s: float) -> None:
        """Save at most once a minute; `position` is the journal's last, and everything judged is in the journal."""
        if self._due_s is None:
            self._due_s = now_s + _EVERY_S
        if now_s >= self._due_s:
            self._due_s = now_s + _EVERY_S
            self.save(position)

    def save(self, position: Position) -> None:
        """Replace the files; a failure is counted and costs only time at the next start."""
        self.save_clocks()
        blob = self._plausibility.memory.snapshot()
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(_HEAD.pack(position, _checksum(position, blob)) + blob)
            beside.replace(self._path)
        except OSError as error:
            self.counts["check_memory_failures", "write"] += 1
            self._log.warning("check_memory_not_saved", path=str(self._path), error=str(error))
        else:
            self.counts["check_memory_saved", ""] += 1

    def save_clocks(self) -> None:
        """Replace the file of the clocks alone, which belongs to no position."""
        if self._clocks is not None:
            self._clocks.save()

    def _restore(self, last: Position) -> Position | None:
        """Return the position of an intact file that belongs to this journal."""
        try:
            position, blob = _opened(self._path.read_bytes())
            if position > last:
                return self._refused("other_journal", f"position {position}, the journal ends at {last}")
            self._plausibility.memory.restore(blob)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._refused("read", str(error))
        except MemoryUnusableError as error:
            return self._refused("damaged", str(error))
        return position

    def _refused(self, reason: str, got: str) -> Position | None:
        self.counts["check_memory_failures", reason] += 1
        self._log.warning("check_memory_unusable", path=str(self._path), got=got, remedy="learned from the journal")
        return None


def _opened(content: bytes) -> tuple[Position, bytes]:
    """Return the position and the snapshot of a file's content."""
    if len(content) < _HEAD.size:
        raise MemoryUnusableError(f"file: expected at least {_HEAD.size} bytes, got {len(content)}")
    position, crc = _HEAD.unpack_from(content)
    blob = content[_HEAD.size :]
    if _checksum(position, blob) != crc:
        raise MemoryUnusableError("file: its checksum does not fit")
    return position, blob


def _checksum(position: Position, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(position.to_bytes(8, "big")))
