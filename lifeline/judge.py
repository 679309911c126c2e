"""I/O: the engine together with what people look at while it works: the last values, and the board.

Comes in: journal entries. Goes out: alarm events; a `Board` as of the last `publish`. Refuses to commit anything.
"""

import structlog

from alerts.alert import Snapshot
from collector.journal import Entry, Position
from lifeline.board import UNSEEN, Board, blank_board
from rules.engine import RuleEngine
from rules.events import AlarmEvents
from rules.snapshot import SnapshotError

_log = structlog.get_logger()


class Judge:
    """Belongs to one thread; `board` may be read from any."""

    def __init__(self, engine: RuleEngine) -> None:
        """Judge with `engine`, from before the first entry."""
        self.engine = engine
        self.position: Position = 0
        self.board: Board = blank_board(len(engine.alarms), len(engine.health()))
        self._values = self.board.values.copy()
        self._received_ns = 0

    def restore(self, snapshot: Snapshot | None) -> Position:
        """Go on from `snapshot`; returns its position, 0 when there is none or it is of no use."""
        if snapshot is None:
            return 0
        try:
            self.engine.restore(snapshot.blob)
        except SnapshotError as error:
            # The journal says the same at more length.
            _log.error("snapshot_unusable", position=snapshot.position, error=str(error))
            return 0
        self.position = snapshot.position
        return self.position

    def evaluate(self, entry: Entry) -> AlarmEvents:
        """Return the transitions that `entry` causes."""
        self._values[entry.batch.sensor] = entry.batch.value
        self._received_ns = entry.batch.received_ns
        self.position = entry.position
        return self.engine.evaluate(entry.batch, entry.position)

    def publish(self) -> None:
        """Replace the board by one of now."""
        health = self.engine.health()
        # A sensor that was never heard is unprotected, not merely blind, even while its silence is an alarm.
        health[~self.engine.seen()] = UNSEEN
        self.board = Board(self.position, self._received_ns, self.engine.levels(), health, self._values.copy())
