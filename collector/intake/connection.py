"""I/O: keeps a connection to the broker: opens it, proves that it carries messages, ends it when deaf, tries again.

Input: the time, acknowledgements.
Output: messages in the inbox, the state of the connection, and the reason of an outage.
Not responsible for: the meaning of messages, and the moment at which they are durable.
Rejects: nothing; every error of paho ends here, as the end of one connection.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from collector.decoding.pipeline import RawMessage
from collector.intake.paho_client import MqttSession, PahoClient
from collector.intake.reconnect import TAKEOVERS, ReconnectBackoff
from collector.payload import Publication
from config.settings import MqttSettings

_TEND_S = 0.1
"""Time between two looks at keep-alive, canary and reconnection, seconds; assumed."""
_FRESH_INTERVALS = 3
"""Intervals without a proof after which it is missing: two may be lost or late; assumed."""
_ACCEPT_S = 10.0
"""The broker has this long to answer CONNECT, seconds; assumed."""
_AWAY_S = 1.0
"""A longer time between two looks, seconds, says that we were stopped, not that the broker was silent; assumed."""


@dataclass(slots=True)
class Canary:
    """The canary of one connection."""

    interval_s: float
    opened_s: float
    """When the connection opened."""
    sent_s: float | None = None
    returned_s: float | None = None
    """When the last canary came back."""
    moved_s: float = 0.0
    """When the last message of any kind came; the canary may wait behind a backlog of them."""

    def is_due(self, now_s: float) -> bool:
        """Return whether it is time to send one."""
        return self.sent_s is None or now_s - self.sent_s >= self.interval_s

    def age_s(self, now_s: float) -> float:
        """Return the seconds since one came back, or since the connection opened when none has yet."""
        return now_s - (self.opened_s if self.returned_s is None else self.returned_s)

    def is_fresh(self, now_s: float) -> bool:
        """Return whether messages are known to pass on this connection."""
        return self.returned_s is not None and self.age_s(now_s) < _FRESH_INTERVALS * self.interval_s

    def is_missing(self, now_s: float) -> bool:
        """Return whether neither canary nor any other message came for so long that the connection must be deaf."""
        limit_s = _FRESH_INTERVALS * self.interval_s
        return self.age_s(now_s) >= limit_s and now_s - self.moved_s >= limit_s

    def exclude(self, away_s: float) -> None:
        """Leave out a time without listening: a suspended machine says nothing about the broker."""
        self.opened_s += away_s
        self.moved_s += away_s
        if self.returned_s is not None:
            self.returned_s += away_s


class BrokerConnection:
    """At most one link at a time, and the state that outlives a link.

    Attributes:
        session_present: the broker still had our session when we last connected.
        session_lost: it once had not, although there was one before.
        outage: why there is no accepted connection, empty while there is one.
        connections: accepted so far.
    """

    def __init__(
        self,
        settings: MqttSettings,
        inbox: list[RawMessage],
        counts: Counter[tuple[str, str]],
        now_s: float,
        *,
        had_session: bool,
        requests: Callable[[float, int], Iterable[Publication]],
        max_payload_bytes: int,
    ) -> None:
        """Connect nothing yet; `requests` gives the messages to devices at a time."""
        self.session_present = self.session_lost = False
        self.outage = "not connected yet"
        self.connections = 0
        self.backoff = ReconnectBackoff()
        self.canary = Canary(settings.canary_interval_s, now_s)
        self._settings, self._inbox, self._counts = settings, inbox, counts
        self._filters = [each.filter for each in settings.subscriptions]
        self._canary_topic = f"lifeline/canary/{settings.client_id}"
        self._had_session, self._requests = had_session, requests
        self._max_payload_bytes = max_payload_bytes
        self._link: PahoClient | None = None
        self._epoch = 0
        self._opened_s = self._tended_s = self._outage_s = now_s
        self._outage_told = False
        self._log = structlog.get_logger(broker=f"{settings.host}:{settings.port}", client_id=settings.client_id)

    @property
    def is_open(self) -> bool:
        """Whether there is a socket to read from."""
        return self._link is not None

    def must_connect(self, now_s: float) -> bool:
        """Return whether it is time to call `connect`."""
        return self._link is None and now_s >= self.backoff.retry_at_s

    def connect(self, now_s: float) -> None:
        """Open a link; may take seconds. A failure is noted and sets the time of the next try."""
        self._epoch += 1
        session = MqttSession(
            self._epoch,
            self._filters,
            self._canary_topic,
            self._inbox,
            self._counts,
            max_payload_bytes=self._max_payload_bytes,
        )
        try:
            self._link = PahoClient(self._settings, session)
        except (OSError, ValueError) as error:
            self._counts["connects_failed", ""] += 1
            self._begin_outage(now_s, f"cannot connect: {error}")
            self.backoff.note_failed(now_s, _chance())
            return
        self._opened_s = now_s

    def receive(self, room: int, now_s: float, wait_s: float) -> bool:
        """Wait for messages and take at most `room` into the inbox; returns whether any bytes came."""
        link = self._link
        if link is None:
            return False
        before = len(self._inbox)
        try:
            came = link.read(room, wait_s)
        except Exception as error:  # noqa: BLE001 - a broken packet makes paho raise anything; only this link may die
            link.session.ended = f"cannot read: {error!r}"
            came = False
        self._follow(link, now_s)
        if len(self._inbox) > before:
            self.canary.moved_s = now_s
        return came

    def acknowledge(self, received: Iterable[RawMessage]) -> None:
        """Acknowledge in order the messages of the connection of now; the broker repeats the others by itself."""
        if self._link is None:
            stale = sum(each.qos > 0 for each in received)
        else:
            stale = self._link.acknowledge(received)
            self._link.flush()
        if stale:
            self._counts["acknowledgements_stale", ""] += stale

    def tend(self, now_s: float, *, listening: bool) -> None:
        """Send canary and ping, and end a connection that is refused, unanswered or deaf."""
        gap_s = now_s - self._tended_s
        link = self._link
        if gap_s < _TEND_S or link is None:
            return
        self._tended_s = now_s
        if gap_s > _AWAY_S or not listening:
            self.canary.exclude(gap_s)
        if link.session.accepted:
            self._prove(link, now_s)
        elif now_s - self._opened_s > _ACCEPT_S:
            link.session.ended = "the broker does not answer CONNECT"
        if listening:
            link.keep_alive()
        link.flush()
        self._follow(link, now_s)

    def close(self) -> None:
        """Say goodbye and close the socket."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _prove(self, link: PahoClient, now_s: float) -> None:
        """Send the canary and requests when due; give the link up when neither canary nor anything else came."""
        for each in self._requests(now_s, time.time_ns()):
            link.publish(each.topic, each.payload, 0)
        if self.canary.is_due(now_s):
            self.canary.sent_s = now_s
            link.publish(self._canary_topic)
        if self.canary.is_missing(now_s):
            self._counts["canaries_lost", ""] += 1
            link.session.ended = f"no canary came back: may this client publish and subscribe to {self._canary_topic}?"

    def _follow(self, link: PahoClient, now_s: float) -> None:
        """Act on the state of the session."""
        session = link.session
        if session.canary_back:
            session.canary_back = False
            self.canary.returned_s = now_s
        if session.accepted and self.outage:
            self._accepted(session, now_s)
        if not session.ended:
            return
        self.close()
        self._begin_outage(now_s, session.ended)
        if not session.accepted:
            self._counts["connects_failed", ""] += 1
            self.backoff.note_failed(now_s, _chance())
            return
        self.backoff.note_ended(now_s, _chance())
        if self.backoff.short_connections == TAKEOVERS:
            self._counts["takeovers_suspected", ""] += 1
            remedy = "stop the other program, or give one of them another mqtt.client_id"
            self._log.error("client_id_taken_over", short_connections=TAKEOVERS, remedy=remedy)

    def _accepted(self, session: MqttSession, now_s: float) -> None:
        outage_s = round(now_s - self._outage_s, 1)
        self._log.info("broker_connected", session_present=session.present, outage_s=outage_s)
        self.outage = ""
        self._outage_told = False
        self.connections += 1
        self._counts["connections", ""] += 1
        self.backoff.note_opened(now_s)
        self.canary = Canary(self._settings.canary_interval_s, now_s, moved_s=now_s)
        self.session_present = session.present
        if self._had_session and not session.present:
            self.session_lost = True
            self._counts["sessions_lost", ""] += 1
            remedy = "make the broker keep persistent sessions over restarts; see docs/devices.md"
            self._log.error("session_lost", consequence="messages sent while we were away are gone", remedy=remedy)
        self._had_session = True

    def _begin_outage(self, now_s: float, reason: str) -> None:
        """Log the first reason of an outage only."""
        if not self._outage_told:
            self._outage_told = True
            self._outage_s = now_s
            self._log.warning("broker_lost", reason=reason)
        self.outage = reason


def _chance() -> float:
    return random.SystemRandom().random()
