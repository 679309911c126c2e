"""I/O: a channel that notes how long after the reading's arrival each notification was handed over.

Comes in: a channel and a histogram. Goes out: the same channel, measured. Refuses to change what it does.
"""

from collections.abc import Callable

from prometheus_client import Histogram

from alerts.notification import Channel, Notification, Outcome, Verdict


class TimedChannel:
    """Measures `channel`."""

    def __init__(self, channel: Channel, handed_over: Histogram, clock_ns: Callable[[], int]) -> None:
        """Observe seconds from `created_ns` to the moment `channel` says sent."""
        self._channel, self._handed_over, self._clock_ns = channel, handed_over, clock_ns

    def send(self, notification: Notification) -> Outcome:
        """Hand `notification` over and say what became of it."""
        outcome = self._channel.send(notification)
        if outcome.verdict is Verdict.SENT:
            self._handed_over.observe((self._clock_ns() - notification.created_ns) / 1e9)
        return outcome

    def close(self) -> None:
        """Release connections."""
        self._channel.close()
