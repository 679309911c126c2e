"""I/O: trims of old journal entries, and of more entries when the journal is nearly full.

Input: the position of every reader, and the time for which entries are kept.
Output: trims.
Not responsible for: a journal that stays full: then the intake stops acknowledging.
Rejects: trimming entries that the recorder has not stored or that the rules need after a restart.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

import structlog

from collector.journal import Journal, JournalFullError, JournalStatus, Position

_LOOK_S = 1.0
"""How often the fill of the journal is looked at; assumed: far sooner than a quarter of any journal fills."""
_TRIM_S = 60.0
"""How often entries past their retention are trimmed; assumed."""
ROOM_SHARE = 0.75
"""Above this share of its cap a journal is trimmed before the end of the retention; assumed: below the alarm at 0.9."""
_ROUNDS = 16
"""Entries are taken a sixteenth at a time, so that no more history than necessary goes for room; assumed."""

_log = structlog.get_logger()


class JournalRetention:
    """Trims once a minute, and whenever the journal is nearly full."""

    def __init__(
        self,
        journal: Journal,
        readers: Iterable[Callable[[], Position]],
        retention_ns: int,
        clock_ns: Callable[[], int],
    ) -> None:
        """Keep everything behind the slowest of `readers`, and `retention_ns` of the rest while there is room."""
        self._journal, self._readers = journal, tuple(readers)
        self._retention_ns, self._clock_ns = retention_ns, clock_ns
        self._stopping = threading.Event()
        self._is_cut = False
        self.counts: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        """Trim until `stop`.

        Raises:
            JournalBrokenError: the process must restart.
        """
        looks = 0
        while not self._stopping.wait(_LOOK_S):
            looks += 1
            self.make_room()
            if looks % round(_TRIM_S / _LOOK_S) == 0:
                self.trim()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    def trim(self) -> int:
        """Trim entries that are past their retention and read by all; returns how many."""
        old = self._journal.position_at(self._clock_ns() - self._retention_ns)
        trimmed = self._trim_before(min(old, self._find_slowest()), "retention")
        if trimmed and self._is_cut:
            self._is_cut = False
            _log.info("journal_retention_restored")
        return trimmed

    def make_room(self) -> int:
        """Forget the oldest that is read by all until the journal is below `ROOM_SHARE`; returns how many entries.

        Of a journal that is full below its cap, because the disk is, one sixteenth goes at each look.
        """
        trimmed = 0
        while _is_tight(status := self._journal.status()) or (status.full and not trimmed):
            step = max(1, status.entries // _ROUNDS)
            before = min(status.first + step - 1, self._find_slowest())
            gone = self._trim_before(before, "room") if status.first else 0
            if not gone:
                break
            trimmed += gone
        if trimmed and not self._is_cut:
            self._is_cut = True
            remedy = "raise journal.max_mb to keep the whole journal.retention_h for replay and explain"
            _log.warning("journal_retention_cut", entries=trimmed, max_bytes=status.max_bytes, remedy=remedy)
        return trimmed

    def _find_slowest(self) -> Position:
        return min(reader() for reader in self._readers)

    def _trim_before(self, before: Position, reason: str) -> int:
        try:
            trimmed = self._journal.trim(before) if before > 0 else 0
        except JournalFullError:
            # The disk had no block left even for this; the ballast has given way now, and the next look succeeds.
            self.counts["journal_trims_refused", "disk_full"] += 1
            return 0
        self.counts["journal_entries_trimmed", reason] += trimmed
        return trimmed


def _is_tight(status: JournalStatus) -> bool:
    return status.bytes > ROOM_SHARE * status.max_bytes
