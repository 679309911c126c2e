"""`Notification`, `Outcome` and the `Channel` contract: one delivery of one alert to one contact on one channel.

Input: nothing.
Output: frozen values, the groups of notification kinds, the contract of a channel.
Not responsible for: the reason of a notification, and retries.
Rejects: nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from config.levels import WarningLevel


class NotificationKind(StrEnum):
    """The kind of a message."""

    RAISED = "raised"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    """A danger lasts and is not acknowledged."""
    CLEARED = "cleared"
    """Return to normal: the hazard is removed."""
    DEVICE_FAULT = "device_fault"
    DEVICE_RECOVERED = "device_recovered"


BEGINNINGS = (NotificationKind.RAISED, NotificationKind.ESCALATED)
"""Messages that announce a level of a hazard."""
WARNINGS = (*BEGINNINGS, NotificationKind.REMINDED)
"""Messages about a hazard that lasts."""
ENDS = (NotificationKind.CLEARED, NotificationKind.DEVICE_RECOVERED)
"""Messages that announce the end of an alert."""
WITH_ACKNOWLEDGE_LINK = (*WARNINGS, NotificationKind.DEVICE_FAULT)
"""Messages that ask for an acknowledgement."""


class Verdict(StrEnum):
    """The three results of one attempt."""

    SENT = "sent"
    """The other side took it over; a receipt may follow."""
    RETRY = "retry"
    """Not now: try the identical notification again."""
    REFUSED = "refused"
    """Never: this target will not take this notification."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One delivery. `id` is stable over every retry and restart: receivers dedupe on it."""

    id: str
    alert: str
    kind: NotificationKind
    channel: str
    """Name of the configured channel."""
    contact: str
    """Contact id, or the channel's own name where the channel is the target (webhook)."""
    address: str
    """Phone number or URL."""
    level: int
    """`WarningLevel` value of the alert when this was decided, 0 for device notices."""
    text: str
    """The whole message for a person, in the contact's language."""
    payload: str
    """The same as JSON, for machines."""
    created_ns: int
    """Received time of the reading batch that caused it."""

    @property
    def is_urgent(self) -> bool:
        """Return whether it warns people of an orange or red danger."""
        return self.kind in WARNINGS and self.level >= WarningLevel.ORANGE


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt, and its reason."""

    verdict: Verdict
    reason: str
    provider_ref: str = ""
    """The other side's own id for it, empty when it gave none."""
    retry_after_s: float | None = None
    receipt_within_s: float | None = None
    """Longest time until the receipt of an urgent message; then the next target takes over. None without receipts."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification and its state so far."""

    notification: Notification
    state: str
    """pending, standby, grouped, sending, sent, delivered, refused, failed or withdrawn."""
    sequence: int
    attempts: int
    first_attempt_ns: int | None
    """When it was first tried."""
    first_sent_ns: int | None
    """When the other side first took it over."""
    next_attempt_ns: int
    last_reason: str
    provider_ref: str
    receipts: tuple[tuple[int, int], ...]
    """(code, received_ns) of each receipt, in order of arrival."""
    acknowledged_ns: int | None
    """When this contact acknowledged the alert."""


class Channel(Protocol):
    """One way out. Thread-safe; never raises for anything the other side does."""

    def send(self, notification: Notification) -> Outcome:
        """Hand `notification` over once and return the result."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def plain_reason(text: str) -> str:
    """Return the first line of `text`, printable and short enough for a log line."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(each for each in line if each.isprintable())[:120]
