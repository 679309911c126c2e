"""I/O: sends messages over real MQTT at QoS 1 and keeps each until the broker has acknowledged it.

Input: topics and payloads from any thread.
Output: PUBLISH packets in the order of the calls, repeated after a lost connection until each has its PUBACK.
Not responsible for: districts and time.
Rejects: calls after its network thread has failed; the next call raises the failure.
"""

import contextlib
import threading
import uuid
from collections import Counter

from config.settings import TlsSettings
from simulators.connection import Connection, make_client
from simulators.send_queue import PublishError, SendQueue


class Publisher:
    """One MQTT connection that loses nothing that was handed to `publish` while it runs.

    `counts` has ("messages_published", "") for messages given to the connection, ("messages_acknowledged", "") for
    PUBACKs and ("connections_lost", "") for outages.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str | None = None,
        username: str | None = None,
        password: str | None = None,
        tls: TlsSettings | None = None,
        keepalive_s: int = 30,
        max_pending: int = 20_000,
    ) -> None:
        """Keep the address and prepare the client; nothing is connected before `start`.

        Without a `client_id` it gets one of its own: two publishers of one id would drive each other out.
        `publish` waits while `max_pending` messages have no PUBACK yet.
        """
        self.counts: Counter[tuple[str, str]] = Counter()
        self._address = f"{host}:{port}"
        self._queue = SendQueue(max_pending)
        client_id = client_id or f"lifeline-simulator-{uuid.uuid4().hex[:8]}"
        client = make_client(client_id, username, password, tls)
        client.connect_async(host, port, keepalive_s)
        self._connection = Connection(client, self._queue, self.counts)
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"publisher-{client_id}", daemon=True)

    @property
    def pending(self) -> int:
        """Messages without PUBACK."""
        return self._queue.pending

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the connection and it stands."""
        return self._connection.is_connected

    def start(self, timeout_s: float = 10.0) -> None:
        """Return when the broker has accepted the connection.

        Raises:
            PublishError: not within `timeout_s`, or the broker refused.
        """
        self._thread.start()
        accepted = self._connection.accepted.wait(timeout_s)
        if accepted and self._failure is None:
            return
        self.stop(drain_s=0.0)
        got = str(self._failure or self._connection.trouble or "no answer")
        raise PublishError(
            f"mqtt {self._address}: expected an accepted connection within {timeout_s:g} s, got {got}; "
            "check the address, user name and password, and that the broker runs"
        )

    def publish(self, topic: str, payload: bytes) -> None:
        """Take a message; it is sent at QoS 1 behind all that were taken before it.

        Raises:
            PublishError: the publisher was stopped or failed.
        """
        if self._queue.put(topic, payload):
            self._connection.wake()

    def drain(self, timeout_s: float) -> bool:
        """Return whether every message has its PUBACK within `timeout_s`.

        Raises:
            PublishError: the publisher was stopped or failed with messages pending.
        """
        return self._queue.wait_empty(timeout_s)

    def stop(self, drain_s: float = 5.0) -> None:
        """Wait up to `drain_s` for PUBACKs, disconnect and end the thread; messages still pending are lost."""
        with contextlib.suppress(PublishError):
            self._queue.wait_empty(drain_s)
        self._queue.close(PublishError(f"mqtt {self._address}: expected a running publisher, got a stopped one"))
        self._stopping.set()
        self._connection.wake()
        if self._thread.ident is not None:
            self._thread.join(15.0)

    def _run(self) -> None:
        try:
            self._connection.run(self._stopping)
        except Exception as failure:  # noqa: BLE001  # kept, and raised where a caller sees it
            self._failure = failure
            self._queue.close(PublishError(f"mqtt {self._address}: the network thread failed: {failure}"))
        finally:
            # Only now: `start` looks at the failure as soon as it is set.
            self._connection.accepted.set()
