"""I/O: what is down since when; one log line when an outage begins and one when it ends.

Comes in: failures and successes. Goes out: two log lines an outage, and the outages under way. Refuses to retry.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outage:
    """Something does not work since `since_ns`."""

    since_ns: int
    reason: str
    """The first reason it gave."""
    failures: int


class Outages:
    """The outages under way, by name. Thread-safe."""

    def __init__(self) -> None:
        """Begin with everything working."""
        self._lock = threading.Lock()
        self._current: dict[str, Outage] = {}

    def fails(self, name: str, reason: str, now_ns: int) -> None:
        """Note that `name` failed; the first failure begins an outage."""
        with self._lock:
            outage = self._current.get(name)
            self._current[name] = replace(outage, failures=outage.failures + 1) if outage else Outage(now_ns, reason, 1)
        if outage is None:
            _log.error("outage_started", what=name, reason=reason)

    def works(self, name: str, now_ns: int) -> None:
        """Note that `name` worked; that ends its outage."""
        with self._lock:
            outage = self._current.pop(name, None)
        if outage is not None:
            lasted_s = round((now_ns - outage.since_ns) / 1e9, 1)
            _log.warning("outage_ended", what=name, lasted_s=lasted_s, failures=outage.failures)

    def current(self) -> Mapping[str, Outage]:
        """Return the outages under way."""
        with self._lock:
            return dict(self._current)
