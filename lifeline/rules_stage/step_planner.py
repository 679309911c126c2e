"""I/O: plans for evaluated entries: for transitions, and for reminders and settle times that are due.

Input: entries with their events, in order.
Output: one `Plan` for all of them.
Not responsible for: evaluation, commits, and any clock but `received_ns`.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from alerts.alert import Alert, Plan
from alerts.chatter import TransitionCounts
from alerts.ledger.ledger import Ledger
from alerts.planning.planner import NEVER_DUE_NS, JournalTime, Planner
from alerts.store.errors import LedgerUnavailableError
from collector.journal import Entry
from rules.events import AlarmEvents

_AGAIN_NS = 10**9
"""How often a latched alert is looked at for an acknowledgement; assumed."""


class StepPlanner:
    """Belongs to the thread of the rules stage; its open alerts are the beginning of the next step."""

    def __init__(self, planner: Planner, ledger: Ledger) -> None:
        """Plan with `planner`; `ledger` says who has acknowledged."""
        self._planner, self._ledger = planner, ledger
        self.open_alerts: tuple[Alert, ...] = ()
        self._tallies: dict[str, TransitionCounts] = {}
        self._due_ns = self._clock_ns = 0
        self.counts: Counter[tuple[str, str]] = Counter()

    def restore(self, open_alerts: Sequence[Alert]) -> None:
        """Go on from `open_alerts`, and from the tallies in the ledger."""
        self.open_alerts = tuple(open_alerts)
        self._tallies = self._ledger.transition_counts.read()
        times = (max(alert.notified_ns, alert.level_changed_at_receipt_ns) for alert in self.open_alerts)
        self._due_ns, self._clock_ns = 0, max(times, default=0)

    def plan(self, entries: Sequence[Entry], parts: Sequence[AlarmEvents]) -> Plan | None:
        """Return the plan for `entries` with their events `parts`; None when it is empty."""
        plans = []
        for entry, part in zip(entries, parts, strict=True):
            self._clock_ns = max(self._clock_ns, entry.batch.received_ns)
            if self._clock_ns >= self._due_ns:
                plans.append(self._plan_due(JournalTime(entry.position, entry.batch.received_ns, self._clock_ns)))
            if len(part):
                plans.append(self._plan_transitions(part, entry.batch.received_ns))
        plans = [plan for plan in plans if plan.alerts or plan.alert_of or plan.decisions]
        return merge_plans(plans) if plans else None

    def _plan_transitions(self, events: AlarmEvents, received_ns: int) -> Plan:
        plan = self._planner.plan_step(events, received_ns, self.open_alerts, self._tallies, clock_ns=self._clock_ns)
        for tally in plan.transition_counts:
            before = self._tallies.get(tally.alarm, TransitionCounts(tally.alarm))
            self.counts["bad_alarms", "chattering"] += tally.chattering - before.chattering
            self.counts["bad_alarms", "fleeting"] += tally.fleeting - before.fleeting
            self._tallies[tally.alarm] = tally
        self.open_alerts = plan.open_alerts
        self._due_ns = min(self._due_ns, self._next_due_ns(plan.alerts))
        return plan

    def _plan_due(self, moment: JournalTime) -> Plan:
        try:
            acknowledged = self._ledger.alerts.read_acknowledged()
        except LedgerUnavailableError:
            # Nothing can be committed now either: the next entry asks again, and nothing is lost.
            return Plan(open_alerts=self.open_alerts)
        plan = self._planner.plan_due(self.open_alerts, moment, acknowledged)
        self.open_alerts = plan.open_alerts
        # What is due and did not change waits for an acknowledgement.
        self._due_ns = max(self._next_due_ns(self.open_alerts), moment.received_ns + _AGAIN_NS)
        return plan

    def _next_due_ns(self, alerts: Iterable[Alert]) -> int:
        return min((self._planner.due_ns(alert) for alert in alerts), default=NEVER_DUE_NS)


def merge_plans(plans: Sequence[Plan]) -> Plan:
    """Return one plan for consecutive `plans`: of an alert that changed in several, the last state counts."""
    return Plan(
        tuple({alert.id: alert for plan in plans for alert in plan.alerts}.values()),
        tuple(planned for plan in plans for planned in plan.planned),
        tuple(decision for plan in plans for decision in plan.decisions),
        plans[-1].open_alerts,
        tuple(alert for plan in plans for alert in plan.alert_of),
        tuple({tally.alarm: tally for plan in plans for tally in plan.transition_counts}.values()),
        tuple(planned for plan in plans for planned in plan.suppressed),
    )
