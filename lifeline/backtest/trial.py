"""One rule set over a stream: what it raises, and whom that would have told what.

Comes in: batches in order. Goes out: all transitions, and counts of messages by contact, channel and kind. Refuses to
send, to store, and to know any clock but the batches'.

Nobody was there to acknowledge the past. Everybody is taken to have acknowledged in time: a latched alert ends with its
alarm, and no reminder is counted, so that the counts are the fewest messages these rules cause.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from alerts.alert import Alert, Plan
from alerts.chatter import TransitionCounts
from alerts.planning.alert_context import PlanningConfig
from alerts.planning.planner import NEVER_DUE_NS, JournalTime, Planner
from collector.batch import ReadingBatch
from lifeline.backtest.episodes import Episode, build_episodes, read_transitions
from rules.engine import RuleEngine
from rules.events import AlarmEvents, AlarmKey, Dimension, join_events

_JOINED = 1000
"""Transitions are kept in columns of so many batches: small columns are mostly overhead."""


class Trial:
    """Belongs to one thread; keeps what it raises, never the readings."""

    def __init__(self, district: PlanningConfig) -> None:
        """Judge with the rules of `district` from nothing."""
        self.district = district
        self.engine = RuleEngine(district.ruleset, district.register)
        self._planner = Planner(district, self.engine.alarms)
        self._open: tuple[Alert, ...] = ()
        self._due_ns = NEVER_DUE_NS
        self._position = 0
        self._events: list[AlarmEvents] = []
        self._recent: list[AlarmEvents] = []
        self.tallies: dict[str, TransitionCounts] = {}
        """Of every alarm that turned, as the live program counts them."""
        self.messages: Counter[tuple[str, str, str]] = Counter()
        """Contact, channel and kind of message to how many."""

    @property
    def alarms(self) -> Sequence[AlarmKey]:
        """What dense alarm numbers stand for."""
        return self.engine.alarms

    def take(self, batch: ReadingBatch) -> AlarmEvents:
        """Judge one batch, plan what follows; returns its transitions."""
        self._position += 1
        events = self.engine.evaluate(batch, self._position)
        if batch.received_ns >= self._due_ns:
            moment = JournalTime(self._position, batch.received_ns, batch.received_ns)
            self._keep(self._planner.plan_due(self._open, moment, {alert.id for alert in self._open}))
            self._due_ns = max(self._first_due(self._open), batch.received_ns + 1)
        if len(events):
            self._recent.append(events)
            if len(self._recent) == _JOINED:
                self._events.append(join_events(self._recent))
                self._recent = []
            plan = self._planner.plan_step(events, batch.received_ns, self._open, self.tallies)
            self.tallies.update((tally.alarm, tally) for tally in plan.transition_counts)
            self._keep(plan)
            self._due_ns = min(self._due_ns, self._first_due(plan.alerts))
        return events

    def episodes(self, dimension: Dimension) -> list[Episode]:
        """Return everything of one dimension that was raised so far."""
        transitions = (
            transition
            for part in (*self._events, *self._recent)
            for transition in read_transitions(part, self.alarms, dimension)
        )
        return build_episodes(transitions, dimension)

    def _keep(self, plan: Plan) -> None:
        self._open = plan.open_alerts
        for planned in plan.planned:
            if planned.standby is None:
                told = planned.notification
                self.messages[told.contact, told.channel, told.kind.value] += 1

    def _first_due(self, alerts: Iterable[Alert]) -> int:
        return min((self._planner.due_ns(alert) for alert in alerts), default=NEVER_DUE_NS)
