"""I/O: the threads that hand notifications over: red first, every channel on its own, until it is done or given up.

Comes in: the outbox. Goes out: messages, and what became of each. Refuses to decide who is
told and what a channel says.

One thread claims; each channel has a few threads that send, so that a channel that hangs delays only itself. A claim is
a short lease that is renewed while its attempt lasts: when the program dies, another takes over within `LEASE_S`.
"""

import os
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from alerts.channels.http import plain_reason
from alerts.dispatch.outages import Outages
from alerts.ledger.ledger import Ledger
from alerts.notification import Channel, Outcome, Verdict
from alerts.outbox.backoff import delay_s, retry_ns
from alerts.outbox.outbox import Claim, Waiting

LEASE_S = 10.0
"""A dead dispatcher's notifications go to another after this; assumed: a red message may wait no longer."""
SLOTS = 8
"""Attempts at a time on one channel; assumed: enough for the three roles of two places at once."""
POLL_S = 1.0
"""How long something that another program put into the outbox may go unnoticed; assumed."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How one channel is doing."""

    waiting: Waiting
    down_since_ns: int | None
    """When its outage began; None while it works."""
    reason: str
    """Why it is down."""


@dataclass(frozen=True, slots=True)
class DispatchStatus:
    """How the dispatcher is doing."""

    is_alive: bool
    is_ledger_away: bool
    channels: Mapping[str, ChannelStatus]
    """Also channels that notifications wait for and that are not configured."""


_LEDGER = "ledger"


class Dispatcher:
    """Sends what the outbox holds. Several may run on one ledger, in one program or many."""

    def __init__(
        self, ledger: Ledger, channels: Mapping[str, Channel], clock_ns: Callable[[], int], *, slots: int = SLOTS
    ) -> None:
        """Send through `channels`, by name; `clock_ns` gives UTC nanoseconds."""
        self._outbox, self._channels, self._clock_ns = ledger.outbox, dict(channels), clock_ns
        self._slots = slots
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._jitter = secrets.SystemRandom().random
        self._lock = threading.Lock()
        self._in_flight: dict[str, dict[str, Claim]] = {name: {} for name in channels}
        self._outages = Outages()
        self._renewed_ns = 0
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
        self._senders = {name: ThreadPoolExecutor(slots, f"send-{name}") for name in channels}
        self.counts: Counter[tuple[str, str]] = self._outbox.counts

    def start(self) -> None:
        """Start sending."""
        for name, waiting in self._outbox.waiting().items():
            if name not in self._channels:
                _log.error("channel_not_configured", channel=name, waiting=waiting.pending + waiting.sending)
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, let attempts under way end, and return when their outcomes are stored."""
        self._stopping.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join()
        for sender in self._senders.values():
            sender.shutdown(wait=True)

    def wake(self) -> None:
        """Look into the outbox now: something was committed."""
        self._awake.set()

    def status(self) -> DispatchStatus:
        """Return how every channel is doing; while the ledger is away nothing is known to wait."""
        nothing = Waiting(0, 0, 0)
        try:
            waiting = self._outbox.waiting()
        except Exception as error:  # noqa: BLE001 - the page that shows an outage must not fail with it
            self._outages.fails(_LEDGER, _named(error), self._clock_ns())
            waiting = {}
        outages = self._outages.current()
        channels = {
            name: ChannelStatus(
                waiting.get(name, nothing),
                outages[name].since_ns if name in outages else None,
                outages[name].reason if name in outages else "" if name in self._channels else "not configured",
            )
            for name in (*self._channels, *(each for each in waiting if each not in self._channels))
        }
        return DispatchStatus(self._thread.is_alive(), _LEDGER in outages, channels)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.clear()
            try:
                wait_s = self._round()
                self._outages.works(_LEDGER, self._clock_ns())
            except Exception as error:  # noqa: BLE001 - whatever it is, warnings must go on being sent
                self._outages.fails(_LEDGER, _named(error), self._clock_ns())
                wait_s = POLL_S
            self._awake.wait(wait_s)

    def _round(self) -> float:
        """Claim and submit what is due; returns how long to wait before the next look."""
        now_ns = self._clock_ns()
        self._renew(now_ns)
        for reason in self._outbox.hand_on(now_ns):
            _log.warning("receipt_missing", decision=reason.value)
        if released := self._outbox.release(now_ns):
            _log.warning("grouped_messages_released", messages=released)
        with self._lock:
            free = {name: self._slots - len(claims) for name, claims in self._in_flight.items()}
        free = {name: slots for name, slots in free.items() if slots > 0}
        due_ns = self._outbox.next_due_ns(now_ns, free)
        if due_ns is None:
            return POLL_S
        if due_ns > now_ns:
            return min(POLL_S, (due_ns - now_ns) / 1e9)
        claims = self._outbox.claim(now_ns, free, LEASE_S, self._owner)
        for claim in claims:
            with self._lock:
                self._in_flight[claim.notification.channel][claim.notification.id] = claim
            self._senders[claim.notification.channel].submit(self._send, claim)
        return 0.0 if claims else POLL_S

    def _renew(self, now_ns: int) -> None:
        with self._lock:
            claims = [claim for each in self._in_flight.values() for claim in each.values()]
        if claims and abs(now_ns - self._renewed_ns) >= LEASE_S / 3 * 1e9:
            self._outbox.renew(claims, now_ns, LEASE_S)
            self._renewed_ns = now_ns

    def _send(self, claim: Claim) -> None:
        try:
            outcome = self._attempt(claim)
            now_ns = self._clock_ns()
            again_ns = None
            if outcome.verdict is Verdict.RETRY:
                wait_s = delay_s(claim.notification, claim.attempt, self._jitter(), outcome.retry_after_s)
                again_ns = retry_ns(claim.first_attempt_ns, now_ns, wait_s)
            self._note(claim, outcome, now_ns, is_last=again_ns is None)
            while not self._record(claim, outcome, now_ns, again_ns) and not self._stopping.wait(POLL_S):
                pass
        finally:
            with self._lock:
                del self._in_flight[claim.notification.channel][claim.notification.id]
            self._awake.set()

    def _attempt(self, claim: Claim) -> Outcome:
        try:
            return self._channels[claim.notification.channel].send(claim.notification)
        except Exception as error:  # noqa: BLE001 - a fault in a channel must not end its thread
            return Outcome(Verdict.RETRY, f"channel_broken: {_named(error)}")

    def _note(self, claim: Claim, outcome: Outcome, now_ns: int, *, is_last: bool) -> None:
        channel = claim.notification.channel
        if outcome.verdict is Verdict.RETRY:
            self._outages.fails(channel, outcome.reason, now_ns)
        else:
            self._outages.works(channel, now_ns)
        if outcome.verdict is not Verdict.SENT and is_last:
            _log.error(
                "notification_undelivered",
                notification=claim.notification.id,
                alert=claim.notification.alert,
                channel=channel,
                reason=outcome.reason,
                attempts=claim.attempt,
            )

    def _record(self, claim: Claim, outcome: Outcome, now_ns: int, again_ns: int | None) -> bool:
        """Store the outcome; False when the ledger is away, and then it is repeated while the lease is renewed."""
        try:
            self._outbox.record_attempt(claim, outcome, now_ns, again_ns)
        except Exception as error:  # noqa: BLE001 - what was handed over must not be handed over again
            self._outages.fails(_LEDGER, _named(error), now_ns)
            return False
        return True


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {plain_reason(str(error))}"
