"""I/O: the rules stage: it reads the journal, evaluates the rules, plans, and commits, in one thread.

Input: journal entries in order.
Output: steps in the ledger, and a `LiveState`.
Not responsible for: evaluation and planning: `rules.engine` and `alerts.planning.stages` do both.
Rejects: a journal that ends before the ledger's position, as `JournalMismatchError`.

Each step is committed exactly once relative to the journal: alarm events and position are one transaction. A restart
restores the last snapshot. It evaluates up to the committed position without any output, and goes on behind it.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from alerts.alert import Alert, Cursor, LedgerStep, Plan, Snapshot
from alerts.ledger.ledger import Ledger
from alerts.planning.orphans import HeldAlarms, plan_orphans
from alerts.planning.planner import Planner
from alerts.store.errors import LedgerUnavailableError
from collector.journal import Journal, Position
from lifeline.rules_stage.ledger_writer import LedgerWriter
from lifeline.rules_stage.live_engine import LiveEngine
from lifeline.rules_stage.step_planner import StepPlanner
from rules.engine import RuleEngine
from rules.events import AlarmEvents, Dimension, join_events

_ROUND = 64
"""Entries judged before a look at the stop flag and the commit clock; assumed."""
_COMMIT_S = 1.0
"""A position without events is committed this often: a restart judges at most this much again."""
_PUBLISH_S = 0.25
"""The live state is copied at most this often while nothing changes; assumed: faster than a page refreshes."""
_WAIT_S = 0.2
"""How long a stop may go unnoticed while the journal is quiet."""

_log = structlog.get_logger()


class JournalMismatchError(Exception):
    """Journal and ledger do not belong together; going on would lose or repeat warnings."""


@dataclass(frozen=True, slots=True)
class RulesStatus:
    """Where the stage stands."""

    position: Position
    """Last entry judged."""
    committed: Position
    """Last position in the ledger."""
    snapshot: Position
    """Position of the newest snapshot: the journal is needed from here."""
    is_ledger_away: bool
    is_restored: bool
    loop_age_s: float
    """Since the loop last turned, seconds."""


class RulesStage:
    """Owns the live engine. `run` belongs to one thread; `status` and `live_engine.state` may be read from any."""

    def __init__(
        self,
        journal: Journal,
        live_engine: LiveEngine,
        ledger: Ledger,
        planner: Planner,
        *,
        snapshot_s: float,
        on_events: Callable[[], None],
        observe_decision_s: Callable[[float], object] = lambda _seconds: None,
        version: str = "",
        clock_s: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Evaluate the entries of `journal`; call `on_events` after each committed step with events.

        `observe_decision_s` gets the seconds from the arrival of the readings to that commit. `version` names the
        configuration in the ledger; without a version the ledger gets no configuration.
        """
        self._journal, self._ledger = journal, ledger
        self._step_planner = StepPlanner(planner, ledger)
        self.live_engine = live_engine
        self._snapshot_s, self._on_events, self._observe_decision_s = snapshot_s, on_events, observe_decision_s
        self._clock_s, self._clock_ns, self._version = clock_s, clock_ns, version
        self._stopping = threading.Event()
        self._writer = LedgerWriter(ledger, self._stopping)
        self._cursor = Cursor(0, 0)
        self._snapshot: Position = 0
        self._restored = self._abandoned = False
        self._loop_s = self._committed_s = self._snapshot_s_at = self._published_s = self._clock_s()
        self.counts: Counter[tuple[str, str]] = self._writer.counts
        self._step_planner.counts = self.counts

    def run(self) -> None:
        """Evaluate until `stop`, then commit the position with a snapshot.

        Raises:
            JournalMismatchError: the journal does not reach the ledger's position.
            FencedError: another program owns the ledger now.
        """
        self.restore()
        while not self._stopping.is_set():
            if not self.evaluate_round():
                self._idle()
        # A step that could not be committed is judged again after the restart: its position must not be passed.
        if not self._abandoned:
            self._commit_position(self.live_engine.engine.snapshot())

    def stop(self) -> None:
        """Ask `run` to end after the round under way."""
        self._stopping.set()

    def status(self) -> RulesStatus:
        """Return where the stage stands."""
        return RulesStatus(
            self.live_engine.position,
            self._cursor.position,
            self._snapshot,
            self._writer.is_away,
            self._restored,
            self._clock_s() - self._loop_s,
        )

    def restore(self) -> None:
        """Bring the engine to the ledger's position without emitting anything.

        Raises:
            JournalMismatchError: the journal does not reach the ledger's position.
        """
        self._cursor = self._ledger.take_over()
        _check_same_journal(self._journal.last_position(), self._cursor.position)
        self._snapshot = self.live_engine.restore(self._ledger.snapshot())
        while self.live_engine.position < self._cursor.position:
            self._loop_s = self._clock_s()
            read = self._journal.read(self.live_engine.position, _ROUND)
            entries = [entry for entry in read if entry.position <= self._cursor.position]
            for entry in entries:
                self.live_engine.evaluate(entry)
            if not entries:
                break
        standing = _list_held_alarms(self.live_engine.engine, self._cursor.position, self._clock_ns())
        open_alerts = _close_orphans(self._ledger, self._cursor, self._ledger.alerts.read_open(), standing)
        self._step_planner.restore(open_alerts)
        if self.live_engine.position > self._snapshot:
            # Else a program that never lives until the next snapshot would judge more again at each start.
            self._snapshot_s_at = -math.inf
        if self._version:
            self._ledger.configurations.record(self._version, self._clock_ns(), self.live_engine.engine.snapshot)
        self._restored = True
        self._publish()
        _log.info(
            "rules_restored", snapshot=self._snapshot, position=self.live_engine.position, open_alerts=len(open_alerts)
        )

    def evaluate_round(self) -> bool:
        """Evaluate the next entries and commit their step; False when there was none."""
        self._loop_s = self._clock_s()
        entries = self._journal.read(self.live_engine.position, _ROUND)
        if not entries:
            return False
        parts = [self.live_engine.evaluate(entry) for entry in entries]
        self.counts["readings_judged", ""] += sum(len(entry.batch) for entry in entries)
        self.counts["batches_judged", ""] += len(entries)
        plan = self._step_planner.plan(entries, parts)
        if plan is not None:
            self._commit_plan(parts, plan)
        elif self._clock_s() - self._committed_s >= _COMMIT_S:
            self._commit_position(self._make_due_snapshot())
        if self._clock_s() - self._published_s >= _PUBLISH_S:
            self._publish()
        return True

    def _idle(self) -> None:
        snapshot = self._make_due_snapshot() if self.live_engine.position > self._snapshot else None
        is_behind = (
            self.live_engine.position > self._cursor.position and self._clock_s() - self._committed_s >= _COMMIT_S
        )
        # A journal that is full brings no entry to commit with; only a newer snapshot lets it be trimmed.
        if is_behind or snapshot is not None:
            self._commit_position(snapshot)
        if self._journal.wait(self.live_engine.position, _WAIT_S) and not self._journal.read(
            self.live_engine.position, 1
        ):
            # Only rows that cannot be read lie behind: they are passed over with the next good one.
            self._stopping.wait(_WAIT_S)

    def _commit_plan(self, parts: Sequence[AlarmEvents], plan: Plan) -> None:
        if self._commit(join_events(parts), plan, self._make_due_snapshot()) is not None:
            self._publish()
            self._on_events()
            self._observe_decision_s((self._clock_ns() - self.live_engine.state.received_ns) / 1e9)

    def _commit_position(self, snapshot: bytes | None) -> None:
        self._commit(join_events([]), Plan(open_alerts=self._step_planner.open_alerts), snapshot)

    def _commit(self, events: AlarmEvents, plan: Plan, snapshot: bytes | None) -> LedgerStep | None:
        position = max(self.live_engine.position, self._cursor.position)
        step = LedgerStep(self._cursor, position, events, self.live_engine.engine.alarms, plan, snapshot)
        if not self._writer.commit(step):
            self._abandoned = True
            return None
        self._cursor = step.next_cursor
        self._committed_s = self._clock_s()
        if snapshot is not None:
            self._snapshot, self._snapshot_s_at = step.position, self._committed_s
            if self._version:
                _keep_state(self._ledger, Snapshot(step.position, snapshot), self._clock_ns())
        return step

    def _make_due_snapshot(self) -> bytes | None:
        is_due = self._clock_s() - self._snapshot_s_at >= self._snapshot_s
        return self.live_engine.engine.snapshot() if is_due else None

    def _publish(self) -> None:
        self._published_s = self._clock_s()
        self.live_engine.publish()


def _list_held_alarms(engine: RuleEngine, position: Position, now_ns: int) -> HeldAlarms:
    """Return the active alarms of `engine`, restored to `position`, and all alarms of its configuration."""
    sensors = engine.register.sensors
    active = {
        key.id: sensors[key.sensor].device if key.dimension is Dimension.HEALTH else key.id
        for key, level in zip(engine.alarms, engine.levels(), strict=True)
        if level
    }
    return HeldAlarms({key.id for key in engine.alarms}, active, position, now_ns)


def _close_orphans(
    ledger: Ledger, cursor: Cursor, alerts: tuple[Alert, ...], standing: HeldAlarms
) -> tuple[Alert, ...]:
    """Close those of `alerts` that can never end, in one transaction; returns those that stay open."""
    plan = plan_orphans(alerts, standing)
    if plan.decisions:
        # Not repeated when the answer is lost: the program ends, and its restart asks the ledger what is still open.
        ledger.commit_step(LedgerStep(cursor, cursor.position, join_events([]), (), plan))
        for decision in plan.decisions:
            _log.warning("alert_without_alarm", alert=decision.alert, alarm=decision.subject, reason=decision.reason)
    return plan.open_alerts


def _keep_state(ledger: Ledger, state: Snapshot, now_ns: int) -> None:
    """Keep one state a day for replays; while the ledger is away it waits for the next snapshot."""
    try:
        if ledger.replay_snapshots.is_due(now_ns):
            ledger.replay_snapshots.keep(state, now_ns)
    except LedgerUnavailableError as error:
        _log.warning("state_not_kept", position=state.position, reason=str(error))


def _check_same_journal(last: Position, committed: Position) -> None:
    if last >= committed:
        return
    message = (
        f"journal ends at {last}, expected at least the ledger's position {committed}: they do not belong together; "
        "put the journal of this ledger back, or move the ledger away and start with an empty one"
    )
    raise JournalMismatchError(message)
