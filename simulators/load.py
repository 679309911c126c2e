"""I/O: load for benchmarks: QoS 1 messages as fast as a socket takes them, or at a given rate.

Input: ready topics and payloads.
Output: PUBLISH packets built here, and the number of PUBACKs.
Not responsible for: reconnecting: a benchmark that lost its connection has no result.
Rejects: a refused connection.

A general client spends more time on a message than the program under test. This one counts bytes.
"""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_CONNACK = b"\x20\x02\x00\x00"
_PUBACK_BYTES = 4
_WINDOW = 20_000
"""Messages sent and not yet acknowledged, at most; packet ids repeat after 65,535."""
_CHUNK_BYTES = 262_144


class LoadError(Exception):
    """The load could not be sent to the end."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Number of sent messages, and the time until the last PUBACK."""

    messages: int
    acknowledged: int
    elapsed_s: float

    @property
    def messages_per_s(self) -> float:
        """Acknowledged messages a second."""
        return self.acknowledged / self.elapsed_s if self.elapsed_s else 0.0


def send_load(
    host: str,
    port: int,
    messages: Iterable[tuple[str, bytes]],
    *,
    messages_per_s: float | None = None,
    client_id: str = "lifeline-load",
    idle_timeout_s: float = 30.0,
) -> LoadReport:
    """Return the report once every message has its PUBACK.

    Args:
        host: of the broker.
        port: of the broker; plain MQTT 3.1.1 without login.
        messages: (topic, payload), taken as they are sent.
        messages_per_s: pace; None sends as fast as the broker takes them.
        client_id: names the session, which is clean.
        idle_timeout_s: give up when neither a byte could be sent nor a PUBACK came for so long.

    Raises:
        LoadError: the broker refused, hung up, or did not answer in time.
    """
    with socket.create_connection((host, port), timeout=idle_timeout_s) as connection:
        connection.sendall(_connect_packet(client_id))
        if _receive_exactly(connection, len(_CONNACK)) != _CONNACK:
            raise LoadError(f"mqtt {host}:{port}: expected an accepted connection, got a refusal")
        connection.settimeout(0.0)
        return _Sender(connection, publish_packets(messages), messages_per_s, idle_timeout_s).run()


def publish_packets(messages: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Return each message as a PUBLISH packet of QoS 1 with the packet ids 1 to 65,535 in turn."""
    for i, (topic, payload) in enumerate(messages):
        name = topic.encode()
        body = len(name).to_bytes(2, "big") + name + (i % 65_535 + 1).to_bytes(2, "big")
        yield b"\x32" + _varint(len(body) + len(payload)) + body + payload


def _connect_packet(client_id: str) -> bytes:
    name = client_id.encode()
    # Protocol MQTT level 4, clean session, keep-alive off.
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name
    return b"\x10" + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while True:
        number, digit = divmod(number, 128)
        encoded.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def _receive_exactly(connection: socket.socket, n_bytes: int) -> bytes:
    received = b""
    while len(received) < n_bytes:
        piece = connection.recv(n_bytes - len(received))
        if not piece:
            break
        received += piece
    return received


class _Sender:
    """State of one run: messages built, sent and acknowledged."""

    def __init__(
        self, connection: socket.socket, packets: Iterator[bytes], messages_per_s: float | None, idle_timeout_s: float
    ) -> None:
        self._connection = connection
        self._packets = packets
        self._messages_per_s = messages_per_s
        self._idle_timeout_s = idle_timeout_s
        self._buffer = bytearray()
        self._built = 0
        self._acknowledged_bytes = 0
        self._is_exhausted = False

    def run(self) -> LoadReport:
        """Return the report at the last PUBACK."""
        begin = last_moved = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            while True:
                self._fill(time.perf_counter() - begin)
                if self._is_exhausted and self._acknowledged == self._built:
                    return LoadReport(self._built, self._acknowledged, time.perf_counter() - begin)
                writing = selectors.EVENT_WRITE if self._buffer else 0
                selector.modify(self._connection, selectors.EVENT_READ | writing)
                # While pacing, the next message falls due without any byte moving.
                events = sum(event for _, event in selector.select(0.001 if self._messages_per_s else 1.0))
                last_moved = time.perf_counter() if self._move(events) or self._is_waiting else last_moved
                if time.perf_counter() - last_moved > self._idle_timeout_s:
                    raise LoadError(f"expected {self._built} PUBACKs, got {self._acknowledged} and then nothing")

    @property
    def _acknowledged(self) -> int:
        return self._acknowledged_bytes // _PUBACK_BYTES

    @property
    def _is_waiting(self) -> bool:
        """Nothing is due and nothing is owed."""
        return not self._buffer and self._acknowledged == self._built

    def _fill(self, elapsed_s: float) -> None:
        room = self._acknowledged + _WINDOW
        due = room if self._messages_per_s is None else min(room, int(elapsed_s * self._messages_per_s) + 1)
        while not self._is_exhausted and self._built < due and len(self._buffer) < _CHUNK_BYTES:
            packet = next(self._packets, None)
            if packet is None:
                self._is_exhausted = True
                return
            self._buffer += packet
            self._built += 1

    def _move(self, events: int) -> bool:
        if events & selectors.EVENT_READ:
            received = self._connection.recv(65_536)
            if not received:
                raise LoadError(f"expected {self._built} PUBACKs, got {self._acknowledged} and the broker hung up")
            self._acknowledged_bytes += len(received)
        if events & selectors.EVENT_WRITE:
            sent = self._connection.send(self._buffer)
            del self._buffer[:sent]
        return bool(events)
