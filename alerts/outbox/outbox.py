"""The outbox as other rooms see it: notifications until they are delivered or given up.

Input: claims, outcomes of attempts, delivery reports.
Output: notifications to send now, highest priority first, and the state of each.
Not responsible for: sending; the time of a retry, see `alerts.outbox.backoff`; storage, see `alerts.outbox.sql_outbox`.
Rejects: the outcome of a claim that another dispatcher has taken over.

A claim is a lease with an attempt number. An outcome with an older number, or after the lease went to another
dispatcher, changes nothing. The message about an end is given out only after all earlier messages to its target.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.alert import DecisionReason
from alerts.notification import Delivery, Notification, Outcome
from alerts.outbox.delivery_reports import Receipt


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to try one notification once, until the lease ends."""

    notification: Notification
    priority: int
    attempt: int
    """1 for the first; the fence."""
    owner: str
    first_attempt_ns: int
    """Time of the first attempt: the beginning of its back-off."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The notifications of one channel that a dispatcher still has to act on."""

    pending: int
    sending: int
    oldest_ns: int
    """`created_ns` of the oldest of them; 0 when there is none."""


class Outbox(Protocol):
    """The notifications of one ledger. Thread-safe; dispatchers of several programs may claim from it."""

    counts: Counter[tuple[str, str]]

    def next_due_ns(self, now_ns: int, channels: Collection[str]) -> int | None:
        """Return when the next notification for `channels` is due, in the past when one is; None without one."""
        ...

    def claim(self, now_ns: int, free: Mapping[str, int], lease_s: float, owner: str) -> list[Claim]:
        """Return notifications to try now, at most `free[channel]` of each channel, highest priority first.

        They belong to `owner` until `now_ns` + `lease_s`, or longer after `renew`. Then any dispatcher may try them.
        """
        ...

    def renew(self, claims: Sequence[Claim], now_ns: int, lease_s: float) -> None:
        """Keep `claims`, all of one owner, until `now_ns` + `lease_s`: they are still being sent."""
        ...

    def record_attempt(self, claim: Claim, outcome: Outcome, now_ns: int, retry_ns: int | None) -> bool:
        """Store the outcome of `claim`; False when the claim was no longer this owner's and nothing changed.

        Args:
            claim: the attempt.
            outcome: the answer of the channel.
            now_ns: UTC nanoseconds.
            retry_ns: time of the next attempt after `Verdict.RETRY`; None gives up.
        """
        ...

    def record_receipt(self, receipt: Receipt, now_ns: int) -> bool:
        """Store a delivery report; False when it was known before or belongs to no notification."""
        ...

    def fail_over(self, now_ns: int) -> list[DecisionReason]:
        """Give urgent messages without a receipt to the next channel or contact; returns each decision."""
        ...

    def release(self, now_ns: int) -> int:
        """Send each suppressed message after all if its substitute did not arrive; returns their number."""
        ...

    def find(self, notification: str) -> Delivery | None:
        """Return one notification with its state; None when there is none of that id."""
        ...

    def read_deliveries(self, alert: str) -> list[Delivery]:
        """Return every notification of `alert` with its state, in the order of decision."""
        ...

    def measure_queues(self) -> dict[str, QueueDepth]:
        """Return the depth of the queue of each channel that has waiting notifications."""
        ...
