"""Reminders and held ends: the messages that the passing of time causes.

Input: an `AlertContext` of an alert that is due, and the acknowledged alerts.
Output: the context with a reminder, with an end, or with a decision about neither.
Not responsible for: the time at which an alert is due (`alerts.planning.planner`).
Rejects: nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict
from alerts.notification import NotificationKind
from alerts.planning.alert_context import AlertContext, PlanningConfig, decide
from alerts.planning.incidents import close_alert
from alerts.planning.settle_time import close_device_fault
from alerts.planning.stages import NOTIFY_STAGES, run_stages
from alerts.state import LifeCycleEvent
from rules.events import Dimension


def remind(
    context: AlertContext,
    config: PlanningConfig,
    acknowledged: Collection[str],
    has_reminders: Callable[[Alert], bool],
) -> AlertContext:
    """Remind the recipients of a hazard, unless the alert that informed them is acknowledged.

    Args:
        context: the alert.
        config: register, rules, routes and links.
        acknowledged: ids of acknowledged alerts.
        has_reminders: whether an alert of the incident has reminders of its own.
    """
    alert = context.alert
    if _is_acknowledged(alert, acknowledged):
        context = replace(context, alert=replace(alert, notified_ns=0))
        return decide(context, DecisionVerdict.SKIP, DecisionReason.ACKNOWLEDGED, "no more reminders")
    reminding = {other.id for other in context.incident_alerts if other.level >= alert.level and has_reminders(other)}
    waiting = [
        each for each in alert.recipients if each.level and (each.informed_by_alert or alert.id) not in acknowledged
    ]
    recipients = tuple(each for each in waiting if each.informed_by_alert not in reminding)
    if reminding and all(each.is_standby for each in recipients):
        # The other alert reminds its recipients; this alert is due again later, because the other one may end.
        return replace(context, alert=replace(alert, notified_ns=context.event.clock_ns))
    context = replace(context, kind=NotificationKind.REMINDED, recipients=recipients)
    return run_stages(context, config, NOTIFY_STAGES)


def announce_end(context: AlertContext, config: PlanningConfig, acknowledged: Collection[str]) -> AlertContext:
    """Close an alert after its hold, unless its latch waits for an acknowledgement."""
    alert = context.alert
    if alert.is_latched and not _is_acknowledged(alert, acknowledged):
        return context
    context = decide(context, DecisionVerdict.NOTIFY, DecisionReason.CALM, "")
    close = close_device_fault if alert.dimension is Dimension.HEALTH else close_alert
    return run_stages(close(context, LifeCycleEvent.END_DUE), config, NOTIFY_STAGES)


def _is_acknowledged(alert: Alert, acknowledged: Collection[str]) -> bool:
    """Return whether `alert` is acknowledged, or every alert that informed its recipients is."""
    informed_by = {
        each.informed_by_alert or alert.id for each in alert.recipients if each.level and not each.is_standby
    }
    return alert.id in acknowledged or (bool(informed_by) and informed_by <= set(acknowledged))
