"""`ReconnectBackoff`: the time of the next try, and whether another program seems to use our client id.

Input: times (monotonic seconds) at which connections opened, failed and ended.
Output: the next time to try.
Not responsible for: sockets and clocks.
Rejects: nothing.
"""

from dataclasses import dataclass

FIRST_S = 1.0
CAP_S = 30.0
"""Longest delay without jitter; with it 34.5 s. Source: after an outage of any length the intake is back in 35 s."""
_JITTER = 0.15
"""Part of the delay that is random, so that a city of clients does not come back in one moment; assumed."""
_STABLE_S = 60.0
"""A connection that lasted this long, seconds, ends the back-off; assumed, twice the longest delay."""
_SHORT_S = 5.0
"""A connection that ended sooner, seconds, may have been taken over by a client with the same id; assumed."""
TAKEOVERS = 3
"""Short connections in a row that are no accident any more; assumed."""


def reconnect_delay_s(failures: int, chance: float) -> float:
    """Return how long to wait after `failures` in a row (1, 2, ..): 1, 2, 4 .. 30 s and up to 15 % more.

    Args:
        failures: at least 1.
        chance: a random number from 0 to 1.
    """
    return min(CAP_S, FIRST_S * 2.0 ** min(failures - 1, 10)) * (1 + _JITTER * chance)


@dataclass(slots=True)
class ReconnectBackoff:
    """The history of attempts, as far as it matters for the next."""

    retry_at_s: float = 0.0
    failures: int = 0
    short_connections: int = 0
    opened_s: float = 0.0

    @property
    def takeover_suspected(self) -> bool:
        """Whether the broker has ended several connections in a row right after they opened."""
        return self.short_connections >= TAKEOVERS

    def note_opened(self, now_s: float) -> None:
        """Note that the broker accepted us."""
        self.opened_s = now_s

    def note_ended(self, now_s: float, chance: float) -> None:
        """Note that an accepted connection is gone."""
        lasted_s = now_s - self.opened_s
        if lasted_s >= _STABLE_S:
            self.failures = 0
        self.short_connections = self.short_connections + 1 if lasted_s < _SHORT_S else 0
        self.note_failed(now_s, chance)

    def note_failed(self, now_s: float, chance: float) -> None:
        """Note that no connection came about."""
        self.failures += 1
        self.retry_at_s = now_s + reconnect_delay_s(self.failures, chance)
