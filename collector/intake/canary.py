"""A message to ourselves through the broker: proof that messages pass, not only that a socket is open.

Comes in: moments (monotonic seconds). Goes out: when to send, how old the last proof is. Refuses to know MQTT.
"""

from dataclasses import dataclass

_FRESH_INTERVALS = 3
"""Intervals without a proof after which it is missing: two may be lost or late; assumed."""


@dataclass(slots=True)
class Canary:
    """The canary of one connection."""

    interval_s: float
    opened_s: float
    """When the connection opened."""
    sent_s: float | None = None
    heard_s: float | None = None
    """When the last canary came back."""
    moved_s: float = 0.0
    """When the last message of any kind came; the canary may wait behind a backlog of them."""

    def is_due(self, now_s: float) -> bool:
        """Return whether it is time to send one."""
        return self.sent_s is None or now_s - self.sent_s >= self.interval_s

    def age_s(self, now_s: float) -> float:
        """Return the seconds since one came back, or since the connection opened when none has yet."""
        return now_s - (self.opened_s if self.heard_s is None else self.heard_s)

    def is_fresh(self, now_s: float) -> bool:
        """Return whether messages are known to pass on this connection."""
        return self.heard_s is not None and self.age_s(now_s) < _FRESH_INTERVALS * self.interval_s

    def is_missing(self, now_s: float) -> bool:
        """Return whether neither canary nor any other message came for so long that the connection must be deaf."""
        limit_s = _FRESH_INTERVALS * self.interval_s
        return self.age_s(now_s) >= limit_s and now_s - self.moved_s >= limit_s

    def forgive(self, away_s: float) -> None:
        """Leave out a time in which we did not listen: a suspended machine says nothing about the broker."""
        self.opened_s += away_s
        self.moved_s += away_s
        if self.heard_s is not None:
            self.heard_s += away_s
