"""`Journal`: the durable log between the intake and everything behind it; `append` is on disk when it returns.

Input: batches and dead letters.
Output: positions, and the same batches in order.
Not responsible for: the way of storing them. `collector.journal.opening` opens the one implementation, a file; a Kafka
topic can take its place behind the same protocol.
Rejects: a commit that the journal has no room for.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter, DeadLetterReason

Position = int
"""Place of a batch in the journal: 1, 2, 3, ... never reused. 0 is before the first."""

DEVICES = "devices"
"""Name of the cursor of the device checkpoint: up to there the notes are not needed any more."""


class JournalFullError(Exception):
    """The size cap or the disk is reached: nothing was stored, the caller must not acknowledge."""


class JournalBrokenError(Exception):
    """The disk failed a write or a sync. The stored state is unknown until the process restarts and checks the file."""


class JournalInUseError(Exception):
    """Another process writes this journal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch and its place."""

    position: Position
    batch: ReadingBatch


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """How full the journal is."""

    bytes: int
    """Pages in use."""
    max_bytes: int
    entries: int
    """Positions from the oldest to the last."""
    first: Position
    """Oldest stored position, 0 when there is none."""
    last: Position
    full: bool


class Journal(Protocol):
    """A durable, ordered log of batches, with dead letters and cursors beside it.

    `append` from one thread, everything else from any.

    Attributes:
        counts: (metric, reason) to number.
    """

    counts: Counter[tuple[str, str]]

    def append(
        self, batches: Sequence[ReadingBatch], dead_letters: Sequence[DeadLetter] = (), note: bytes = b""
    ) -> Position:
        """Store all of it in one commit; on return it survives a crash. Returns the last position.

        `note` has the sequence numbers of the devices in the commit; `collector.checkpoints` reads it. It is kept until
        `DEVICES` saves a cursor at or behind it.

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

    def last_position(self) -> Position:
        """Return the highest position ever given, 0 before the first."""
        ...

    def position_at(self, received_ns: int) -> Position:
        """Return the last position received before `received_ns`, 0 when all are younger."""
        ...

    def cursor(self, name: str) -> Position:
        """Return the position that `name` saved, 0 when it never did."""
        ...

    def save_cursor(self, name: str, position: Position) -> None:
        """Keep how far `name` has come, durably."""
        ...

    def notes(self, after: Position, limit: int) -> list[tuple[Position, bytes]]:
        """Return at most `limit` notes behind `after` with their positions, in order."""
        ...

    def record_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Store dead letters alone.

        Raises:
            JournalFullError: nothing was stored.
        """
        ...

    def dead_letters(self, limit: int, reason: DeadLetterReason | None = None) -> list[DeadLetter]:
        """Return the newest `limit` dead letters, newest first."""
        ...

    def status(self) -> JournalStatus:
        """Return how full the journal is."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...
