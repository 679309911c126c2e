"""Alerts, decisions, plans and steps: values that planning makes and the ledger stores.

Input: nothing.
Output: frozen values, and ids that depend on their parts only.
Not responsible for: planning and storage.
Rejects: nothing.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.chatter import TransitionCounts
from alerts.notification import Notification, NotificationKind
from rules.events import AlarmEvents, AlarmKey, Dimension, Extent, Transition, TransitionReason, extent_text


class DecisionVerdict(StrEnum):
    """The kind of a decision; `Decision.reason` is its reason."""

    NOTIFY = "notify"
    """A notification went to the outbox."""
    GROUP = "group"
    """Another notification informs the recipient."""
    SKIP = "skip"
    """No message is sent."""
    WITHDRAW = "withdraw"
    """A notification left the outbox before it was handed over."""
    FALL_BACK = "fall_back"
    """The next channel takes over from one that could not deliver."""


class DecisionReason(StrEnum):
    """The bounded set of reasons behind decisions; each is described in docs/alerts.md."""

    ROUTED = "routed"
    """A route names this role, or this channel itself, for the alert's dimension, domain and level."""
    TOLD_BEFORE = "told_before"
    """The recipient got a message about the danger, so the message about its end goes there too."""
    SAME_CONTACT = "same_contact"
    """One contact in two roles gets one message."""
    GROUPED = "grouped"
    """The recipient knows of the incident at this level or above, or the end waits for other alarms."""
    UNCOVERED = "uncovered"
    """The message that stood for this one did not arrive: this one is sent after all."""
    SAME_DEVICE = "same_device"
    """The device's fault is already announced; this sensor joins it."""
    NO_ROUTE = "no_route"
    """No route names this dimension, domain and level."""
    NO_CONTACT = "no_contact"
    """The role has no contact at this asset."""
    NO_ADDRESS = "no_address"
    """The contact has no usable phone number."""
    STANDBY = "standby"
    """The recipient gets the message when the message to an earlier recipient does not arrive."""
    UNACKNOWLEDGED = "unacknowledged"
    """The danger lasts and is not acknowledged: its recipients get a reminder."""
    ACKNOWLEDGED = "acknowledged"
    """The alert is acknowledged: no more reminders, and no message to others because of a missing receipt."""
    LATCHED = "latched"
    """The alarm is over, and its rule keeps the alert open until an acknowledgement."""
    CHATTERING = "chattering"
    """The alarm changes too often: its first message stands, and its end waits until the alarm is calm."""
    SETTLING = "settling"
    """The alarm is over and its end waits for the settle time; or the alarm returned within this time."""
    CALM = "calm"
    """The held end is announced: the alarm has stayed calm, or a latched alert was acknowledged."""
    NO_RECEIPT = "no_receipt"
    """The gateway took the message, and no receipt came in time."""
    ENDED = "ended"
    """The danger was over before the receipt was overdue."""
    NEVER_SEEN = "never_seen"
    """Registered and never heard: a gap in protection on the console, not a message."""
    LOWERED = "lowered"
    """The level fell but danger remains: no message."""
    LEVEL_TOLD = "level_told"
    """This level was already announced in this episode."""
    STILL_BLIND = "still_blind"
    """Other sensors of the device are still blind."""
    NOBODY_TOLD = "nobody_told"
    """The alarm ended, and no message about its beginning was sent."""
    SUPERSEDED = "superseded"
    """A higher level of the same alert goes to the same target."""
    NEVER_HANDED_OVER = "never_handed_over"
    """The return to normal of a message that never left."""
    UNDELIVERABLE = "undeliverable"
    """The channel before this one refused it or gave up."""
    CONFIGURATION_CHANGED = "configuration_changed"
    """The rule or sensor of this open alert has left the configuration, or moved: closed, its end was not seen."""
    STATE_LOST = "state_lost"
    """The rules no longer hold this open alert's alarm: closed, its end was not seen; a danger that lasts is raised
    anew."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One target of an alert's messages, kept with the alert: the same target gets the message about its end."""

    channel: str
    contact: str
    address: str
    language: str
    fallbacks: tuple[str, ...] = ()
    """Channels to try in order when `channel` cannot deliver."""
    is_standby: bool = False
    """On standby: gets a message only when the message to an earlier recipient does not arrive."""
    level: int = 0
    """The highest level of this alert that the recipient knows; 0: only the end of an earlier alert is owed."""
    informed_by_alert: str = ""
    """Id of the alert of the same incident whose message informed this recipient; empty: this alert's own did."""
    is_ungrouped: bool = False
    """This recipient gets a message for each alarm: no message is left out as part of an incident."""

    @property
    def place(self) -> tuple[str, str]:
        """Return channel and contact: the identity of the recipient."""
        return self.channel, self.contact


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an alarm, kept for the message that announces it later."""

    reason: TransitionReason
    extent: Extent | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of one hazard alarm, or of one device with blind sensors."""

    id: str
    dimension: Dimension
    subject: str
    """Alarm id of a hazard; device id of a fault."""
    rule: str
    asset: str
    device: str
    level: int
    """`WarningLevel` value now, 0 when over or a device fault."""
    peak: int
    """Highest level of this episode so far."""
    is_open: bool
    opened_ns: int
    """Event time at which the episode began."""
    changed_ns: int
    """Event time of the last transition."""
    alarms: tuple[str, ...]
    """Ids of the active alarms it stands for, in order of joining."""
    recipients: tuple[Recipient, ...]
    sequence: int
    """Number of rounds of notifications so far."""
    acknowledged_ns: int | None = None
    """Time of the first acknowledgement. Only the ledger fills it; planning neither reads nor writes it."""
    acknowledged_by: str = ""
    """Contact id of the first acknowledgement."""
    value: float | None = None
    """The reading of the last transition; None where silence caused it."""
    level_changed_at_receipt_ns: int = 0
    """Received time of the batch in which the alarm last changed its level. For a device fault: in which a sensor of
    the device last recovered."""
    notified_ns: int = 0
    """Journal clock (the latest received time) at the last round of warnings that asks for an acknowledgement. 0 when
    no round asks for one."""
    end_held_until_ns: int = 0
    """Journal clock (the latest received time) from which the end of the alarm may be sent. 0 where the end waits for
    no time. The settle time and the wait of a chattering alarm set it."""
    is_latched: bool = False
    """The alarm is over, and the alert stays open until an acknowledgement."""
    ending: Ending | None = None
    """How its alarm ended, while the end is held."""
    hazard: str = ""
    """The kind of danger, see `alerts.planning.incidents`; empty for device faults and alerts of older ledgers."""
    incident: str = ""
    """Id of the first alert of its incident; its own where it stands alone."""
    ended: int = 0
    """Number of closed alerts of the incident whose end is announced together with the end of this one."""
    ended_peak: int = 0
    """The highest level among them."""

    @property
    def is_over(self) -> bool:
        """Return whether no alarm of it is active, also while its end is held."""
        # A device fault has no level; only an end is held.
        return not self.is_open or bool(
            self.end_held_until_ns or (self.dimension is Dimension.HAZARD and not self.level)
        )


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One transition of an alarm as the ledger keeps it."""

    position: int
    ordinal: int
    """Place among the transitions of the same position, from 0."""
    alarm: str
    alert: str
    time_ns: int
    episode_ns: int
    transition: Transition
    level_before: int
    level_after: int
    value: float
    """NaN where silence caused it."""
    reason: TransitionReason
    extent: Extent | None = None

    @property
    def line(self) -> str:
        """Return the canonical JSON line, byte for byte as `AlarmEvents.lines` gives it."""
        value = "null" if math.isnan(self.value) else repr(self.value)
        return (
            f'{{"alarm":"{self.alarm}","time_ns":{self.time_ns},"episode_ns":{self.episode_ns},'
            f'"transition":"{self.transition.name.lower()}",'
            f'"level_before":{self.level_before},"level_after":{self.level_after},'
            f'"value":{value},"reason":"{self.reason.name.lower()}","position":{self.position}{extent_text(self.extent)}}}'
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one transition, with its reason."""

    alert: str
    """Empty where there is no alert."""
    subject: str
    """Alarm id, or notification id where the dispatcher decided."""
    position: int
    """Journal position of the cause, 0 where the dispatcher decided."""
    time_ns: int
    """Event time of the cause; wall time where the dispatcher or a restart decided."""
    verdict: DecisionVerdict
    reason: DecisionReason
    detail: str
    """Route, role, contact, channel: the subject of the reason."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A notification with its place in the outbox."""

    notification: Notification
    priority: int
    """Higher goes first."""
    sequence: int
    """Round within its alert: the end of an alert never overtakes its beginning."""
    fallbacks: tuple[str, ...]
    standby: int | None = None
    """Place in the order of the recipients on standby; None: the message is sent at once."""
    incident: str = ""
    """Of a suppressed message the incident that its target knows already; empty for all others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the transitions of one step change for people."""

    alerts: tuple[Alert, ...] = ()
    """Alerts that are new or changed, each once, with their final state."""
    planned: tuple[Planned, ...] = ()
    decisions: tuple[Decision, ...] = ()
    open_alerts: tuple[Alert, ...] = ()
    """All alerts open after the step: the input of the next one."""
    alert_of: tuple[str, ...] = ()
    """Alert id of each transition, empty where there is none."""
    transition_counts: tuple[TransitionCounts, ...] = ()
    """Counts of the alarms that were raised or cleared, each once, with their final state."""
    suppressed: tuple[Planned, ...] = ()
    """Messages left out because their targets know of the incident. They are sent if the message that informed the
    target fails."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of the rules stage in the journal, and the epoch of its one owner."""

    position: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine's state after `position`."""

    position: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """The content of one transaction of the ledger."""

    cursor: Cursor
    """Position and epoch that must still be the ledger's."""
    position: int
    """New position."""
    events: AlarmEvents
    alarms: Sequence[AlarmKey]
    """The alarm of each alarm number in `events`."""
    plan: Plan
    snapshot: bytes | None = None
    """The engine's state after `position`, now and then."""

    @property
    def next_cursor(self) -> Cursor:
        """Return the cursor that the following step must name."""
        return Cursor(self.position, self.cursor.epoch)


def stable_id(*parts: str | int) -> str:
    """Return 24 hex digits that depend on `parts` only; 96 bits keep links short and collisions out of reach."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def notification_id(alert: str, kind: NotificationKind, level: int, target: tuple[str, str], sequence: int = 0) -> str:
    """Return the id of the one notification of this kind and level of `alert` to `target` (channel, contact).

    Messages that may be sent several times have the `sequence` of their round: reminders, and returns of an alarm.
    """
    rounds = (sequence,) if sequence else ()
    return stable_id(alert, kind.value, level, *target, *rounds)
