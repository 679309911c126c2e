"""I/O: the thread that carries the journal into the history, behind the cursor "recorder".

Input: entries of the journal.
Output: writes to the history, rejected points as dead letters, the cursor.
Not responsible for: the kind of history.
Rejects: nothing.

No other stage waits for it: while the history is away, the journal keeps everything.
"""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from collector.dead_letter import DeadLetter
from collector.history import History, HistoryUnavailableError
from collector.journal import Entry, Journal, JournalFullError, Position

CURSOR = "recorder"
_WAIT_S = 0.5
"""How long one wait for news lasts, so that `stop` is seen; assumed."""
_LINGER_S = 0.2
"""Pause after a small write, so that a quiet district costs five commits a second and not hundreds; assumed."""
_FIRST_BACK_OFF_S, _MAX_BACK_OFF_S = 1.0, 30.0
"""Assumed: a server's restart takes seconds; half a minute after its return the writes go on at the latest."""
_MAX_RETRY_AFTER_S = 300.0
"""A server may ask for more patience than `_MAX_BACK_OFF_S`, but not for hours; assumed."""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How far the history is behind the journal."""

    position: Position
    """Everything at or before is stored in the history."""
    lag: int
    """Entries that wait."""
    outage: str
    """Why the history takes nothing now; empty while all is well."""


class Recorder:
    """Carries the journal into the history; `run` is the whole thread."""

    def __init__(self, journal: Journal, history: History, batch_readings: int) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._log = structlog.get_logger()
        self._journal, self._history = journal, history
        self._batch_readings = batch_readings
        self._stopping = threading.Event()
        self._position = journal.cursor(CURSOR)
        self._outage = ""
        self._failures = 0
        self._ahead: list[Entry] = []

    def run(self) -> None:
        """Carry entries until `stop`; a write under way is finished or given up first.

        Raises:
            JournalBrokenError: the process must restart.
        """
        while not self._stopping.is_set():
            group = self._next_group()
            if not group:
                self._journal.wait(self._position, _WAIT_S)
                continue
            if self._carry(group) and _readings(group) < self._batch_readings // 2:
                self._stopping.wait(_LINGER_S)

    def stop(self) -> None:
        """Ask `run` to end soon; unwritten entries stay in the journal."""
        self._stopping.set()

    def status(self) -> RecorderStatus:
        """Return how far the history is behind."""
        return RecorderStatus(self._position, self._journal.last_position() - self._position, self._outage)

    def _next_group(self) -> list[Entry]:
        """Take the next entries with about `batch_readings` readings, at least one entry."""
        if not self._ahead:
            self._ahead = self._journal.read(self._position, self._batch_readings)
        total, n = 0, 0
        for entry in self._ahead:
            total += len(entry.batch)
            if n and total > self._batch_readings:
                break
            n += 1
        group, self._ahead = self._ahead[:n], self._ahead[n:]
        return group

    def _carry(self, group: list[Entry]) -> bool:
        """Write `group`, the identical one again and again until it is stored; False when stopped first."""
        batches = [entry.batch for entry in group]
        while not self._stopping.is_set():
            try:
                self._finish(group, self._history.write(batches))
            except HistoryUnavailableError as error:
                self._back_off(str(error), error.retry_after_s)
            except JournalFullError as error:
                self._back_off(f"dead letters: {error}", None)
            else:
                return True
        return False

    def _finish(self, group: list[Entry], refused: list[DeadLetter]) -> None:
        if refused:
            self._journal.record_dead_letters(refused)
        self._journal.save_cursor(CURSOR, group[-1].position)
        self._position = group[-1].position
        self.counts["recorded_readings", ""] += _readings(group) - len(refused)
        self._say_back()

    def _back_off(self, reason: str, retry_after_s: float | None) -> None:
        if not self._outage:
            self._log.error("history_unavailable", reason=reason, position=self._position)
        self._outage = reason
        self.counts["history_retries", ""] += 1
        delay_s = min(_FIRST_BACK_OFF_S * 2.0**self._failures, _MAX_BACK_OFF_S)
        self._failures = min(self._failures + 1, 10)
        # Jitter, so that several recorders do not come back at once; never before the server said.
        delay_s *= random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._stopping.wait(max(delay_s, min(retry_after_s or 0.0, _MAX_RETRY_AFTER_S)))

    def _say_back(self) -> None:
        self._failures = 0
        if self._outage:
            self._log.warning("history_available", was=self._outage, position=self._position)
            self._outage = ""


def _readings(group: Sequence[Entry]) -> int:
    return sum(len(entry.batch) for entry in group)
