"""I/O: keeps what is known of the devices over a restart, in one small file beside the journal.

Comes in: the book of the devices, the journal. Goes out: a book that knows every number that the journal knows. It
says up to which position it is true; behind it the journal keeps a note with each commit, so that a crash neither
counts a gap nor hides one. Without the file, or with a damaged one, numbers are counted from the oldest note. How many
messages came is told by the file alone: a crash forgets those of the last minute, never a gap.
"""

from collections import Counter
from pathlib import Path

import structlog

from collector.archive import CheckpointUnusableError
from collector.checkpoints.checkpoint_file import CheckpointFile
from collector.devices.device_state import DeviceStates
from collector.journal import JournalFullError, Position
from collector.journal.sqlite import DEVICES, SqliteJournal

_READ_NOTES = 256


class DeviceCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, book: DeviceStates, journal: SqliteJournal) -> None:
        """Read nothing yet."""
        self.book = book
        self.counts: Counter[tuple[str, str]] = journal.counts
        self._file, self._journal = CheckpointFile(path), journal
        self._log = structlog.get_logger()

    def load(self) -> Position:
        """Fill the book; returns up to which position the file was of use."""
        position = self._restore()
        after = position
        while notes := self._journal.reader.notes(after, _READ_NOTES):
            for _, note in notes:
                self.book.learn(note)
            after = notes[-1][0]
        return position

    def save_if_due(self, position: Position, now_s: float) -> None:
        """Save at most once a minute; `position` is the journal's last, and everything counted is in the journal."""
        if self._file.is_due(now_s):
            self.save(position)

    def save(self, position: Position) -> None:
        """Replace the file, then let the notes go that it makes needless; a failure costs nothing but their room."""
        try:
            self._file.write(position, self.book.snapshot(), durable=True)
            self._journal.save_cursor(DEVICES, position)
        except (OSError, JournalFullError) as error:
            self.counts["device_memory_failures", "write"] += 1
            self._log.warning("device_memory_not_saved", path=str(self._file.path), error=str(error))
        else:
            self.counts["device_memory_saved", ""] += 1

    def _restore(self) -> Position:
        try:
            position, blob = self._file.read(self._journal.last_position())
            self.book.restore(blob)
        except FileNotFoundError:
            return 0
        except (OSError, CheckpointUnusableError) as error:
            self.counts["device_memory_failures", "read"] += 1
            remedy = "sequence numbers are counted from here on"
            self._log.warning("device_memory_unusable", path=str(self._file.path), error=str(error), remedy=remedy)
            return 0
        return position
