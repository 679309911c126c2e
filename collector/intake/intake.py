"""I/O: the MQTT intake: one thread that receives, makes durable, and only then acknowledges.

Input: messages of a persistent QoS 1 session.
Output: batches and dead letters in the journal, then PUBACKs in the order of receipt.
Not responsible for: rules and history.
Rejects: nothing; while the journal is full it stops reading, and so lets the broker keep the messages.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass

from collector.checkpoints import CheckCheckpoint, DeviceCheckpoint
from collector.decoding.pipeline import Pipeline
from collector.intake.connection import BrokerConnection
from collector.intake.group_commit import GroupCommit
from collector.journal import Journal
from config.settings import IntakeSettings, MqttSettings

_IDLE_S = 0.1
"""Longest wait for bytes: how soon stop, canary and tick are noticed; assumed."""
_STUCK_S = 10.0
"""A turn of the loop that takes longer, seconds, never ends: one commit and one read take milliseconds; assumed."""
_CONNECT_STUCK_S = 60.0
"""The same for a turn that connects: a name server alone may take half of it; assumed."""
_CONFIRM_S = 1.0
"""A stuck loop is stuck twice, seconds apart: a machine that was suspended is not; assumed."""


@dataclass(frozen=True, slots=True)
class IntakeStatus:
    """The state of the intake, for pages and alarms."""

    connected: bool
    session_present: bool
    """The broker still had our session when we last connected."""
    session_lost: bool
    """Red: since the program started a session was found deleted, with all messages that it kept for us."""
    takeover_suspected: bool
    """Red: the broker ends our connections at once; another program may use our client id."""
    journal_full: bool
    """Red: nothing is acknowledged until the journal has room."""
    loop_age_s: float
    """Since the loop last turned, seconds."""
    canary_age_s: float
    """Since a message to ourselves last came back, seconds; since the connection or the start when none has yet."""
    canary_fresh: bool
    """Messages are known to pass; without it the clock of the rules stands still."""
    connections: int
    """Made since the program started."""
    outage: str
    """Why there is no connection, empty while there is one."""
    pending: int
    """Messages received and not yet durable."""


class MqttIntake:
    """Owns the connection; `run` belongs to one thread, everything else to any."""

    def __init__(
        self,
        settings: MqttSettings,
        limits: IntakeSettings,
        pipeline: Pipeline,
        journal: Journal,
        *,
        memory: CheckCheckpoint | None = None,
        devices: DeviceCheckpoint | None = None,
    ) -> None:
        """Connect nothing yet; `memory` and `devices`, already loaded, are saved now and then."""
        self.counts: Counter[tuple[str, str]] = Counter() if memory is None else memory.counts
        self._limits = limits
        self._pipeline = pipeline
        self._commits = GroupCommit(pipeline, journal, limits, self.counts, memory=memory, devices=devices)
        now_s = time.monotonic()
        # entries in the journal tell that an earlier run had a session
        self._connection = BrokerConnection(
            settings,
            self._commits.pending,
            self.counts,
            now_s,
            had_session=bool(journal.read(0, 1)),
            requests=pipeline.requests,
            max_payload_bytes=limits.max_payload_bytes,
        )
        self._stopping = threading.Event()
        self._turned_s = now_s
        self._due_s = now_s + _STUCK_S
        self._overdue: tuple[float, float] | None = None

    def run(self) -> None:
        """Receive until `stop`; then finish the commit, acknowledge it and disconnect.

        Raises:
            JournalBrokenError: nothing more may be acknowledged; the process must restart.
        """
        try:
            while not self._stopping.is_set():
                self._turn()
            if self._commits.pending and not self._commits.is_held:
                self._commit(time.monotonic())
        finally:
            self._connection.close()

    def stop(self) -> None:
        """Let `run` end; returns at once."""
        self._stopping.set()

    def status(self) -> IntakeStatus:
        """Return the state of this moment."""
        now_s = time.monotonic()
        connection = self._connection
        return IntakeStatus(
            connected=not connection.outage,
            session_present=connection.session_present,
            session_lost=connection.session_lost,
            takeover_suspected=connection.backoff.takeover_suspected,
            journal_full=self._commits.is_held,
            loop_age_s=now_s - self._turned_s,
            canary_age_s=connection.canary.age_s(now_s),
            canary_fresh=not connection.outage and connection.canary.is_fresh(now_s),
            connections=connection.connections,
            outage=connection.outage,
            pending=len(self._commits.pending),
        )

    def is_stuck(self, now_s: float) -> bool:
        """Return whether the loop has stopped turning and the process should restart.

        Ask every second or so. The loop is stuck when two questions, at least a second apart, find the same cycle
        overdue.

        Args:
            now_s: `time.monotonic()`.
        """
        due_s = self._due_s
        if now_s <= due_s:
            self._overdue = None
            return False
        if self._overdue is None or self._overdue[0] != due_s:
            self._overdue = (due_s, now_s)
        return now_s - self._overdue[1] >= _CONFIRM_S

    def _turn(self) -> None:
        """Connect or receive, commit if due, keep the connection alive, tick."""
        now_s = self._begin_turn(_STUCK_S)
        commits, connection = self._commits, self._connection
        listening = commits.room > 0
        if listening and connection.must_connect(now_s):
            self._begin_turn(_CONNECT_STUCK_S)
            connection.connect(now_s)
            now_s = self._begin_turn(_STUCK_S)
        if listening and connection.is_open:
            came = connection.receive(commits.room, now_s, commits.patience_s(now_s, _IDLE_S))
            now_s = time.monotonic()
        else:
            came = False
            if not commits.is_due(now_s, quiet=True):
                self._stopping.wait(_IDLE_S)
        if commits.is_due(now_s, quiet=not came):
            self._commit(now_s)
        connection.tend(now_s, listening=listening)
        self._take_counts()
        if connection.canary.is_fresh(now_s) and not connection.outage:
            self._tick_if_quiet(now_s)

    def _take_counts(self) -> None:
        """Take over the counts of decoders, checks and sequence numbers."""
        for counted in (self._pipeline.counts, self._pipeline.devices.sequences.counts):
            if counted:
                self.counts.update(counted)
                counted.clear()

    def _begin_turn(self, limit_s: float) -> float:
        """Promise to be back within `limit_s`; returns the time of now."""
        now_s = time.monotonic()
        self._turned_s = now_s
        self._due_s = now_s + limit_s
        return now_s

    def _commit(self, now_s: float) -> None:
        self._connection.acknowledge(self._commits.commit(now_s, time.time_ns()))

    def _tick_if_quiet(self, now_s: float) -> None:
        commits = self._commits
        if not commits.is_held and now_s - commits.appended_s >= self._limits.tick_s:
            commits.tick(now_s, time.time_ns())
