"""I/O: an MQTT broker inside the program, for the demo and for tests without an installed broker.

Input: a loopback address.
Output: a listening broker, in a thread and an event loop of its own.
Not responsible for: production; run Mosquitto there.
Rejects: addresses that are taken.

The broker is amqtt. Its limits, read in its source and measured:

- Everything is in memory: a stop forgets sessions and queued messages.
- A sent message without acknowledgement is dropped when its receiver disconnects, or after 5 s.
- Messages kept for an offline persistent session arrive with the retain flag set.
- It carries a few thousand messages a second.

While both sides stay connected and acknowledge promptly, none of these limits matters.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 15.0
_ATTEMPTS = 5
_EVERYBODY: dict[str, dict[str, object]] = {"amqtt.plugins.base.BaseAuthPlugin": {}}
"""Lets everybody in. The anonymous plug-in would too, but drops the session of whoever disconnects."""


class EmbeddedBroker:
    """A broker that lives between `start` and `stop`; it can be started again and is then empty."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Keep the address; port 0 means a free one, chosen at each start."""
        self.host = host
        self.port = port
        self._wanted_port = port
        self._thread: threading.Thread | None = None
        self._end: Callable[[], None] | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Return when it listens on `host` and `port`.

        Raises:
            RuntimeError: it already runs, or did not come up; the cause says why.
        """
        if self._thread is not None:
            raise RuntimeError(f"embedded broker on port {self.port}: expected it stopped, got running; stop it first")
        # amqtt logs every disconnect as an error with a traceback; clients notice losses themselves.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        for _ in range(_ATTEMPTS if self._wanted_port == 0 else 1):
            self.port = self._wanted_port or _free_port(self.host)
            if self._come_up():
                return
        raise RuntimeError(f"embedded broker on {self.host}:{self.port} did not start") from self._failure

    def stop(self) -> None:
        """Return when all connections are closed and the thread has ended; does nothing when it does not run."""
        thread, self._thread = self._thread, None
        if thread is None or self._end is None:
            return
        self._end()
        thread.join(_STOP_TIMEOUT_S)

    def _come_up(self) -> bool:
        self._started.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="embedded-broker", daemon=True)
        self._thread.start()
        if self._started.wait(_START_TIMEOUT_S) and self._failure is None:
            return True
        if self._end is not None:
            self._end()
        self._thread.join(_STOP_TIMEOUT_S)
        self._thread = None
        return False

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  # the starting thread raises it
            self._failure = failure
            self._started.set()

    async def _serve(self) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: _call_soon(loop, end.set)
        listener = ListenerConfig(bind=f"{self.host}:{self.port}")
        broker = Broker(BrokerConfig(listeners={"default": listener}, plugins=dict(_EVERYBODY)))
        await broker.start()
        self._started.set()
        await end.wait()
        await broker.shutdown()


def _call_soon(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(what)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
