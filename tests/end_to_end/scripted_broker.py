"""I/O: a broker that sends given bytes: packets that no correct broker ever sends."""

import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress

CONNACK_NEW = b"\x20\x02\x00\x00"
CONNACK_PRESENT = b"\x20\x02\x01\x00"


def publish(topic: bytes, payload: bytes, mid: int = 1, qos: int = 1) -> bytes:
    """Return one PUBLISH packet."""
    body = struct.pack(">H", len(topic)) + topic + (struct.pack(">H", mid) if qos else b"") + payload
    assert len(body) < 16_384
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return bytes([0x30 | qos << 1]) + length + body


class ScriptedBroker:
    """Answers CONNECT, SUBSCRIBE and PUBLISH; after each SUBACK it sends the next of `scripts`.

    Attributes:
        acknowledged: packet ids of each connection's PUBACKs, in order.
    """

    def __init__(
        self, scripts: Sequence[bytes], connack: bytes = CONNACK_PRESENT, granted: int = 1, *, answers: bool = True
    ) -> None:
        """Listen at once."""
        self.acknowledged: list[list[int]] = []
        self._scripts = list(scripts)
        self._connack = connack
        self._granted = granted
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close the connections of now; new ones are accepted."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self.hang_up()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                acknowledged: list[int] = []
                self.acknowledged.append(acknowledged)
                threading.Thread(target=self._serve, args=(connection, acknowledged), daemon=True).start()

    def _serve(self, connection: socket.socket, acknowledged: list[int]) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while head := stream.read(1):
                body = stream.read(_length(stream))
                kind = head[0] & 0xF0
                if kind == 0x10 and self._answers:
                    connection.sendall(self._connack)
                elif kind == 0x80:
                    n_filters = body.count(b"\x01") - body[:2].count(b"\x01")
                    granted = bytes([self._granted]) * n_filters
                    connection.sendall(bytes([0x90, 2 + n_filters]) + body[:2] + granted)
                    connection.sendall(self._scripts.pop(0) if self._scripts else b"")
                elif kind == 0x30:
                    connection.sendall(b"\x40\x02" + _mid(body) + head + bytes([len(body)]) + body)
                elif kind == 0x40:
                    acknowledged.append(int.from_bytes(body))


def _length(stream) -> int:
    """Return the remaining length of a packet."""
    length = shift = 0
    while True:
        [octet] = stream.read(1)
        length |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return length


def _mid(body: bytes) -> bytes:
    """Return the packet id of a PUBLISH with QoS 1."""
    start = 2 + int.from_bytes(body[:2])
    return body[start : start + 2]
