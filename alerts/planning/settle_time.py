"""The settle time: the end of an alarm is held until the alarm has stayed calm for long enough.

Input: an `AlertContext` of an alarm that is over, or that returned.
Output: the time until which an end is held, the context with a return, or with its device fault closed.
Not responsible for: the time at which a held end is announced (`alerts.planning.planner`).
Rejects: nothing; a level above all earlier levels and an alert without recipients are never held.
"""

from dataclasses import replace

from alerts.alert import DecisionReason, DecisionVerdict
from alerts.chatter import CHATTER_NS
from alerts.notification import NotificationKind
from alerts.planning.alert_context import AlertContext, PlanningConfig, decide, skip
from alerts.state import LifeCycleEvent, advance
from rules.events import Dimension

END_IS_HELD = "its end is not told yet"
"""Detail of decisions about an end that is held."""


def hold_end(context: AlertContext, config: PlanningConfig) -> tuple[AlertContext, int]:
    """Return `context` with the decision about a hold, and the journal clock until which the end is held.

    0, and `context` unchanged, where nothing holds the end.

    The hold is the settle time; for an alarm that chatters it is at least the time until chattering ends.
    """
    alert = context.alert
    chatter_ns = CHATTER_NS if context.is_chattering and alert.dimension is Dimension.HAZARD else 0
    settle_ns = round(config.routes.settle_s * 1e9) if alert.recipients else 0
    hold_ns = max(chatter_ns, settle_ns)
    if not hold_ns:
        return context, 0
    reason = DecisionReason.CHATTERING if chatter_ns else DecisionReason.SETTLING
    # On the journal clock, as for reminders: a machine's clock that is set back and forth brings no end early.
    return skip(context, reason, END_IS_HELD), context.event.clock_ns + hold_ns


def mark_return(context: AlertContext, kind: NotificationKind, reason: DecisionReason, detail: str) -> AlertContext:
    """Return `context` of an alarm that returned before its end was announced.

    Only recipients that do not know of the alarm get the message.
    """
    return decide(replace(context, kind=kind, is_return=True), DecisionVerdict.SKIP, reason, detail)


def close_device_fault(context: AlertContext, event: LifeCycleEvent) -> AlertContext:
    """Close the alert of a device that recovered, by `event`, and announce the recovery."""
    closed = replace(advance(context.alert, event), alarms=())
    return replace(context, alert=closed, kind=NotificationKind.DEVICE_RECOVERED)
