"""I/O: messages on their way from any thread to the thread of the connection, counted until acknowledged.

Input: messages.
Output: the same messages in order; whether all are acknowledged.
Not responsible for: MQTT.
Rejects: messages after the queue was closed.
"""

import threading
from collections import deque


class PublishError(Exception):
    """The publisher cannot go on: it was stopped, was refused, or its network thread failed."""


class SendQueue:
    """An ordered queue that makes the giver wait while too much is under way."""

    def __init__(self, max_pending: int) -> None:
        """Let at most `max_pending` messages wait for their acknowledgement."""
        self.max_pending = max_pending
        self.pending = 0
        """Messages put and not yet acknowledged."""
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._changed = threading.Condition()
        self._end: PublishError | None = None

    def put(self, topic: str, payload: bytes) -> bool:
        """Take a message, waiting for room; returns whether the queue was empty, so that the taker must be woken.

        Raises:
            PublishError: the queue is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.pending < self.max_pending or self._end is not None)
            if self._end is not None:
                raise self._end
            self.pending += 1
            self._waiting.append((topic, payload))
            return len(self._waiting) == 1

    def take(self, limit: int) -> list[tuple[str, bytes]]:
        """Return up to `limit` messages in order; they stay pending."""
        with self._changed:
            return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def acknowledge(self) -> None:
        """Count one message as done."""
        with self._changed:
            self.pending -= 1
            if self.pending == 0 or self.pending == self.max_pending - 1:
                self._changed.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """Return whether nothing is pending within `timeout_s`.

        Raises:
            PublishError: the queue was closed with messages pending.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.pending == 0 or self._end is not None, timeout_s)
            if self._end is not None and self.pending:
                raise self._end
            return self.pending == 0

    def close(self, reason: PublishError) -> None:
        """Refuse further messages and wake everybody who waits; the first reason stays."""
        with self._changed:
            self._end = self._end or reason
            self._changed.notify_all()
