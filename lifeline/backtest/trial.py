"""One rule set over a stream: its transitions, and the messages that it would have caused.

Input: batches in order.
Output: all transitions, and counts of messages by contact, channel and kind.
Not responsible for: sending, storing, and any clock but the clock of the batches.
Rejects: nothing.

The past has no acknowledgements. Each alert counts as acknowledged in time: a latched alert ends with its alarm, and no
reminder is counted. The counts are therefore the fewest messages that these rules cause.
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
    """Belongs to one thread; keeps its transitions, never the readings."""

    def __init__(self, config: PlanningConfig) -> None:
        """Begin with the rules of `config` and without state."""
        self.config = config
        self.engine = RuleEngine(config.ruleset, config.register)
        self._planner = Planner(config, self.engine.alarms)
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
        """The alarm of each dense alarm number."""
        return self.engine.alarms

    def take(self, batch: ReadingBatch) -> AlarmEvents:
        """Evaluate one batch and plan its messages; returns its transitions."""
        self._position += 1
        events = self.engine.evaluate(batch, self._position)
        if batch.received_ns >= self._due_ns:
            moment = JournalTime(self._position, batch.received_ns, batch.received_ns)
            self._record_plan(self._planner.plan_due(self._open, moment, {alert.id for alert in self._open}))
            self._due_ns = max(self._find_next_due_ns(self._open), batch.received_ns + 1)
        if len(events):
            self._recent.append(events)
            if len(self._recent) == _JOINED:
                self._events.append(join_events(self._recent))
                self._recent = []
            plan = self._planner.plan_step(events, batch.received_ns, self._open, self.tallies)
            self.tallies.update((tally.alarm, tally) for tally in plan.transition_counts)
            self._record_plan(plan)
            self._due_ns = min(self._due_ns, self._find_next_due_ns(plan.alerts))
        return events

    def episodes(self, dimension: Dimension) -> list[Episode]:
        """Return everything of one dimension that was raised so far."""
        transitions = (
            transition
            for part in (*self._events, *self._recent)
            for transition in read_transitions(part, self.alarms, dimension)
        )
        return build_episodes(transitions, dimension)

    def _record_plan(self, plan: Plan) -> None:
        self._open = plan.open_alerts
        for planned in plan.planned:
            if planned.standby is None:
                told = planned.notification
                self.messages[told.contact, told.channel, told.kind.value] += 1

    def _find_next_due_ns(self, alerts: Iterable[Alert]) -> int:
        return min((self._planner.due_ns(alert) for alert in alerts), default=NEVER_DUE_NS)
