"""I/O: three small files beside the journal, which keep the state of checks, clocks and devices over a restart.

Input: the state, and the journal.
Output: the same state after a restart, exact up to the last entry of the journal.
Not responsible for: the meaning of the state; it comes and goes as bytes.
Rejects: a file that is damaged or of another journal. It is counted, and the state is learned again.

Each file says up to which position of the journal it is true. The rest is learned again from the journal, so that a
crash between two savings loses nothing. Without a file, or with a damaged one, the checks learn from the end of the
journal. Sequence numbers are then counted from the oldest note. The journal keeps a note with each commit, so that a
crash neither counts a gap nor hides one. The file of the devices alone knows how many messages came; a crash forgets
those of the last minute. Clocks belong to no position: a wrong clock is found anew within some messages.
"""

import os
import struct
import zlib
from collections import Counter
from pathlib import Path

import structlog

from collector.archive import CheckpointUnusableError
from collector.devices.clocks import DeviceClocks
from collector.devices.device_state import DeviceStates
from collector.journal import DEVICES, Journal, JournalFullError, Position
from collector.quality import QualityChecks

_HEAD = struct.Struct(">QI")
_EVERY_S = 60.0
"""Time between two savings, seconds; assumed: a minute is learned again within seconds, and its notes are 24 MB."""
_LEARN_ENTRIES = 20_000
"""Without a usable file the checks learn from the last so many entries; assumed: some seconds of the start."""
_READ_ENTRIES = 256
_NO_POSITION = 0
"""The state of the clocks belongs to no place in the journal."""


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


class ClockCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, clocks: DeviceClocks, counts: Counter[tuple[str, str]]) -> None:
        """Read nothing yet; count into `counts`."""
        self._file, self._clocks, self._counts = CheckpointFile(path), clocks, counts
        self._log = structlog.get_logger()

    def load(self) -> bool:
        """Return whether the clocks were filled from an intact file."""
        try:
            self._clocks.restore(self._file.read(_NO_POSITION)[1])
        except FileNotFoundError:
            return False
        except OSError as error:
            self._count_failure("read", str(error))
            return False
        except CheckpointUnusableError as error:
            self._count_failure("damaged", str(error))
            return False
        return True

    def save(self) -> None:
        """Replace the file; a failure is counted and costs some late readings of wrong clocks at the next start."""
        try:
            self._file.write(_NO_POSITION, self._clocks.snapshot())
        except OSError as error:
            self._count_failure("write", str(error))

    def _count_failure(self, reason: str, got: str) -> None:
        self._counts["clock_memory_failures", reason] += 1
        self._log.warning("clock_memory_unusable", path=str(self._file.path), got=got, remedy="learned anew")


class CheckCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, checks: QualityChecks, clocks: DeviceClocks | None = None) -> None:
        """Keep the state of `checks` in `path`, and the state of `clocks` beside it."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._file, self._checks = CheckpointFile(path), checks
        self._log = structlog.get_logger()
        self._clocks = None if clocks is None else ClockCheckpoint(path.with_name("clocks.bin"), clocks, self.counts)

    def load(self, journal: Journal) -> Position:
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
                self._checks.compare(entry.batch)
            after = entries[-1].position
        return position

    def save_if_due(self, position: Position, now_s: float) -> None:
        """Save at most once a minute; `position` is the journal's last, and everything judged is in the journal."""
        if self._file.is_due(now_s):
            self.save(position)

    def save(self, position: Position) -> None:
        """Replace the files; a failure is counted and costs only time at the next start."""
        self.save_clocks()
        try:
            self._file.write(position, self._checks.memory.snapshot())
        except OSError as error:
            self.counts["check_memory_failures", "write"] += 1
            self._log.warning("check_memory_not_saved", path=str(self._file.path), error=str(error))
        else:
            self.counts["check_memory_saved", ""] += 1

    def save_clocks(self) -> None:
        """Replace the file of the clocks alone, which belongs to no position."""
        if self._clocks is not None:
            self._clocks.save()

    def _restore(self, last: Position) -> Position | None:
        """Return the position of an intact file that belongs to this journal."""
        try:
            position, blob = self._file.read(last)
            self._checks.memory.restore(blob)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._count_failure("read", str(error))
        except OtherJournalError as error:
            return self._count_failure("other_journal", str(error))
        except CheckpointUnusableError as error:
            return self._count_failure("damaged", str(error))
        return position

    def _count_failure(self, reason: str, got: str) -> Position | None:
        self.counts["check_memory_failures", reason] += 1
        self._log.warning(
            "check_memory_unusable", path=str(self._file.path), got=got, remedy="learned from the journal"
        )
        return None


class DeviceCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, states: DeviceStates, journal: Journal) -> None:
        """Read nothing yet."""
        self.states = states
        self.counts: Counter[tuple[str, str]] = journal.counts
        self._file, self._journal = CheckpointFile(path), journal
        self._log = structlog.get_logger()

    def load(self) -> Position:
        """Fill the states; returns up to which position the file was of use."""
        position = self._restore()
        after = position
        while notes := self._journal.notes(after, _READ_ENTRIES):
            for _, note in notes:
                self.states.learn(note)
            after = notes[-1][0]
        return position

    def save_if_due(self, position: Position, now_s: float) -> None:
        """Save at most once a minute; `position` is the journal's last, and everything counted is in the journal."""
        if self._file.is_due(now_s):
            self.save(position)

    def save(self, position: Position) -> None:
        """Replace the file, then let the notes go that it makes needless; a failure costs nothing but their room."""
        try:
            self._file.write(position, self.states.snapshot(), durable=True)
            self._journal.save_cursor(DEVICES, position)
        except (OSError, JournalFullError) as error:
            self.counts["device_memory_failures", "write"] += 1
            self._log.warning("device_memory_not_saved", path=str(self._file.path), error=str(error))
        else:
            self.counts["device_memory_saved", ""] += 1

    def _restore(self) -> Position:
        try:
            position, blob = self._file.read(self._journal.last_position())
            self.states.restore(blob)
        except FileNotFoundError:
            return 0
        except (OSError, CheckpointUnusableError) as error:
            self.counts["device_memory_failures", "read"] += 1
            remedy = "sequence numbers are counted from here on"
            self._log.warning("device_memory_unusable", path=str(self._file.path), error=str(error), remedy=remedy)
            return 0
        return position


def _checksum(position: Position, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(position.to_bytes(8, "big")))
