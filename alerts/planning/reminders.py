"""Reminders and held ends: the changes that the passing of time causes for people.

Input: the open alerts, a time of the journal, and the acknowledged alerts.
Output: a `Plan`.
Not responsible for: any clock except the journal's.
Rejects: nothing; `alerts.planning.orphans` closes an alert after its sensor left the register.

The due time of an alert depends on the alert only, so batches and restarts change nothing.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Ending, Plan
from alerts.notification import NotificationKind
from alerts.planning.context import AlarmTransition, AlertContext, PlanningConfig, decide
from alerts.planning.incidents import OpenAlerts, apply_changes, close_alert, with_incident
from alerts.planning.settle_time import close_device_fault
from alerts.planning.stages import NOTIFY_STAGES, run_stages
from alerts.state import LifeCycleEvent
from config.levels import WarningLevel
from rules.events import AlarmKey, Dimension, Reason, Transition

REALARM_S = {WarningLevel.ORANGE: 1800.0, WarningLevel.RED: 600.0}
"""Re-alarm time: from an unacknowledged warning to its reminder; assumed. Lower levels have no reminder."""
NEVER_DUE_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class JournalTime:
    """A position of the journal and its time."""

    position: int
    received_ns: int
    clock_ns: int
    """Journal clock: the latest `received_ns` so far. No time passes when a machine's clock is set back and forth."""


def due_ns(alert: Alert, config: PlanningConfig) -> int:
    """Return the journal clock at which `alert` is due; `NEVER_DUE_NS` while only a transition can change it."""
    if not alert.is_open:
        return NEVER_DUE_NS
    if alert.is_over:
        return alert.end_held_until_ns
    wait_ns = _find_realarm_ns(alert, config) if alert.notified_ns and alert.dimension is Dimension.HAZARD else 0
    return alert.notified_ns + wait_ns if wait_ns else NEVER_DUE_NS


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
        context = _make_context(alert, time, config)
        if context is not None:
            announce = _announce_end if alert.is_over else _remind
            context = announce(with_incident(context, opened, config), config, acknowledged)
            contexts.append(context)
            changed |= {key: after for key, after in apply_changes(context, opened).items() if after != alert}
    return Plan(
        alerts=tuple(changed.values()),
        planned=tuple(each for context in contexts for each in context.planned),
        decisions=tuple(each for context in contexts for each in context.decisions),
        open_alerts=opened.all(),
    )


def _remind(context: AlertContext, config: PlanningConfig, acknowledged: Collection[str]) -> AlertContext:
    """Remind the recipients of a hazard, unless the alert that informed them is acknowledged."""
    alert = context.alert
    if _is_acknowledged(alert, acknowledged):
        context = replace(context, alert=replace(alert, notified_ns=0))
        return decide(context, DecisionVerdict.SKIP, DecisionReason.ACKNOWLEDGED, "no more reminders")
    reminding = {other.id for other in context.incident_alerts if _reminds_for(other, alert, config)}
    waiting = [
        each for each in alert.recipients if each.level and (each.informed_by_alert or alert.id) not in acknowledged
    ]
    recipients = tuple(each for each in waiting if each.informed_by_alert not in reminding)
    if reminding and all(each.is_standby for each in recipients):
        # The other alert reminds its recipients; this alert is due again later, because the other one may end.
        return replace(context, alert=replace(alert, notified_ns=context.event.clock_ns))
    context = replace(context, kind=NotificationKind.REMINDED, recipients=recipients)
    return run_stages(context, config, NOTIFY_STAGES)


def _is_acknowledged(alert: Alert, acknowledged: Collection[str]) -> bool:
    """Return whether `alert` is acknowledged, or every alert that informed its recipients is."""
    informed_by = {
        each.informed_by_alert or alert.id for each in alert.recipients if each.level and not each.is_standby
    }
    return alert.id in acknowledged or (bool(informed_by) and informed_by <= set(acknowledged))


def _reminds_for(other: Alert, alert: Alert, config: PlanningConfig) -> bool:
    return other.level >= alert.level and due_ns(other, config) != NEVER_DUE_NS


def _announce_end(context: AlertContext, config: PlanningConfig, acknowledged: Collection[str]) -> AlertContext:
    """Close an alert whose hold is over, unless its latch waits for an acknowledgement."""
    alert = context.alert
    if alert.is_latched and not _is_acknowledged(alert, acknowledged):
        return context
    context = decide(context, DecisionVerdict.NOTIFY, DecisionReason.CALM, "")
    close = close_device_fault if alert.dimension is Dimension.HEALTH else close_alert
    return run_stages(close(context, LifeCycleEvent.END_DUE), config, NOTIFY_STAGES)


def _find_realarm_ns(alert: Alert, config: PlanningConfig) -> int:
    """Return the re-alarm time of `alert`, the shortest of its routes; 0 where no reminder is wanted."""
    asset = config.register.assets.get(alert.asset)
    routes = config.routes.find(alert.dimension, alert.level, asset.domain) if asset else ()
    default_s = REALARM_S.get(WarningLevel(alert.level), 0.0)
    waits_s = [default_s if route.realarm_s is None else route.realarm_s for route in routes]
    return round(min((each for each in waits_s if each), default=0.0) * 1e9)


def _make_context(alert: Alert, time: JournalTime, config: PlanningConfig) -> AlertContext | None:
    """Return the context of a due `alert`; None when its sensor has left the register."""
    alarm, is_over = alert.alarms[-1], alert.is_over
    rule, _, sensor = alarm.partition("/")
    number = config.register.sensor_index.get(sensor)
    if number is None:
        return None
    # An older ledger has no ending.
    ending = alert.ending or Ending(Reason.BACK_WITHIN if is_over else Reason.LIMIT_HELD)
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
