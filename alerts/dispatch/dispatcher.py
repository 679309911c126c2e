"""I/O: the threads that send notifications: red first, each channel on its own, until delivered or given up.

Input: the notifications of the outbox.
Output: messages, the outcome of each attempt, and two log lines for an outage.
Not responsible for: recipients, texts and the meaning of an answer.
Rejects: nothing; a notification for an unknown channel waits and is logged.

One thread claims. Each channel has a few threads that send, so that a channel that hangs delays no other channel. A
claim is a short lease, renewed during its attempt: when the program dies, another dispatcher takes over in `LEASE_S`.
"""

import os
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog

from alerts.ledger.ledger import Ledger
from alerts.notification import Channel, Outcome, Verdict, plain_reason
from alerts.outbox.backoff import retry_delay_s, retry_ns
from alerts.outbox.outbox import Claim, QueueDepth

LEASE_S = 10.0
"""The notifications of a dead dispatcher go to another after this; assumed: a red message may wait no longer."""
SLOTS = 8
"""Parallel attempts on one channel; assumed: enough for the three roles of two assets."""
POLL_S = 1.0
"""Longest time until a notification from another program is noticed; assumed."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """The state of one channel."""

    waiting: QueueDepth
    down_since_ns: int | None
    """Start of its outage; None while it works."""
    reason: str
    """Reason of the outage."""


@dataclass(frozen=True, slots=True)
class DispatchStatus:
    """The state of the dispatcher."""

    is_alive: bool
    is_ledger_away: bool
    channels: Mapping[str, ChannelStatus]
    """All configured channels, and channels that are not configured although notifications wait for them."""


@dataclass(frozen=True, slots=True)
class CurrentOutage:
    """An outage that has not ended."""

    since_ns: int
    reason: str
    """The reason of the first failure."""
    failures: int


class OutageLog:
    """The current outages by name: one log line at the start of an outage and one at its end. Thread-safe."""

    def __init__(self) -> None:
        """Begin without an outage."""
        self._lock = threading.Lock()
        self._current: dict[str, CurrentOutage] = {}

    def add_failure(self, name: str, reason: str, now_ns: int) -> None:
        """Record a failure of `name`; the first failure begins an outage."""
        with self._lock:
            outage = self._current.get(name)
            begun = CurrentOutage(now_ns, reason, 1)
            self._current[name] = replace(outage, failures=outage.failures + 1) if outage else begun
        if outage is None:
            _log.error("outage_started", what=name, reason=reason)

    def add_success(self, name: str, now_ns: int) -> None:
        """Record a success of `name`; it ends its outage."""
        with self._lock:
            outage = self._current.pop(name, None)
        if outage is not None:
            lasted_s = round((now_ns - outage.since_ns) / 1e9, 1)
            _log.warning("outage_ended", what=name, lasted_s=lasted_s, failures=outage.failures)

    def current(self) -> Mapping[str, CurrentOutage]:
        """Return the current outages."""
        with self._lock:
            return dict(self._current)


_LEDGER = "ledger"


class Dispatcher:
    """Sends the notifications of the outbox. Several may run on one ledger, in one program or in many."""

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        clock_ns: Callable[[], int],
        *,
        slots: int = SLOTS,
        observe_handover_s: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        """Send through `channels`, by name; `clock_ns` gives UTC nanoseconds.

        `observe_handover_s` gets the seconds from the arrival of the reading to the hand-over of each notification.
        """
        self._observe_handover_s = observe_handover_s
        self._outbox, self._channels, self._clock_ns = ledger.outbox, dict(channels), clock_ns
        self._slots = slots
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._jitter = secrets.SystemRandom().random
        self._lock = threading.Lock()
        self._in_flight: dict[str, dict[str, Claim]] = {name: {} for name in channels}
        self._outages = OutageLog()
        self._renewed_ns = 0
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
        self._senders = {name: ThreadPoolExecutor(slots, f"send-{name}") for name in channels}
        self.counts: Counter[tuple[str, str]] = self._outbox.counts

    def start(self) -> None:
        """Start sending."""
        for name, waiting in self._outbox.measure_queues().items():
            if name not in self._channels:
                _log.error("channel_not_configured", channel=name, waiting=waiting.pending + waiting.sending)
        self._thread.start()

    def stop(self) -> None:
        """Stop to claim, wait for the running attempts, and return when their outcomes are stored."""
        self._stopping.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join()
        for sender in self._senders.values():
            sender.shutdown(wait=True)

    def wake(self) -> None:
        """Look into the outbox now, because a step was committed."""
        self._awake.set()

    def status(self) -> DispatchStatus:
        """Return the state of every channel; while the ledger is away, no waiting notification is known."""
        empty = QueueDepth(0, 0, 0)
        try:
            waiting = self._outbox.measure_queues()
        except Exception as error:  # noqa: BLE001 - the page that shows an outage must not fail with it
            self._outages.add_failure(_LEDGER, _describe(error), self._clock_ns())
            waiting = {}
        outages = self._outages.current()
        channels = {
            name: ChannelStatus(
                waiting.get(name, empty),
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
                wait_s = self._claim_due()
                self._outages.add_success(_LEDGER, self._clock_ns())
            except Exception as error:  # noqa: BLE001 - after any error, warnings must still be sent
                self._outages.add_failure(_LEDGER, _describe(error), self._clock_ns())
                wait_s = POLL_S
            self._awake.wait(wait_s)

    def _claim_due(self) -> float:
        """Claim and submit the due notifications; returns the seconds until the next look."""
        now_ns = self._clock_ns()
        self._renew_leases(now_ns)
        for reason in self._outbox.fail_over(now_ns):
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

    def _renew_leases(self, now_ns: int) -> None:
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
            if outcome.verdict is Verdict.SENT:
                self._observe_handover_s((now_ns - claim.notification.created_ns) / 1e9)
            if outcome.verdict is Verdict.RETRY:
                wait_s = retry_delay_s(claim.notification, claim.attempt, self._jitter(), outcome.retry_after_s)
                again_ns = retry_ns(claim.first_attempt_ns, now_ns, wait_s)
            self._log_outcome(claim, outcome, now_ns, is_last=again_ns is None)
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
            return Outcome(Verdict.RETRY, f"channel_broken: {_describe(error)}")

    def _log_outcome(self, claim: Claim, outcome: Outcome, now_ns: int, *, is_last: bool) -> None:
        channel = claim.notification.channel
        if outcome.verdict is Verdict.RETRY:
            self._outages.add_failure(channel, outcome.reason, now_ns)
        else:
            self._outages.add_success(channel, now_ns)
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
        """Store the outcome; False while the ledger is away: the caller repeats it and the lease is renewed."""
        try:
            self._outbox.record_attempt(claim, outcome, now_ns, again_ns)
        except Exception as error:  # noqa: BLE001 - a sent notification must not be sent again
            self._outages.add_failure(_LEDGER, _describe(error), now_ns)
            return False
        return True


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {plain_reason(str(error))}"
