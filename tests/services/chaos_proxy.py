"""I/O: a small TCP proxy on loopback that breaks connections the way networks do."""

import socket
import threading
import time
from contextlib import suppress

from tests.services.ports import free_port

_CHUNK_BYTES = 65_536
_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER on, 0 s: closing sends RST


class ChaosProxy:
    """Forwards `port` to `target_port`; faults are switched on and off while it runs.

    Attributes:
        delay_s: each chunk waits this long in each direction.
        throttle: bytes per second each way and connection, 0 for no limit.
        drop_after_bytes: a connection is reset once this many bytes went to the target; the setting is then cleared,
            so that the next connection works. None for never.
        drop_requests: data of clients is dropped, and answers go on arriving: acknowledgements are lost.
        drop_replies: answers of the target are dropped: requests arrive without an answer.
    """

    host = "127.0.0.1"

    def __init__(self, target_port: int) -> None:
        """Listen at once."""
        self.target_port = target_port
        self.port = free_port()
        self.delay_s = 0.0
        self.throttle = 0
        self.drop_after_bytes: int | None = None
        self.drop_requests = self.drop_replies = False
        self.connections = 0
        self._flowing = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener: socket.socket | None = None
        self.resume()

    def resume(self) -> None:
        """Accept connections and let bytes flow again; every fault is switched off."""
        self.delay_s, self.throttle, self.drop_after_bytes = 0.0, 0, None
        self.drop_requests = self.drop_replies = False
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Reset all connections now; new ones are accepted."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _reset(*pair)

    def refuse(self) -> None:
        """Reset all connections and refuse new ones until `resume`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # shutdown wakes the thread in accept; close alone would leave the port open until it returns
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def stall(self) -> None:
        """Keep all connections open and pass no byte until `resume`: a dead link without an error."""
        self._flowing.clear()

    def close(self) -> None:
        """End everything."""
        self.refuse()
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        """Connect each client to the target until the listener closes."""
        while listener is self._listener:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                self._forward(client)
            except OSError:
                _reset(client)

    def _forward(self, client: socket.socket) -> None:
        """Connect to the target and start both directions.

        Raises:
            OSError: no server listens there.
        """
        target = socket.create_connection((self.host, self.target_port), timeout=5)
        target.settimeout(None)
        for one in (client, target):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        self._pairs.append((client, target))
        threading.Thread(target=self._pump, args=(client, target, True), daemon=True).start()
        threading.Thread(target=self._pump, args=(target, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, to_target: bool) -> None:  # noqa: FBT001
        """Copy bytes from `source` to `sink` under the faults of the moment until either end closes."""
        sent = 0
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                self._wait(len(chunk))
                limit = self.drop_after_bytes if to_target else None
                if limit is not None and sent + len(chunk) >= limit:
                    self.drop_after_bytes = None
                    sink.sendall(chunk[: limit - sent])
                    break
                if not (self.drop_requests if to_target else self.drop_replies):
                    sink.sendall(chunk)
                sent += len(chunk)
            else:
                if any(source in pair for pair in self._pairs):
                    sink.shutdown(socket.SHUT_WR)
                    return
        _reset(source, sink)

    def _wait(self, n_bytes: int) -> None:
        """Hold a chunk back as long as the faults ask."""
        self._flowing.wait()
        pause_s = self.delay_s + (n_bytes / self.throttle if self.throttle else 0)
        if pause_s:
            time.sleep(pause_s)


def _reset(*sockets: socket.socket) -> None:
    """Close `sockets` with RST, so that both ends learn of it at once."""
    for one in sockets:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # a thread in recv holds the socket open; closing the reading half wakes it and says nothing to the peer
        with suppress(OSError):
            one.shutdown(socket.SHUT_RD)
        one.close()
