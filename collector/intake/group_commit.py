"""I/O: collects messages and makes them durable together, or holds them while the journal is full.

Input: received messages.
Output: the messages that are in the journal and may be acknowledged now.
Not responsible for: the connection.
Rejects: messages with QoS 2, as dead letters.

A message is in `pending`, in the one held commit, or durable: nowhere else.
"""

from collections import Counter
from dataclasses import dataclass

import structlog

from collector.batch import Quality, ReadingBatch, tick
from collector.checkpoints import CheckCheckpoint, DeviceCheckpoint
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.decoding.pipeline import Pipeline, RawMessage
from collector.journal import Journal, JournalFullError, Position
from config.settings import IntakeSettings

QUIET_MESSAGES = 16
"""With this many waiting and the broker silent, the commit does not wait for age. The broker may have stopped at its
in-flight window. Source: a little below Mosquitto's default `max_inflight_messages` of 20."""
QUIET_S = 0.0003
"""The silence that counts, seconds; assumed, several times the gap between messages of one burst."""
_RETRY_S = 1.0
"""Time between two tries to write a held commit, seconds; assumed."""


@dataclass(frozen=True, slots=True)
class _Commit:
    batch: ReadingBatch
    dead_letters: list[DeadLetter]
    received: list[RawMessage]
    note: bytes = b""
    """The devices' sequence numbers in it."""


class GroupCommit:
    """Group commit of received messages, in their order."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        limits: IntakeSettings,
        counts: Counter[tuple[str, str]],
        *,
        memory: CheckCheckpoint | None = None,
        devices: DeviceCheckpoint | None = None,
    ) -> None:
        self._memories = [each for each in (memory, devices) if each is not None]
        self.pending: list[RawMessage] = []
        """Filled by the session, in the order of receipt."""
        self.appended_s = 0.0
        """When the journal last took something, monotonic seconds."""
        self._pipeline = pipeline
        self._journal = journal
        self._limits = limits
        self._counts = counts
        self._oldest_s: float | None = None
        self._held: _Commit | None = None
        self._retry_at_s = 0.0
        self._log = structlog.get_logger()

    @property
    def is_held(self) -> bool:
        """Whether the journal is full and a commit waits for it."""
        return self._held is not None

    @property
    def room(self) -> int:
        """How many more messages may be taken in now."""
        return max(0, self._limits.commit_messages - len(self.pending))

    def patience_s(self, now_s: float, idle_s: float) -> float:
        """Return how long the loop may wait for more; `idle_s` when nothing is pending."""
        if not self.pending or self.is_held:
            return idle_s
        if self._oldest_s is None:
            self._oldest_s = now_s
        if len(self.pending) >= QUIET_MESSAGES:
            return QUIET_S
        return max(0.0, self._oldest_s + self._limits.commit_age_ms / 1000 - now_s)

    def is_due(self, now_s: float, *, quiet: bool) -> bool:
        """Return whether `commit` should be called; `quiet` when the wait of `patience_s` brought nothing."""
        if self._held is not None:
            return now_s >= self._retry_at_s
        if not self.pending:
            return False
        if self._oldest_s is None:
            self._oldest_s = now_s
        old = now_s - self._oldest_s >= self._limits.commit_age_ms / 1000
        return old or not self.room or (quiet and len(self.pending) >= QUIET_MESSAGES)

    def commit(self, now_s: float, now_ns: int) -> list[RawMessage]:
        """Make the held commit or all pending messages durable; returns those that may be acknowledged, in order.

        Args:
            now_s: monotonic seconds.
            now_ns: UTC nanoseconds, the `received_ns` of the batch.
        """
        self._pipeline.checks.clocks.notice(now_s, now_ns)
        commit = self._held or self._prepare(now_ns)
        if commit.batch or commit.dead_letters or commit.note:
            try:
                position = self._journal.append([commit.batch], commit.dead_letters, commit.note)
            except JournalFullError as error:
                self._hold(commit, now_s, error)
                return []
            self.appended_s = now_s
            self._save_if_due(position, now_s)
        if self._held is not None:
            self._held = None
            self._log.info("intake_resumed", messages=len(commit.received))
        self._count(commit)
        return commit.received

    def tick(self, now_s: float, now_ns: int) -> None:
        """Tell the clock of the rules that we listened and nothing came, if the journal has room to hear it."""
        self._pipeline.checks.clocks.notice(now_s, now_ns)
        try:
            position = self._journal.append([tick(now_ns)])
        except JournalFullError:
            self._counts["ticks_refused", "journal_full"] += 1
            return
        finally:
            self.appended_s = now_s
        self._counts["ticks", ""] += 1
        if not self.is_held:
            self._save_if_due(position, now_s)

    def _save_if_due(self, position: Position, now_s: float) -> None:
        for memory in self._memories:
            memory.save_if_due(position, now_s)

    def _prepare(self, received_ns: int) -> _Commit:
        received = self.pending.copy()
        self.pending.clear()
        self._oldest_s = None
        messages = [each for each in received if not each.is_canary and each.qos < 2]
        batch, dead_letters = self._pipeline.decode(messages, received_ns)
        for each in received:
            if each.qos == 2 and not each.is_canary:
                dead_letters.append(self._reject_qos_2(each.topic, each.payload, received_ns))
        return _Commit(batch, dead_letters, received, self._pipeline.note)

    def _reject_qos_2(self, topic: str, payload: bytes, received_ns: int) -> DeadLetter:
        """Only a subscription of an old session can bring QoS 2, with which a collector's restart loses messages."""
        self._counts["messages_refused", "qos_2"] += 1
        self._log.error("qos_2_refused", topic=topic, remedy="delete this client id's session at the broker once")
        clean = topic.encode(errors="backslashreplace").decode()
        return DeadLetter(received_ns, clean, payload, DeadLetterReason.TOPIC, "delivered with QoS 2: expected QoS 1")

    def _hold(self, commit: _Commit, now_s: float, error: JournalFullError) -> None:
        if self._held is None:
            self._log.error("intake_held", messages=len(commit.received), reason=str(error))
        self._held = commit
        self._retry_at_s = now_s + _RETRY_S
        self._counts["commits_refused", "journal_full"] += 1

    def _count(self, commit: _Commit) -> None:
        self._counts["commits", ""] += 1
        self._counts["messages", ""] += sum(not each.is_canary for each in commit.received)
        self._counts["readings", ""] += len(commit.batch)
        flagged = commit.batch.quality
        if flagged.any():
            for flag in Quality:
                if flag:
                    self._counts["readings_flagged", str(flag.name).lower()] += int((flagged & flag).astype(bool).sum())
