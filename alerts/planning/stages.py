"""The stages of planning: one ordered list from a transition with its alert to notifications.

Input: an `AlertContext`, which always has an alert.
Output: the context with notifications, and with a decision and its reason from each stage.
Not responsible for: the clock, the outbox and delivery.
Rejects: nothing.

`STAGES` is everything that can happen to a transition, in this order. The same transitions give the same decisions,
in one step or in many.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Ending, Planned, Recipient, notification_id
from alerts.messages.text import MessageFacts, compose_payload, compose_text
from alerts.notification import ENDS, WARNINGS, Notification, NotificationKind
from alerts.planning.alert_context import AlertContext, Candidate, PlanningConfig, Stage, decide, skip
from alerts.planning.incidents import close_alert, join_incident, leave_out_informed, mark_informed
from alerts.planning.settle_time import END_IS_HELD, close_device_fault, hold_end, mark_return
from alerts.routing.routes import Route, is_reachable
from alerts.state import LifeCycleEvent, advance
from config.levels import NO_LEVEL, WarningLevel
from config.register import Register
from rules.events import Dimension, Transition

_PRIORITIES = {
    NotificationKind.CLEARED: int(WarningLevel.GREEN),
    NotificationKind.DEVICE_FAULT: 0,
    NotificationKind.DEVICE_RECOVERED: 0,
}
"""Behind every warning: hazards first, then their ends, then devices."""


def run_stages(context: AlertContext, config: PlanningConfig, stages: Iterable[Stage]) -> AlertContext:
    """Return `context` after all `stages`."""
    for stage in stages:
        context = stage(context, config)
    return context


def active_alarms_of(alert: Alert) -> tuple[str, ...]:
    """Return the ids of the active alarms of `alert`; a held alert still names the alarm that ended last."""
    return () if alert.is_over else alert.alarms


def update_alert(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Change or close the alert, and choose the kind of message."""
    event = context.event
    if event.key.dimension is Dimension.HEALTH:
        return _update_device_fault(context, config)
    alert = join_incident(context)
    changed = replace(
        alert,
        level=event.level_after,
        peak=max(alert.peak, event.level_after),
        changed_ns=event.time_ns,
        value=None if math.isnan(event.value) else event.value,
        level_changed_at_receipt_ns=event.received_ns,
    )
    if event.level_after == NO_LEVEL:
        return _end_alarm(replace(context, alert=changed), config)
    changed = advance(changed, LifeCycleEvent.ALARM_ACTIVE, is_new=context.is_new)
    if event.level_after <= alert.peak:
        return _repeat_level(replace(context, alert=changed), alert)
    kind = NotificationKind.RAISED if context.is_new else NotificationKind.ESCALATED
    return replace(context, alert=changed, kind=kind)


def _repeat_level(context: AlertContext, before: Alert) -> AlertContext:
    """Announce a level of the alert again, or not; `before` is the alert before this transition."""
    event = context.event
    level = WarningLevel(event.level_after).key
    if event.transition is Transition.LOWERED:
        return skip(context, DecisionReason.LOWERED, level)
    if event.transition is Transition.RAISED and context.is_chattering:
        return skip(context, DecisionReason.CHATTERING, level)
    if before.is_latched and before.end_held_until_ns <= event.clock_ns:
        # The earlier message was not acknowledged, and now the danger is back.
        return replace(context, kind=NotificationKind.REMINDED)
    if event.transition is Transition.RAISED:
        return mark_return(context, NotificationKind.RAISED, DecisionReason.SETTLING, f"{level}: {END_IS_HELD}")
    if event.episode_ns != before.opened_ns:
        # It came back lower and rises: the present contacts of this asset may not know of this level.
        return mark_return(context, NotificationKind.ESCALATED, DecisionReason.LEVEL_TOLD, level)
    return skip(context, DecisionReason.LEVEL_TOLD, level)


def _end_alarm(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Close the alert of an alarm that is over; or keep it, latched or until its alarm is calm."""
    alert = context.alert
    rule = config.ruleset.rule(context.event.key.rule)
    is_latched = any(each.latch and each.level <= alert.peak for each in rule.levels)
    if is_latched:
        context = skip(context, DecisionReason.LATCHED, END_IS_HELD)
    context, until_ns = hold_end(context, config)
    if not until_ns and not is_latched:
        return close_alert(context, LifeCycleEvent.ALARM_OVER)
    event = LifeCycleEvent.ALARM_OVER_LATCHED if is_latched else LifeCycleEvent.ALARM_OVER_HELD
    return replace(context, alert=advance(alert, event, held_until_ns=until_ns, ending=_ending_of(context)))


def _ending_of(context: AlertContext) -> Ending:
    return Ending(context.event.reason, context.event.extent)


def _update_device_fault(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Keep one alert for a device: its first blind sensor opens it, its last recovery closes it after a hold."""
    event, alert = context.event, context.alert
    if event.level_after == NO_LEVEL:
        return _remove_blind_sensor(context, config)
    changed = advance(alert, LifeCycleEvent.ALARM_ACTIVE, is_new=context.is_new)
    if context.is_new:
        return replace(context, alert=changed, kind=NotificationKind.DEVICE_FAULT)
    alarms = (*(each for each in active_alarms_of(alert) if each != event.key.id), event.key.id)
    context = replace(context, alert=replace(changed, alarms=alarms, changed_ns=event.time_ns))
    if alert.is_over:
        detail = f"{alert.device}: {END_IS_HELD}"
        return mark_return(context, NotificationKind.DEVICE_FAULT, DecisionReason.SETTLING, detail)
    return decide(context, DecisionVerdict.GROUP, DecisionReason.SAME_DEVICE, alert.device)


def _remove_blind_sensor(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Remove a sensor that recovered; the last one closes the alert, or the alert is held."""
    event, alert = context.event, context.alert
    rest = tuple(each for each in alert.alarms if each != event.key.id)
    changed = replace(
        alert, alarms=rest or alert.alarms, changed_ns=event.time_ns, level_changed_at_receipt_ns=event.received_ns
    )
    if rest:
        return skip(replace(context, alert=changed), DecisionReason.STILL_BLIND, ", ".join(rest))
    changed = replace(changed, value=None if math.isnan(event.value) else event.value)
    context, until_ns = hold_end(replace(context, alert=changed), config)
    if not until_ns:
        return close_device_fault(context, LifeCycleEvent.ALARM_OVER)
    over = LifeCycleEvent.ALARM_OVER_HELD
    return replace(context, alert=advance(changed, over, held_until_ns=until_ns, ending=_ending_of(context)))


def find_recipients(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Find candidates: roles and targets of the routes; for an end or a reminder the earlier recipients."""
    alert = context.alert
    if context.kind is None:
        return context
    if context.kind in ENDS:
        earlier = _find_earlier_recipients(context, DecisionReason.TOLD_BEFORE)
        return replace(context, candidates=earlier) if earlier else skip(context, DecisionReason.NOBODY_TOLD)
    if context.kind is NotificationKind.REMINDED:
        return replace(context, candidates=_find_earlier_recipients(context, DecisionReason.UNACKNOWLEDGED))
    # The present asset of the sensor: an open alert may name an asset that has left the register since.
    domain = config.register.assets[context.event.sensor.asset].domain
    routes = config.routes.find(alert.dimension, alert.level, domain)
    if not routes:
        level = WarningLevel(alert.level).key if alert.level else alert.dimension.value
        return skip(context, DecisionReason.NO_ROUTE, f"{level} in {domain}")
    for route in routes:
        context = _add_candidates(context, route, config.register)
    return context


def _find_earlier_recipients(context: AlertContext, reason: DecisionReason) -> tuple[Candidate, ...]:
    recipients = context.alert.recipients if context.recipients is None else context.recipients
    return tuple(Candidate(each, each.contact, reason, may_group=not each.is_ungrouped) for each in recipients)


def _add_candidates(context: AlertContext, route: Route, register: Register) -> AlertContext:
    found: list[Candidate] = []
    for channel in route.targets:
        target = Recipient(channel, channel, channel, route.language, route.fallback)
        found.append(Candidate(target, route.name, may_group=route.group is True))
    for role in (*route.roles, *route.next_roles):
        is_standby = role not in route.roles
        contacts = register.contacts_for(context.event.sensor.asset, role)
        origin = f"{route.name} {role.value}"
        if not contacts:
            context = decide(context, DecisionVerdict.SKIP, DecisionReason.NO_CONTACT, origin)
        found += [
            Candidate(
                Recipient(channel, contact.id, contact.phone, contact.language, route.fallback, is_standby),
                origin,
                may_group=route.group is not False,
            )
            for contact in contacts
            for channel in route.channels
        ]
    return replace(context, candidates=(*context.candidates, *found))


def leave_out_unreachable(context: AlertContext, _config: PlanningConfig) -> AlertContext:
    """Leave out contacts without a usable phone number."""
    reachable: list[Candidate] = []
    for each in context.candidates:
        recipient = each.recipient
        if recipient.contact == recipient.channel or is_reachable(recipient.address):
            reachable.append(each)
        else:
            detail = f"{each.origin} {recipient.contact}"
            context = decide(context, DecisionVerdict.SKIP, DecisionReason.NO_ADDRESS, detail)
    return replace(context, candidates=tuple(reachable))


def merge_same_contact(context: AlertContext, _config: PlanningConfig) -> AlertContext:
    """Keep one message for each contact and channel in several roles and routes; at once wins over standby."""
    unique: dict[tuple[str, str], Candidate] = {}
    for each in sorted(context.candidates, key=lambda each: each.recipient.is_standby):
        place = each.recipient.place
        if place in unique:
            unique[place] = replace(unique[place], may_group=unique[place].may_group and each.may_group)
            detail = f"{each.origin} {each.recipient.contact}: as {unique[place].origin}"
            context = decide(context, DecisionVerdict.GROUP, DecisionReason.SAME_CONTACT, detail)
        else:
            unique[place] = each
    return replace(context, candidates=tuple(unique.values()))


def compose_messages(context: AlertContext, config: PlanningConfig) -> AlertContext:
    """Write the notifications, and add their recipients to the alert."""
    alert, kind = context.alert, context.kind
    if kind is None or not (context.candidates or context.informed):
        return context
    if alert.incident:
        suppressed = tuple(_plan_suppressed(each, context, kind, config) for each, _ in context.informed)
        context = replace(context, suppressed=suppressed)
    for i, each in enumerate(context.candidates):
        standby = i if each.recipient.is_standby and kind in WARNINGS else None
        planned = replace(_plan_notification(each, context, kind, config), standby=standby)
        detail = f"{each.origin} by {each.recipient.channel}"
        if standby is None:
            context = decide(context, DecisionVerdict.NOTIFY, each.reason, detail)
        else:
            context = decide(context, DecisionVerdict.SKIP, DecisionReason.STANDBY, detail)
        context = replace(context, planned=(*context.planned, planned))
    # A return does not restart the re-alarm time.
    is_first = not context.is_return or (not alert.notified_ns and bool(context.candidates))
    notified_ns = context.event.clock_ns if kind in WARNINGS and is_first else alert.notified_ns
    alert = replace(alert, sequence=alert.sequence + 1, notified_ns=notified_ns)
    if kind in ENDS:
        return replace(context, alert=alert)
    recipients = _add_recipients(context)
    return replace(context, alert=replace(alert, recipients=recipients), incident_alerts=mark_informed(context))


def _plan_notification(
    candidate: Candidate, context: AlertContext, kind: NotificationKind, config: PlanningConfig
) -> Planned:
    """Return the message of `kind` to `candidate`."""
    recipient, event, alert = candidate.recipient, context.event, context.alert
    facts = _collect_facts(context, kind, config, is_ungrouped=recipient.is_ungrouped)
    sequence = alert.sequence + 1
    # Only messages that may be sent several times have the number of their round in the id.
    round_ = sequence if context.is_return or kind is NotificationKind.REMINDED else 0
    identity = notification_id(alert.id, kind, facts.level, recipient.place, round_)
    notification = Notification(
        id=identity,
        alert=alert.id,
        kind=kind,
        channel=recipient.channel,
        contact=recipient.contact,
        address=recipient.address,
        level=facts.level,
        text=compose_text(facts, recipient.language, config.links.acknowledge_link(identity)),
        payload=compose_payload(facts, identity),
        created_ns=event.received_ns,
    )
    return Planned(notification, _PRIORITIES.get(kind, facts.level), sequence, recipient.fallbacks)


def _plan_suppressed(
    candidate: Candidate, context: AlertContext, kind: NotificationKind, config: PlanningConfig
) -> Planned:
    """Return the message that `candidate` gets only when the message that informed it does not arrive."""
    # A return has the words of a reminder: of several suppressed messages only the newest is sent, and none after an
    # acknowledgement.
    kind = NotificationKind.REMINDED if context.is_return else kind
    return replace(_plan_notification(candidate, context, kind, config), incident=context.alert.incident)


def _collect_facts(
    context: AlertContext, kind: NotificationKind, config: PlanningConfig, *, is_ungrouped: bool
) -> MessageFacts:
    event, alert = context.event, context.alert
    rule = config.ruleset.rule(event.key.rule)
    ended, ended_peak = (0, NO_LEVEL) if is_ungrouped else (alert.ended, alert.ended_peak)
    return MessageFacts(
        kind=kind,
        dimension=alert.dimension,
        alert=alert.id,
        level=event.level_after if kind in WARNINGS else max(alert.peak, ended_peak),
        alarms=1 + ended,
        rule=rule,
        asset=config.register.assets[event.sensor.asset],
        sensor=event.sensor,
        quantity=rule.judged_quantity or config.quantities[event.sensor.quantity],
        value=event.value,
        extent=event.extent,
        reason=event.reason,
        time_ns=event.time_ns,
        time_zone=config.register.city.zone,
    )


def _add_recipients(context: AlertContext) -> tuple[Recipient, ...]:
    """Return the recipients of the alert with the new ones, each once."""
    alert = context.alert
    informed = [(each, "") for each in context.candidates]
    informed += [(each, alert_id) for each, alert_id in context.informed if alert_id != alert.id]
    found: dict[tuple[str, str, bool], Recipient] = {}
    for each in (*alert.recipients, *(_mark_level(each, alert.level, alert_id) for each, alert_id in informed)):
        key = (*each.place, each.is_ungrouped)
        earlier = found.get(key)
        # A recipient with a message at once does not become a standby, and learns nothing by being one.
        if earlier is None or earlier.is_standby or not each.is_standby:
            found[key] = each
    return tuple(found.values())


def _mark_level(candidate: Candidate, level: int, informed_by_alert: str) -> Recipient:
    """Return the recipient of `candidate`, which now knows of an alarm at `level`."""
    recipient = candidate.recipient
    return replace(
        recipient,
        level=max(level, recipient.level),
        informed_by_alert=informed_by_alert,
        is_ungrouped=not candidate.may_group,
    )


NOTIFY_STAGES: tuple[Stage, ...] = (
    find_recipients,
    leave_out_unreachable,
    merge_same_contact,
    leave_out_informed,
    compose_messages,
)
"""From the kind of message to notifications."""

STAGES: tuple[Stage, ...] = (update_alert, *NOTIFY_STAGES)
"""Everything that can happen to a transition, in order."""
