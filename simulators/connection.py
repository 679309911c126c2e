"""I/O: one paho client and its socket in the caller's thread: connect, send, collect PUBACKs, reconnect.

Input: a `SendQueue`.
Output: PUBLISH packets at QoS 1, in the order of the queue.
Not responsible for: the senders of the messages.
Rejects: nothing; an exception ends `run`, since no paho thread exists that could swallow it.
"""

import contextlib
import selectors
import socket
import threading
from collections import Counter

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.settings import TlsSettings
from simulators.send_queue import PublishError, SendQueue

_FIRST_RETRY_S = 0.1
_LAST_RETRY_S = 5.0
_POLL_S = 0.5
_IN_FLIGHT = 1000
"""Sent and not yet acknowledged, at most. Well below the 65,535 packet ids of MQTT."""


class Connection:
    """One MQTT 3.1.1 connection; only the thread inside `run` touches the client, any other may `wake` it."""

    def __init__(self, client: mqtt.Client, queue: SendQueue, counts: Counter[tuple[str, str]]) -> None:
        """Take a client that knows its address, the messages to send and where to count."""
        self.accepted = threading.Event()
        """Set once the broker has accepted a connection; whoever runs this sets it when `run` ends."""
        self.is_connected = False
        self.trouble = ""
        """Why the last attempt to connect failed, empty while none has."""
        self._client = client
        self._queue = queue
        self._counts = counts
        self._in_flight = 0
        self._refusal = ""
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0.0)
        self._wake_write.settimeout(0.0)
        self._log = structlog.get_logger().bind(broker=f"{client.host}:{client.port}")
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish

    def wake(self) -> None:
        """Make `run` look at the queue now; a full pipe means that it will anyway."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_write.send(b"x")

    def run(self, stopping: threading.Event) -> None:
        """Keep the connection up until `stopping` is set.

        Raises:
            PublishError: the broker refused the first connection.
        """
        retry_s = _FIRST_RETRY_S
        try:
            while not stopping.is_set():
                if not self._reconnect():
                    stopping.wait(retry_s)
                    retry_s = min(2.0 * retry_s, _LAST_RETRY_S)
                    continue
                self._drive(stopping)
                retry_s = _FIRST_RETRY_S
                if self._refusal and not self.accepted.is_set():
                    raise PublishError(f"expected the broker to accept the connection, got {self._refusal}")
                stopping.wait(retry_s)
            self._client.disconnect()
        finally:
            self._wake_read.close()
            self._wake_write.close()

    def _reconnect(self) -> bool:
        try:
            return self._client.reconnect() == MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError as error:
            self.trouble = str(error)
            return False

    def _drive(self, stopping: threading.Event) -> None:
        """Move bytes until the connection is lost or the end has come."""
        connection = self._client.socket()
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            if connection is not None:
                selector.register(connection, selectors.EVENT_READ)
            while not stopping.is_set() and connection is not None and self._client.socket() is connection:
                selector.modify(connection, selectors.EVENT_READ | (self._client.want_write() * selectors.EVENT_WRITE))
                ready = {key.fileobj: events for key, events in selector.select(_POLL_S)}
                if self._wake_read in ready:
                    self._wake_read.recv(4096)
                if ready.get(connection, 0) & selectors.EVENT_READ:
                    self._client.loop_read()
                if ready.get(connection, 0) & selectors.EVENT_WRITE:
                    self._client.loop_write()
                self._client.loop_misc()
                self._feed()

    def _feed(self) -> None:
        """Hand over the messages that fit into the window; paho keeps each and sends it again until its PUBACK."""
        if not self.is_connected:
            return
        for topic, payload in self._queue.take(_IN_FLIGHT - self._in_flight):
            self._client.publish(topic, payload, qos=1)
            self._in_flight += 1
            self._counts["messages_published", ""] += 1

    def _on_connect(
        self, _client: mqtt.Client, _userdata: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: object
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            return
        if self.accepted.is_set():
            self._log.info("publisher_connected_again", in_flight=self._in_flight)
        self.is_connected = True
        self.accepted.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: mqtt.DisconnectFlags, reason: ReasonCode, _more: object
    ) -> None:
        if self.is_connected and reason.is_failure:
            self._counts["connections_lost", ""] += 1
            self._log.warning("publisher_connection_lost", reason=str(reason), in_flight=self._in_flight)
        self.is_connected = False

    def _on_publish(
        self, _client: mqtt.Client, _userdata: object, _mid: int, _reason: ReasonCode, _properties: Properties
    ) -> None:
        self._in_flight -= 1
        self._counts["messages_acknowledged", ""] += 1
        self._queue.acknowledge()


def make_client(client_id: str, username: str | None, password: str | None, tls: TlsSettings | None) -> mqtt.Client:
    """Return a paho client. Its session is clean: it receives nothing and keeps its own unacknowledged messages."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
    client.max_inflight_messages_set(_IN_FLIGHT + 1)
    if username is not None:
        client.username_pw_set(username, password)
    if tls is not None:
        ca_file, cert_file, key_file = (
            str(path) if path else None for path in (tls.ca_file, tls.cert_file, tls.key_file)
        )
        client.tls_set(ca_certs=ca_file, certfile=cert_file, keyfile=key_file)
    return client
