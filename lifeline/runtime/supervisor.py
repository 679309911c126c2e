"""I/O: named threads: the first that fails ends the program with a non-zero code.

Input: functions that run until the stop begins.
Output: the first failure, and its moment.
Not responsible for: restarts: systemd or compose starts a clean process, and journal and ledger make that safe.
Rejects: nothing.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ThreadFailure:
    """Why the program cannot go on."""

    thread: str
    reason: str


class Supervisor:
    """Runs threads and remembers the first failure."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failure: ThreadFailure | None = None

    @property
    def failure(self) -> ThreadFailure | None:
        """The first failure, None while all is well."""
        return self._failure

    @property
    def stopping(self) -> threading.Event:
        """Set once the stop of the program began; loops without a `stop` of their own wait on it."""
        return self._stopping

    def run(self, name: str, loop: Callable[[], object]) -> threading.Thread:
        """Run `loop` in a thread called `name`; its end before `begin_stop` is a failure, with or without exception."""
        thread = threading.Thread(target=self._guard, args=(name, loop), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def fail(self, thread: str, reason: str) -> None:
        """Record that the program cannot go on; only the first call counts."""
        with self._lock:
            if self._failure is not None:
                return
            self._failure = ThreadFailure(thread, reason)
        _log.error("failed", thread=thread, reason=reason)
        self._ended.set()

    def begin_stop(self) -> None:
        """Say that threads may end from now on."""
        self._stopping.set()
        self._ended.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until something failed or the stop began; False when `timeout_s` passed first."""
        return self._ended.wait(timeout_s)

    def join(self, timeout_s: float, name: str | None = None) -> list[str]:
        """Wait for the threads (or the one called `name`), `timeout_s` in all; returns those still running."""
        wanted = [thread for thread in self._threads if name in (None, thread.name)]
        deadline_s = time.monotonic() + timeout_s
        for thread in wanted:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return [thread.name for thread in wanted if thread.is_alive()]

    def alive(self) -> dict[str, bool]:
        """Return for each thread whether it runs."""
        return {thread.name: thread.is_alive() for thread in self._threads}

    def _guard(self, name: str, loop: Callable[[], object]) -> None:
        try:
            loop()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the program and says so
            _log.exception("thread_died", thread=name)
            self.fail(name, f"{type(error).__name__}: {error}")
            return
        if not self._stopping.is_set():
            self.fail(name, "ended although nobody asked it to")
