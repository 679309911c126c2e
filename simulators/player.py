"""I/O: plays a district in real time through a publisher.

Input: a district.
Output: each message at its time; messages delayed by the publisher follow at once and in order.
Not responsible for: the events of the district.
Rejects: nothing.
"""

import threading
import time
from collections.abc import Callable

from simulators.district import District
from simulators.publisher import Publisher
from simulators.send_queue import PublishError

_STEP_S = 0.1
_CATCH_UP_NS = 600_000_000_000
"""Older messages are left out: a machine that slept a night must not send the night. Assumed: a device's
buffer holds ten minutes."""


class Player:
    """A district that lives from `start` to `stop`."""

    def __init__(
        self,
        publisher: Publisher,
        district: District,
        *,
        clock: Callable[[], int] = time.time_ns,
        step_s: float = _STEP_S,
    ) -> None:
        """Keep the parts; `clock` gives UTC nanoseconds."""
        self.district = district
        """The played district; put another in its place at any moment, for instance one with another scenario."""
        self.failure: PublishError | None = None
        """Why it ended before `stop`, None while all is well."""
        self._publisher = publisher
        self._clock = clock
        self._step_s = step_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def start(self) -> None:
        """Begin with the samples from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the last message was handed to the publisher."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(15.0)

    def _run(self) -> None:
        after_ns = self._clock()
        try:
            while not self._stopping.wait(self._step_s):
                until_ns = self._clock()
                after_ns = max(after_ns, until_ns - _CATCH_UP_NS)
                for message in self.district.between(after_ns, until_ns):
                    self._publisher.publish(message.topic, message.payload)
                after_ns = max(after_ns, until_ns)
        except PublishError as failure:
            self.failure = failure
