"""The ledger as other rooms see it: the durable state of alarms and alerts, by topic.

Input: steps of the rules stage, acknowledgements, labels.
Output: the position to go on from, and the records of each topic.
Not responsible for: recipients and messages, see `alerts.planning`; storage, see `alerts.ledger.sql_ledger`.
Rejects: a step that does not begin at the position and epoch of the ledger (`FencedError`).

Each method raises `alerts.store.errors.LedgerUnavailableError` while the database does not answer.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from alerts.alert import Alert, Cursor, Decision, LedgerStep, Snapshot, StoredEvent
from alerts.chatter import TransitionCounts
from alerts.outbox.outbox import Outbox

BLANK = b""
"""Snapshot of rules that have seen no reading."""
MAX_CAUSE = 300
"""Longest cause of a label, in characters; assumed: some lines of text."""


class FencedError(Exception):
    """The ledger is not where the step begins: another owner took over, or the step is repeated. Nothing is stored."""


class Disposition(StrEnum):
    """The result of looking at an alert afterwards."""

    TRUE = "true"
    """The danger was there."""
    FALSE = "false"
    """There was none: a false alarm."""
    TEST = "test"
    """Somebody tried the device or the warning."""
    MAINTENANCE = "maintenance"
    """Work on the device or the lifeline caused it."""


@dataclass(frozen=True, slots=True)
class Label:
    """One statement of one person about one alert."""

    alert: str
    disposition: Disposition
    cause: str
    contact: str
    """The person."""
    labelled_ns: int


@dataclass(frozen=True, slots=True)
class InForce:
    """One configuration: every journal entry behind `position` is judged by it, until the next one."""

    position: int
    version: str
    started_ns: int


def in_force_at(history: Sequence[InForce], position: int) -> InForce | None:
    """Return the configuration that judged the journal entry at `position`, None where none is recorded."""
    return next((each for each in reversed(history) if each.position < position), None)


class AlertRecords(Protocol):
    """Alerts, open or over, and their acknowledgements."""

    def read_open(self) -> tuple[Alert, ...]:
        """Return every open alert, oldest first: the input of planning, and the list of the console."""
        ...

    def read_recent(self, limit: int, asset: str | None = None) -> tuple[Alert, ...]:
        """Return the newest alerts first, open or over, of one asset or of all."""
        ...

    def read_incident(self, alert: Alert) -> tuple[Alert, ...]:
        """Return the other alerts of the incident of `alert`, open or over, oldest first."""
        ...

    def read_acknowledged(self) -> frozenset[str]:
        """Return the ids of acknowledged alerts that are open, or that belong to an incident with an open alert."""
        ...

    def find(self, alert: str) -> Alert | None:
        """Return one alert, open or over; None when there is none of that id."""
        ...

    def acknowledge(self, alert: str, contact: str, now_ns: int, notification: str = "") -> bool:
        """Store that `contact` acknowledges `alert`; False when that was known before. Repeating changes nothing."""
        ...


class EventRecords(Protocol):
    """Transitions of alarms."""

    def read(
        self, *, alert: str | None = None, alarm: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        """Return transitions behind journal position `after` in their order, of one alert, one alarm or all."""
        ...


class DecisionRecords(Protocol):
    """Decisions of planning and of the outbox, with reasons."""

    def read(self, alert: str) -> list[Decision]:
        """Return the decisions about `alert` in order; with an empty string those without an alert."""
        ...


class LabelRecords(Protocol):
    """Labels that people give to alerts afterwards. Earlier labels are kept; the last one counts."""

    def add(self, label: Label) -> bool:
        """Store `label` as the last one of its alert; False when the last one has the same content already."""
        ...

    def read(self, alert: str) -> tuple[Label, ...]:
        """Return all labels of `alert`, the last one last."""
        ...

    def read_labelled_alerts(self) -> Sequence[tuple[Alert, Label]]:
        """Return every labelled alert with its last label, oldest alert first."""
        ...


class ConfigurationRecords(Protocol):
    """The configurations that were in force, by journal position."""

    def record(self, version: str, now_ns: int, state: Callable[[], bytes]) -> None:
        """Store that `version` judges every entry behind the ledger's position, beginning with `state` of the rules.

        If the configuration did not change, it only keeps a state, when the last one is a day old.
        """
        ...

    def read(self) -> list[InForce]:
        """Return every configuration that was in force, oldest first."""
        ...


class ReplaySnapshots(Protocol):
    """States of the rules from which a part of the journal can be replayed."""

    def is_due(self, now_ns: int) -> bool:
        """Return whether the newest state is a day old, or there is none."""
        ...

    def keep(self, state: Snapshot, now_ns: int) -> None:
        """Keep `state` of the rules, and delete the oldest states."""
        ...

    def read(self, after: int) -> list[Snapshot]:
        """Return the kept states at or behind journal position `after`, oldest first."""
        ...


class CountRecords(Protocol):
    """How often each alarm was raised and cleared."""

    def read(self) -> dict[str, TransitionCounts]:
        """Return the counts of every alarm that was ever raised, by alarm id."""
        ...

    def read_worst(self, limit: int) -> list[TransitionCounts]:
        """Return the alarms that chattered or were fleeting most often, the worst first."""
        ...


class Ledger(Protocol):
    """Alarms, alerts and decisions with the journal position for which they are true. Thread-safe."""

    counts: Counter[tuple[str, str]]

    @property
    def alerts(self) -> AlertRecords:
        """Alerts and acknowledgements."""
        ...

    @property
    def alarm_events(self) -> EventRecords:
        """Transitions of alarms."""
        ...

    @property
    def decisions(self) -> DecisionRecords:
        """Decisions with reasons."""
        ...

    @property
    def labels(self) -> LabelRecords:
        """Labels of alerts."""
        ...

    @property
    def configurations(self) -> ConfigurationRecords:
        """Configurations that were in force."""
        ...

    @property
    def replay_snapshots(self) -> ReplaySnapshots:
        """States of the rules for replays."""
        ...

    @property
    def transition_counts(self) -> CountRecords:
        """Counts of transitions by alarm."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Notifications until they are delivered."""
        ...

    def take_over(self) -> Cursor:
        """Return the cursor of a new owner; steps of every earlier owner are rejected from now on."""
        ...

    def position(self) -> int:
        """Return the journal position up to which alarms, alerts and outbox are complete."""
        ...

    def snapshot(self) -> Snapshot | None:
        """Return the newest engine snapshot; its position is at or before `position()`."""
        ...

    def commit_step(self, step: LedgerStep) -> None:
        """Store all of `step` in one transaction; on return it survives a crash.

        Raises:
            FencedError: the stored cursor is not `step.cursor`; nothing was stored.
        """
        ...

    def close(self) -> None:
        """Release the database."""
        ...
