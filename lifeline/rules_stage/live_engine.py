"""I/O: the rules engine together with the live state that console and metrics read.

Input: journal entries.
Output: alarm events; a `LiveState` as of the last `publish`.
Not responsible for: commits.
Rejects: a snapshot that does not fit; then the journal is evaluated from its beginning.
"""

import structlog

from alerts.alert import Snapshot
from alerts.ledger.ledger import BLANK
from collector.batch import NOT_OF_NOW
from collector.journal import Entry, Position
from lifeline.rules_stage.live_state import UNSEEN, LiveState, initial_state
from rules.engine import RuleEngine
from rules.events import AlarmEvents
from rules.snapshot import SnapshotError

_log = structlog.get_logger()


class LiveEngine:
    """Belongs to one thread; `live_state` may be read from any."""

    def __init__(self, engine: RuleEngine) -> None:
        """Evaluate with `engine`, from before the first entry."""
        self.engine = engine
        self.position: Position = 0
        self.state: LiveState = initial_state(len(engine.alarms), len(engine.health()))
        self._values = self.state.values.copy()
        self._time_ns, self._quality = self.state.time_ns.copy(), self.state.quality.copy()
        self._received_ns = 0

    def restore(self, snapshot: Snapshot | None) -> Position:
        """Go on from `snapshot`; returns its position, 0 when there is none or it is of no use."""
        if snapshot is None:
            return 0
        if snapshot.blob == BLANK:
            self.position = snapshot.position
            return self.position
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
        batch = entry.batch
        of_now = (batch.quality & NOT_OF_NOW) == 0
        sensor = batch.sensor[of_now]
        self._values[sensor] = batch.value[of_now]
        self._time_ns[sensor] = batch.time_ns[of_now]
        self._quality[sensor] = batch.quality[of_now]
        self._received_ns = batch.received_ns
        self.position = entry.position
        return self.engine.evaluate(batch, entry.position)

    def publish(self) -> None:
        """Replace the live state by one of now."""
        health = self.engine.health()
        # A sensor that was never heard is unprotected, not merely blind, even while its silence is an alarm.
        health[~self.engine.seen()] = UNSEEN
        self.state = LiveState(
            self.position,
            self._received_ns,
            self.engine.levels(),
            health,
            self._values.copy(),
            self._time_ns.copy(),
            self._quality.copy(),
        )
