"""I/O: one connection to the broker through paho, from the opening of the socket to its end.

Input: settings, acknowledgements, bytes of the broker.
Output: received messages in the inbox, and the state of the session.
Not responsible for: when to connect, and which messages to store and to acknowledge.
Rejects: QoS 2; a broker that grants it ends the connection.

A new connection is a new object. Only the thread that made it may touch it. paho reads each packet in three calls and
writes each acknowledgement in one. With `BufferedSocket` between it and the kernel a message costs about a fifth less:
17 instead of 21 us of CPU, measured. A thread then gives up the interpreter lock once for hundreds of messages
instead of four times for each.
"""

import select
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.decoding.pipeline import RawMessage
from config.settings import MqttSettings

CONNECT_TIMEOUT_S = 5.0
"""TCP and then TLS each have this long; assumed."""
_CHUNK_BYTES = 65_536
_LAST_WORDS_S = 1.0
"""How long `close` tries to send the rest, seconds; assumed."""


class BufferedSocket:
    """Looks like a non-blocking socket to paho; sent bytes leave with `flush`."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        # a broker that gathers small packets (Nagle) waits for the kernel's own answer, which Linux delays by 40 ms
        self._is_tcp = hasattr(socket, "TCP_QUICKACK") and inner.family != socket.AF_UNIX
        if self._is_tcp:
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._chunk = b""
        self._place = 0
        self._unsent = bytearray()

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, empty when the other side has closed.

        Raises:
            OSError: as the socket under it; `BlockingIOError` or `ssl.SSLWantReadError` when nothing is there.
        """
        if self._place >= len(self._chunk):
            self._chunk = self._inner.recv(_CHUNK_BYTES)
            self._place = 0
            if self._is_tcp:
                self._inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        start = self._place
        self._place = start + size
        return self._chunk[start : self._place]

    def send(self, octets: bytes | bytearray) -> int:
        """Take all of `octets`; returns their number."""
        self._unsent += octets
        return len(octets)

    def flush(self) -> bool:
        """Send as much as the kernel takes now; returns whether nothing is left.

        Raises:
            OSError: the connection is gone.
        """
        while self._unsent:
            try:
                sent = self._inner.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            del self._unsent[:sent]
        return True

    def pending(self) -> int:
        """Return how many received bytes wait here or inside TLS, invisible to `select`."""
        inside = self._inner.pending() if isinstance(self._inner, ssl.SSLSocket) else 0
        return max(0, len(self._chunk) - self._place) + inside

    def close(self) -> None:
        """Send the rest, for a moment, and close."""
        with suppress(OSError):
            self._inner.settimeout(_LAST_WORDS_S)
            self._inner.sendall(self._unsent)
        self._inner.close()

    def fileno(self) -> int:
        """Return the descriptor, for `poll`."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the signature of a socket
        """Set the mode of the socket under it."""
        self._inner.setblocking(flag)


class MqttSession:
    """State of one connection, filled by paho's callbacks.

    A callback never raises: an exception in it would end the reading of the connection.

    Attributes:
        accepted: the broker said yes to CONNECT.
        present: the broker still had our session, with all that it kept for us.
        ended: why the connection is gone, empty while it is not.
        inbox: where received messages go, in order.
        canary_back: the canary came back since this was last set to False.
    """

    def __init__(
        self,
        epoch: int,
        filters: Sequence[str],
        canary_topic: str,
        inbox: list[RawMessage],
        counts: Counter[tuple[str, str]],
        *,
        max_payload_bytes: int,
    ) -> None:
        self.epoch = epoch
        self.accepted = False
        self.present = False
        self.ended = ""
        self.canary_back = False
        self._filters = [*filters, canary_topic]
        self._canary_topic = canary_topic
        self.inbox = inbox
        self._counts = counts
        self._kept_bytes = max_payload_bytes + 1
        self._log = structlog.get_logger(epoch=epoch)

    def attach(self, client: Client) -> None:
        """Let `client` call us."""
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if reason.is_failure:
            self.ended = f"the broker refused the connection: {reason}"
            return
        self.accepted = True
        self.present = flags.session_present
        # also when the session is still there: our filters may have changed since
        client.subscribe([(each, 1) for each in self._filters])

    def _on_subscribe(self, _: Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Properties | None) -> None:
        for topic_filter, reason in zip(self._filters, reasons, strict=False):
            if reason.value == 1:
                continue
            self._counts["subscriptions_refused", ""] += 1
            remedy = "let the broker's access list grant this client QoS 1 on the filter"
            self._log.error(
                "subscription_refused", filter=topic_filter, expected="QoS 1", got=str(reason), remedy=remedy
            )
            if reason.value == 2:
                self.ended = f"QoS 2 granted on {topic_filter}: with it messages are lost when a collector restarts"

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="surrogateescape")
        is_canary = topic == self._canary_topic
        if is_canary:
            self.canary_back = True
        # one byte more than allowed tells the pipeline enough; 500 payloads of 50 MB would not fit into memory
        payload = b"" if is_canary else bytes(message.payload[: self._kept_bytes])
        self.inbox.append(
            RawMessage(
                topic,
                payload,
                message.retain,
                packet_id=message.mid,
                qos=message.qos,
                epoch=self.epoch,
                is_canary=is_canary,
            )
        )

    def _on_disconnect(
        self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self.ended = self.ended or f"connection lost: {reason}"


class PahoClient:
    """An open socket with paho's protocol on it."""

    def __init__(self, settings: MqttSettings, session: MqttSession) -> None:
        """Connect and send CONNECT; the answer comes to `session`.

        Raises:
            OSError: no broker answers, or TLS fails.
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
        buffer = self._socket()
        if not buffer.pending() and not self._wait(timeout_s):
            return False
        inbox = self.session.inbox
        limit = len(inbox) + room
        for _ in range(room):
            # paho reads one packet, or a few while a canary is on its way
            self._client.loop_read()
            if self.session.ended or not buffer.pending() or len(inbox) >= limit:
                break
        return True

    def acknowledge(self, received: Iterable[RawMessage]) -> int:
        """Acknowledge in order; returns how many belonged to an older connection and were left out."""
        stale = 0
        for each in received:
            if each.epoch != self.session.epoch:
                stale += 1
            elif each.qos:
                self._client.ack(each.packet_id, each.qos)
        return stale

    def publish(self, topic: str, payload: bytes = b"", qos: int = 1) -> None:
        """Send a message."""
        self._client.publish(topic, payload, qos)

    def flush(self) -> None:
        """Send the waiting bytes."""
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

    def _put_buffer(self, client: Client, _: object, inner: Any) -> None:
        self._buffer = BufferedSocket(inner)
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
