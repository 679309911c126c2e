"""I/O: a look at the program once a second, and its end when only a new process can help.

Input: the status of the stages.
Output: self-alarms, `SystemHealth`, and the decision to end. A self-alarm is one log line at its start and end.
Not responsible for: restarts: systemd or the container engine starts the program again, and nothing is lost.
Rejects: nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from collector.journal import Journal
from lifeline.runtime.supervisor import Supervisor
from lifeline.runtime.wiring import Stages
from lifeline.runtime.with_timeout import CallWithTimeout
from lifeline.self_alarms import SelfAlarms, Symptom, SystemHealth

_EVERY_S = 1.0
DISCONNECTED_S = 30.0
"""Without the broker for longer than this is an alarm of our own; assumed: a broker's restart takes seconds."""
RULES_LAG = 10_000
"""Journal entries behind which the rules count as late; assumed: about a minute of a busy district."""
RULES_STUCK_S = 60.0
"""A loop of the rules that has not turned for so long is stuck; assumed: far longer than any step."""
ANSWER_S = 2.0
"""A journal or ledger that takes longer to say how it is hangs; assumed."""
JOURNAL_SHARE = 0.9
"""A journal fuller than this share will soon stop the intake; assumed."""

_log = structlog.get_logger()


class Watchdog:
    """Keeps the self-alarms; `health` may be read from any thread."""

    def __init__(self, stages: Stages, journal: Journal, supervisor: Supervisor, clock_ns: Callable[[], int]) -> None:
        """Look at `stages` and `journal`, report fatal symptoms to `supervisor`."""
        self._stages = stages
        self._journal = journal
        self._supervisor = supervisor
        self._clock_ns = clock_ns
        self._alarms = SelfAlarms()
        self._stopping = threading.Event()
        self._disconnected_s: float | None = None
        # Both touch a disk or a server that may hang, which must not stop the look at everything else.
        self._journal_status = CallWithTimeout(journal.status)
        self._dispatch_status = CallWithTimeout(stages.dispatcher.status)
        self._health = SystemHealth(is_alive=True, is_ready=False, alarms=())

    def run(self) -> None:
        """Look once a second until `stop`."""
        while not self._stopping.wait(_EVERY_S):
            self.look()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    def health(self) -> SystemHealth:
        """Return how the program was at the last look."""
        return self._health

    def look(self) -> None:
        """Look once: log the symptoms that began or ended, and report the fatal ones."""
        symptoms: list[Symptom] = []
        for symptom in self._find_symptoms():
            symptoms.append(symptom)
            if symptom.is_fatal:
                self._supervisor.fail("watchdog", f"{symptom.name}: {symptom.detail}")
        for change in self._alarms.update(symptoms, self._clock_ns()):
            if change.symptom.is_logged:
                continue
            if change.began:
                _log.error("self_alarm_began", alarm=change.symptom.name, detail=change.symptom.detail)
            else:
                _log.warning("self_alarm_ended", alarm=change.symptom.name, lasted_s=round(change.lasted_s, 1))
        is_alive = self._supervisor.failure is None
        status = self._stages.intake.status()
        is_ready = is_alive and status.connected and self._stages.rules.status().is_restored
        self._health = SystemHealth(is_alive, is_ready, self._alarms.active)

    def _find_symptoms(self) -> Iterator[Symptom]:
        yield from self._find_intake_symptoms()
        outage = self._stages.recorder.status().outage
        if outage:
            yield Symptom("history_unavailable", outage, is_logged=True)
        yield from self._find_rules_symptoms()
        yield from self._find_journal_symptoms()
        yield from self._find_dispatch_symptoms()

    def _find_rules_symptoms(self) -> Iterator[Symptom]:
        rules = self._stages.rules.status()
        lag = self._journal.last_position() - rules.position
        if rules.is_ledger_away:
            yield Symptom("ledger_unavailable", "alarm events wait in the journal", is_logged=True)
        if lag > RULES_LAG:
            yield Symptom("rules_late", f"{lag} journal entries behind")
        if rules.loop_age_s > RULES_STUCK_S and not rules.is_ledger_away:
            yield Symptom("rules_stuck", f"loop {rules.loop_age_s:.0f} s, {lag} entries wait", is_fatal=True)

    def _find_intake_symptoms(self) -> Iterator[Symptom]:
        status, now_s = self._stages.intake.status(), time.monotonic()
        if self._stages.intake.is_stuck(now_s):
            detail = f"loop {status.loop_age_s:.1f} s, canary {status.canary_age_s:.1f} s"
            yield Symptom("intake_stuck", detail, is_fatal=True)
        if status.session_lost:
            detail = "the broker had forgotten us: what it kept meanwhile is lost"
            yield Symptom("session_lost", detail, is_logged=True)
        if status.takeover_suspected:
            yield Symptom(
                "takeover_suspected", "the broker ends our connections: is another program using our client id?"
            )
        if status.connected and not status.canary_fresh and status.canary_age_s > DISCONNECTED_S:
            yield Symptom("canary_lost", f"no message to ourselves came back for {status.canary_age_s:.0f} s")
        if status.connected:
            self._disconnected_s = None
        elif self._disconnected_s is None:
            self._disconnected_s = now_s
        if self._disconnected_s is not None and now_s - self._disconnected_s > DISCONNECTED_S:
            detail = f"for more than {DISCONNECTED_S:g} s: {status.outage}"
            yield Symptom("broker_unreachable", detail, is_logged=True)

    def _find_journal_symptoms(self) -> Iterator[Symptom]:
        status = self._journal_status.call(ANSWER_S)
        if status is None:
            yield Symptom("journal_hangs", f"no answer within {ANSWER_S:g} s: does its disk work?")
        elif status.full:
            yield Symptom("journal_full", "nothing is acknowledged; the broker keeps the messages")
        elif status.bytes > JOURNAL_SHARE * status.max_bytes:
            yield Symptom("journal_nearly_full", f"{status.bytes} of {status.max_bytes} bytes")

    def _find_dispatch_symptoms(self) -> Iterator[Symptom]:
        status = self._dispatch_status.call(ANSWER_S)
        if status is None:
            yield Symptom("ledger_hangs", f"no answer within {ANSWER_S:g} s: no warning leaves")
            return
        for name, channel in status.channels.items():
            if channel.reason:
                waiting = channel.waiting.pending + channel.waiting.sending
                detail = f"{channel.reason}; {waiting} notifications wait"
                yield Symptom(f"channel_down_{name}", detail, is_logged=True)
        if not status.is_alive and not self._supervisor.stopping.is_set():
            yield Symptom("dispatcher_dead", "its thread has ended", is_fatal=True)
