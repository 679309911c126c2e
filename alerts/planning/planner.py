"""Plans: everything that transitions and the passing of time change for people.

Input: `AlarmEvents` or a time of the journal, and the open alerts.
Output: a `Plan`.
Not responsible for: any clock except the journal's, the outbox and delivery.
Rejects: transitions that belong to no alert; each gets a decision with its reason.

The same transitions give the same plan, in one step or in many. The due time of an alert depends on the alert only, so
batches and restarts change nothing.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Ending, Plan, stable_id
from alerts.chatter import TransitionCounts, add_transition
from alerts.planning.alert_context import AlarmTransition, AlertContext, PlanningConfig
from alerts.planning.incidents import OpenAlerts, apply_changes, with_incident
from alerts.planning.reminders import announce_end, remind
from alerts.planning.stages import STAGES, active_alarms_of, run_stages
from config.levels import NO_LEVEL
from config.register import Register
from rules.events import AlarmEvents, AlarmKey, Dimension, Transition, TransitionReason

NEVER_DUE_NS = (1 << 63) - 1
"""Due time of an alert that only a transition can change."""


@dataclass(frozen=True, slots=True)
class JournalTime:
    """A position of the journal and its time."""

    position: int
    received_ns: int
    clock_ns: int
    """Journal clock: the latest `received_ns` so far. No time passes when a machine's clock is set back and forth."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Planning with the configuration and the alarms of one program."""

    config: PlanningConfig
    alarms: Sequence[AlarmKey]
    """The alarm of each alarm number in events."""

    def plan_step(
        self,
        events: AlarmEvents,
        received_ns: int,
        open_alerts: Sequence[Alert],
        counts: Mapping[str, TransitionCounts],
        *,
        clock_ns: int = 0,
    ) -> Plan:
        """Return the changes that `events` cause, see `plan_step`."""
        alarms, config = self.alarms, self.config
        return plan_step(events, alarms, received_ns, open_alerts, config, counts=counts, clock_ns=clock_ns)

    def plan_due(self, open_alerts: Sequence[Alert], time: JournalTime, acknowledged: Collection[str]) -> Plan:
        """Return the changes that the passing of time causes, see `plan_due`."""
        return plan_due(open_alerts, time, acknowledged, self.config)

    def due_ns(self, alert: Alert) -> int:
        """Return the journal clock at which `alert` is due, see `due_ns`."""
        return due_ns(alert, self.config)


def plan_step(
    events: AlarmEvents,
    alarms: Sequence[AlarmKey],
    received_ns: int,
    open_alerts: Iterable[Alert],
    config: PlanningConfig,
    *,
    counts: Mapping[str, TransitionCounts] | None = None,
    clock_ns: int = 0,
) -> Plan:
    """Return everything that `events` change for people.

    Args:
        events: transitions of whole journal positions, in order.
        alarms: the alarm of each alarm number in `events`.
        received_ns: received time of the batch that caused the transitions.
        open_alerts: alerts open before the step: from the ledger, or from the plan before.
        config: register, rules, routes and links.
        counts: counts of each alarm with transitions before the step, by alarm id.
        clock_ns: journal clock, the latest received time so far; ignored where `received_ns` is later.
    """
    known = counts or {}
    new_counts: dict[str, TransitionCounts] = {}
    opened = OpenAlerts(open_alerts)
    changed: dict[str, Alert] = {}
    contexts: list[AlertContext] = []
    decisions: list[Decision] = []
    alert_ids: list[str] = []
    for i in range(len(events)):
        event = _read_transition(events, i, alarms, (received_ns, max(received_ns, clock_ns)), config.register)
        alarm = event.key.id
        counted = _count(new_counts.get(alarm) or known.get(alarm) or TransitionCounts(alarm), event)
        if counted.transitions:
            new_counts[alarm] = counted
        alert = opened.find(event.key.dimension, _subject_of(event))
        reason = _find_reason_for_no_alert(event, alert)
        if reason is not None:
            decisions.append(
                Decision("", alarm, event.position, event.time_ns, DecisionVerdict.SKIP, reason, detail="")
            )
            alert_ids.append("")
            continue
        context = AlertContext(
            event, alert or _open_alert(event), is_new=alert is None, is_chattering=counted.is_chattering
        )
        context = run_stages(with_incident(context, opened, config), config, STAGES)
        changed |= apply_changes(context, opened)
        contexts.append(context)
        decisions += context.decisions
        alert_ids.append(context.alert.id)
    return Plan(
        alerts=tuple(changed.values()),
        planned=tuple(each for context in contexts for each in context.planned),
        suppressed=tuple(each for context in contexts for each in context.suppressed),
        decisions=tuple(decisions),
        open_alerts=opened.all(),
        alert_of=tuple(alert_ids),
        transition_counts=tuple(new_counts.values()),
    )


def plan_due(alerts: Sequence[Alert], time: JournalTime, acknowledged: Collection[str], config: PlanningConfig) -> Plan:
    """Return the changes at `time`, before the readings of that time.

    Args:
        alerts: alerts open before that time.
        time: position and time of the journal.
        acknowledged: ids of acknowledged alerts.
        config: register, rules, routes and links.
    """
    # Never together with its last transition: readings received together have one time, however batches are cut.
    unchanged = [alert for alert in alerts if alert.level_changed_at_receipt_ns != time.received_ns]
    due = [alert for alert in unchanged if due_ns(alert, config) <= time.clock_ns]
    contexts: list[AlertContext] = []
    changed: dict[str, Alert] = {}
    opened = OpenAlerts(alerts)
    for each in sorted(due, key=lambda each: each.id):
        # An earlier alert of this loop may have changed this alert.
        alert = opened.find(each.dimension, each.subject) or each
        context = _revisit_alert(alert, time, config)
        if context is not None:
            context = with_incident(context, opened, config)
            if alert.is_over:
                context = announce_end(context, config, acknowledged)
            else:
                context = remind(context, config, acknowledged, lambda other: due_ns(other, config) != NEVER_DUE_NS)
            contexts.append(context)
            changed |= {key: after for key, after in apply_changes(context, opened).items() if after != alert}
    return Plan(
        alerts=tuple(changed.values()),
        planned=tuple(each for context in contexts for each in context.planned),
        decisions=tuple(each for context in contexts for each in context.decisions),
        open_alerts=opened.all(),
    )


def due_ns(alert: Alert, config: PlanningConfig) -> int:
    """Return the journal clock at which `alert` is due; `NEVER_DUE_NS` while only a transition can change it."""
    if not alert.is_open:
        return NEVER_DUE_NS
    if alert.is_over:
        return alert.end_held_until_ns
    asset = config.register.assets.get(alert.asset)
    if alert.dimension is not Dimension.HAZARD or not alert.notified_ns or asset is None:
        return NEVER_DUE_NS
    wait_ns = round(config.routes.find_realarm_s(alert.dimension, alert.level, asset.domain) * 1e9)
    return alert.notified_ns + wait_ns if wait_ns else NEVER_DUE_NS


def _read_transition(
    events: AlarmEvents, i: int, alarms: Sequence[AlarmKey], times: tuple[int, int], register: Register
) -> AlarmTransition:
    """Return transition `i`; `times` are the received time and the journal clock."""
    key = alarms[int(events.alarm[i])]
    return AlarmTransition(
        key=key,
        sensor=register.sensors[key.sensor],
        transition=Transition(int(events.transition[i])),
        time_ns=int(events.time_ns[i]),
        episode_ns=int(events.episode_ns[i]),
        level_before=int(events.level_before[i]),
        level_after=int(events.level_after[i]),
        value=float(events.value[i]),
        extent=events.extent(i, alarms),
        reason=TransitionReason(int(events.reason[i])),
        position=int(events.position[i]),
        received_ns=times[0],
        clock_ns=times[1],
    )


def _count(counts: TransitionCounts, event: AlarmTransition) -> TransitionCounts:
    """Return `counts` with `event`; only the start and the end of an episode count."""
    if NO_LEVEL not in (event.level_before, event.level_after):
        return counts
    return add_transition(counts, event.time_ns, event.episode_ns, is_end=event.level_after == NO_LEVEL)


def _subject_of(event: AlarmTransition) -> str:
    return event.sensor.device if event.key.dimension is Dimension.HEALTH else event.key.id


def _find_reason_for_no_alert(event: AlarmTransition, alert: Alert | None) -> DecisionReason | None:
    """Return why `event` belongs to no alert; None where it belongs to the open `alert` or opens one."""
    is_end = event.level_after == NO_LEVEL
    if event.key.dimension is Dimension.HAZARD:
        return DecisionReason.NOBODY_TOLD if is_end and alert is None else None
    if not is_end:
        return DecisionReason.NEVER_SEEN if event.reason is TransitionReason.NEVER_SEEN else None
    is_blind = alert is not None and event.key.id in active_alarms_of(alert)
    return None if is_blind else DecisionReason.NOBODY_TOLD


def _open_alert(event: AlarmTransition) -> Alert:
    """Return the alert of a new episode, without recipients."""
    is_hazard = event.key.dimension is Dimension.HAZARD
    owner = event.sensor.id if is_hazard else event.sensor.device
    return Alert(
        id=stable_id(event.key.rule, owner, event.episode_ns),
        dimension=event.key.dimension,
        subject=_subject_of(event),
        rule=event.key.rule,
        asset=event.sensor.asset,
        device=event.sensor.device,
        level=NO_LEVEL,
        peak=NO_LEVEL,
        is_open=True,
        opened_ns=event.episode_ns,
        changed_ns=event.time_ns,
        alarms=(event.key.id,),
        recipients=(),
        sequence=0,
    )


def _revisit_alert(alert: Alert, time: JournalTime, config: PlanningConfig) -> AlertContext | None:
    """Return the context of a due `alert`; None when its sensor has left the register."""
    alarm, is_over = alert.alarms[-1], alert.is_over
    rule, _, sensor = alarm.partition("/")
    number = config.register.sensor_index.get(sensor)
    if number is None:
        return None
    # An older ledger has no ending.
    ending = alert.ending or Ending(TransitionReason.BACK_WITHIN if is_over else TransitionReason.LIMIT_HELD)
    event = AlarmTransition(
        key=AlarmKey(rule, number, alert.dimension, alarm),
        sensor=config.register.sensors[number],
        transition=Transition.CLEARED if is_over else Transition.ESCALATED,
        time_ns=alert.changed_ns if is_over else alert.opened_ns,
        episode_ns=alert.opened_ns,
        level_before=alert.level,
        level_after=alert.level,
        value=math.nan if alert.value is None else alert.value,
        reason=ending.reason,
        extent=ending.extent,
        position=time.position,
        received_ns=time.received_ns,
        clock_ns=time.clock_ns,
    )
    return AlertContext(event, alert)
