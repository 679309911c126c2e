"""I/O: one connection to the broker, from the socket's opening to its end; a new one is a new object.

Comes in: settings, acknowledgements. Goes out: messages into the session's inbox. Refuses to decide when to connect,
what to store and what to acknowledge. Nothing but the thread that made it may touch it.
"""

import select
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from collector.intake.group_commit import Received
from collector.intake.read_buffer import BufferedSocket
from collector.intake.session import MqttSession
from config.settings import MqttSettings

CONNECT_TIMEOUT_S = 5.0
"""TCP and then TLS each have this long; assumed."""


class PahoClient:
    """An open socket with paho's protocol on it."""

    def __init__(self, settings: MqttSettings, session: MqttSession) -> None:
        """Connect and send CONNECT; the answer comes to `session`.

        Raises:
            OSError: nobody answers, or TLS fails.
            ValueError: an address or certificate that cannot be.
        """
        self.session = session
        self._client = _build_client(settings)
        session.attach(self._client)
        self._buffer: BufferedSocket | None = None
        self._client.on_socket_open = self._put_buffer
        # with this set, paho collects acknowledgements until `flush` instead of writing each at once
        self._client.on_socket_register_write = _ignore
        self._client.connect(settings.host, settings.port, settings.keepalive_s)
        self._poll = select.poll()
        self._poll.register(self._socket(), select.POLLIN)

    def read(self, room: int, timeout_s: float) -> bool:
        """Wait for bytes and take in at most `room` messages; False when nothing came in time."""
        socket = self._socket()
        if not socket.pending() and not self._wait(timeout_s):
            return False
        inbox = self.session.inbox
        limit = len(inbox) + room
        for _ in range(room):
            # paho reads one packet, or a few while a canary is on its way
            self._client.loop_read()
            if self.session.ended or not socket.pending() or len(inbox) >= limit:
                break
        return True

    def acknowledge(self, received: Iterable[Received]) -> int:
        """Acknowledge in order; returns how many belonged to an older connection and were left out."""
        stale = 0
        for each in received:
            if each.epoch != self.session.epoch:
                stale += 1
            elif each.qos:
                self._client.ack(each.mid, each.qos)
        return stale

    def publish(self, topic: str, payload: bytes = b"", qos: int = 1) -> None:
        """Send a message."""
        self._client.publish(topic, payload, qos)

    def flush(self) -> None:
        """Send what waits."""
        if self._client.want_write():
            self._client.loop_write()
        try:
            self._socket().flush()
        except OSError as error:
            self.session.ended = self.session.ended or f"connection lost: {error}"

    def keep_alive(self) -> None:
        """Let paho send its ping, or give up a connection that answers none."""
        self._client.loop_misc()

    def close(self) -> None:
        """Say goodbye if anybody listens, and close the socket."""
        with suppress(Exception):  # the goodbye is a courtesy, the close below is what counts
            self._client.disconnect()
            self._client.loop_write()
        self._client.on_disconnect = None
        if self._buffer is not None:
            self._buffer.close()

    def _wait(self, timeout_s: float) -> bool:
        """Return whether bytes came; `poll` counts whole milliseconds, so that a shorter wait is slept."""
        if 0 < timeout_s < 0.001:
            time.sleep(timeout_s)
            timeout_s = 0.0
        return bool(self._poll.poll(timeout_s * 1000))

    def _socket(self) -> BufferedSocket:
        if self._buffer is None:
            raise ConnectionError("paho opened no socket")
        return self._buffer

    def _put_buffer(self, client: Client, _: object, socket: Any) -> None:
        self._buffer = BufferedSocket(socket)
        client._sock = self._buffer  # noqa: SLF001 - paho has no public way to wrap its socket


def _build_client(settings: MqttSettings) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=False,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if settings.username is not None:
        password = settings.password
        client.username_pw_set(settings.username, password.get_secret_value() if password else None)
    if settings.tls is not None:
        tls = settings.tls
        ca_file, cert_file, key_file = (
            str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)
        )
        client.tls_set(ca_file, cert_file, key_file)
    return client


def _ignore(*_: object) -> None:
    """Do nothing."""
