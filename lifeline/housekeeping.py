"""I/O: forgets journal entries that nobody needs any more.

Comes in: how far every reader is, and how long entries are kept. Goes out: trims. Refuses to trim what the recorder has
not stored or the rules would need after a restart.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from collector.journal import Position
from collector.journal.sqlite import SqliteJournal

_EVERY_S = 60.0


class Housekeeping:
    """Trims once a minute."""

    def __init__(
        self,
        journal: SqliteJournal,
        readers: Iterable[Callable[[], Position]],
        retention_ns: int,
        clock_ns: Callable[[], int],
    ) -> None:
        """Keep everything behind the slowest of `readers`, and everything younger than `retention_ns`."""
        self._journal, self._readers = journal, tuple(readers)
        self._retention_ns, self._clock_ns = retention_ns, clock_ns
        self._stopping = threading.Event()
        self.counts: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        """Trim until `stop`."""
        while not self._stopping.wait(_EVERY_S):
            self.trim()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    def trim(self) -> int:
        """Forget what is old and read by all; returns how many entries."""
        old = self._journal.reader.position_at(self._clock_ns() - self._retention_ns)
        before = min(old, *(reader() for reader in self._readers))
        trimmed = self._journal.trim(before) if before > 0 else 0
        self.counts["journal_entries_trimmed", ""] += trimmed
        return trimmed
