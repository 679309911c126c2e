"""The durable log between the intake and everything behind it: `append` is on disk when it returns.

Comes in: batches and dead letters. Goes out: positions, and the same batches in order. One implementation now
(`journal.sqlite`); a Kafka topic can take its place behind the same four verbs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter

Position = int
"""Place of a batch in the journal: 1, 2, 3, ... never reused. 0 is before the first."""


class JournalFullError(Exception):
    """The size cap or the disk is reached: nothing was stored, the caller must not acknowledge."""


class JournalBrokenError(Exception):
    """The disk failed a write or a sync: what is stored is unknown until the process restarts and checks the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch and its place."""

    position: Position
    batch: ReadingBatch


class Journal(Protocol):
    """A durable, ordered log of batches."""

    def append(
        self, batches: Sequence[ReadingBatch], dead_letters: Sequence[DeadLetter] = (), note: bytes = b""
    ) -> Position:
        """Store all of it in one commit; on return it survives a crash. Returns the last position.

        `note` is what the commit tells of the devices' sequence numbers; `collector.checkpoints.devices` reads it.

        Raises:
            JournalFullError: nothing was stored.
            JournalBrokenError: the process must restart; never acknowledge, never retry.
        """
        ...

    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return at most `limit` entries behind `after`, in order; empty when there is none yet."""
        ...

    def wait(self, after: Position, timeout_s: float) -> bool:
        """Wait until an entry behind `after` exists; False when `timeout_s` passed first."""
        ...

    def trim(self, before: Position) -> int:
        """Forget entries at or before `before`; returns how many."""
        ...
