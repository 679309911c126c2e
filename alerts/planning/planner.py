"""`Planner`: planning with everything but the step itself already known.

Comes in: a district and its alarms. Goes out: plans. Refuses to keep anything: what stands is an argument.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from alerts.alert import Alert, Plan
from alerts.chatter import Tally
from alerts.planning.draft import District
from alerts.planning.reminders import Moment, due_ns, plan_turn
from alerts.planning.stages import plan_step
from rules.events import AlarmEvents, AlarmKey


@dataclass(frozen=True, slots=True)
class Planner:
    """What every step needs."""

    district: District
    alarms: Sequence[AlarmKey]
    """What the alarm numbers of events stand for."""

    def step(
        self,
        events: AlarmEvents,
        received_ns: int,
        open_alerts: Sequence[Alert],
        tallies: Mapping[str, Tally],
        *,
        clock_ns: int = 0,
    ) -> Plan:
        """Return what `events` change for people, see `plan_step`."""
        alarms, district = self.alarms, self.district
        return plan_step(events, alarms, received_ns, open_alerts, district, tallies=tallies, clock_ns=clock_ns)

    def turn(self, open_alerts: Sequence[Alert], moment: Moment, acknowledged: Collection[str]) -> Plan:
        """Return what the passing of time changes for people, see `plan_turn`."""
        return plan_turn(open_alerts, moment, acknowledged, self.district)

    def due_ns(self, alert: Alert) -> int:
        """Return the received time from which `alert` wants a turn."""
        return due_ns(alert, self.district)
