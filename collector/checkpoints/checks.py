"""I/O: keeps what the checks know of the sensors over a restart, in one small file beside the journal.

Comes in: the checks, the journal. Goes out: checks that know exactly what they knew when the journal ended. The file
says up to which journal position it is true; the rest is learned again from the journal, so that a crash between two
savings loses nothing. Refuses to be needed: without the file, or with a damaged one, the end of the journal teaches.
"""

from collections import Counter
from pathlib import Path

import structlog

from collector.archive import CheckpointUnusableError
from collector.checkpoints.checkpoint_file import CheckpointFile, OtherJournalError
from collector.checkpoints.clocks import ClockCheckpoint
from collector.devices.clocks import DeviceClocks
from collector.journal import Position
from collector.journal.sqlite import SqliteJournal
from collector.quality import QualityChecks

_LEARN_ENTRIES = 20_000
"""Without a usable file the checks learn from the last so many entries; assumed: some seconds of the start."""
_READ_ENTRIES = 256


class CheckCheckpoint:
    """Belongs to the thread of the intake once it is loaded."""

    def __init__(self, path: Path, checks: QualityChecks, clocks: DeviceClocks | None = None) -> None:
        """Keep what `checks` know in `path`, and what `clocks` know beside it."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._file, self._checks = CheckpointFile(path), checks
        self._log = structlog.get_logger()
        self._clocks = None if clocks is None else ClockCheckpoint(path.with_name("clocks.bin"), clocks, self.counts)

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
            return self._refused("read", str(error))
        except OtherJournalError as error:
            return self._refused("other_journal", str(error))
        except CheckpointUnusableError as error:
            return self._refused("damaged", str(error))
        return position

    def _refused(self, reason: str, got: str) -> Position | None:
        self.counts["check_memory_failures", reason] += 1
        self._log.warning(
            "check_memory_unusable", path=str(self._file.path), got=got, remedy="learned from the journal"
        )
        return None
