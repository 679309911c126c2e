"""From transitions to people: which alert each belongs to, what is said, to whom, and why not.

Comes in: `AlarmEvents`, the open alerts, register, rules and routes. Goes out: a `Plan`. Refuses to know the clock, the
outbox and whether anything arrives: the same transitions give the same plan, in one step or in many.

Everything that can happen to a transition is the list `STAGES`, in this order. A stage takes a `Draft` and returns it
with more known, and with the reason of whatever it decided.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from alerts.alert import (
    Alert,
    DecisionReason,
    DecisionVerdict,
    Ending,
    Plan,
    Planned,
    Recipient,
    notification_id,
    stable_id,
)
from alerts.chatter import Tally, counted
from alerts.links import SignedLinks
from alerts.messages.text import MessageFacts, compose_payload, compose_text
from alerts.notification import ENDS, WARNINGS, Notification, NotificationKind
from alerts.planning.draft import Candidate, District, Draft, Occurrence, Stage, decide, skip
from alerts.planning.incidents import Book, close, hazard_of, informed, joined, share
from alerts.planning.recipients import address, group, reach
from alerts.planning.settle_time import UNTOLD, held, recovered, returned
from config.levels import NO_LEVEL, WarningLevel
from config.register import Register
from rules.events import AlarmEvents, AlarmKey, Dimension, Reason, Transition


def plan_step(
    events: AlarmEvents,
    alarms: Sequence[AlarmKey],
    received_ns: int,
    open_alerts: Iterable[Alert],
    district: District,
    *,
    tallies: Mapping[str, Tally] | None = None,
    clock_ns: int = 0,
) -> Plan:
    """Return everything that `events` change for people.

    Args:
        events: transitions of whole journal positions, in order.
        alarms: what the alarm numbers in `events` stand for.
        received_ns: received time of the batch that caused them.
        open_alerts: alerts open before the step: those of the ledger, or of the plan before.
        district: register, rules, routes and links.
        tallies: of every alarm that turned before the step, by alarm id.
        clock_ns: the latest received time of the journal so far; the batch's where it is later.
    """
    known = tallies or {}
    counts: dict[str, Tally] = {}
    book = Book(open_alerts)
    touched: dict[str, Alert] = {}
    drafts: list[Draft] = []
    for i in range(len(events)):
        moment = received_ns, max(received_ns, clock_ns)
        occurrence = _occurrence(events, i, alarms, moment, district.register)
        alarm = occurrence.key.id
        tally = _counted(counts.get(alarm) or known.get(alarm) or Tally(alarm), occurrence)
        if tally.turns:
            counts[alarm] = tally
        before = book.at(occurrence.key.dimension, _subject(occurrence))
        draft = beside(Draft(occurrence, before, is_chattering=tally.is_chattering), book, district)
        draft = told(draft, district, STAGES)
        drafts.append(draft)
        touched |= changed(draft, book)
    return Plan(
        alerts=tuple(touched.values()),
        planned=tuple(each for draft in drafts for each in draft.planned),
        withheld=tuple(each for draft in drafts for each in draft.withheld),
        decisions=tuple(each for draft in drafts for each in draft.decisions),
        open_alerts=book.alerts(),
        alert_of=tuple(draft.alert.id if draft.alert else "" for draft in drafts),
        tallies=tuple(counts.values()),
    )


def told(draft: Draft, district: District, stages: Iterable[Stage]) -> Draft:
    """Return `draft` behind all `stages`."""
    for stage in stages:
        draft = stage(draft, district)
    return draft


def beside(draft: Draft, book: Book, district: District) -> Draft:
    """Return `draft` with the other open alerts of its incident."""
    event, alert = draft.occurrence, draft.alert
    if event.key.dimension is Dimension.HEALTH:
        return draft
    hazard = alert.hazard if alert else ""
    if alert is None or alert.peak <= WarningLevel.GREEN:
        hazard = hazard_of(district.ruleset.rule(event.key.rule), event.sensor.quantity, district.ruleset)
    asset = alert.asset if alert else event.sensor.asset
    return replace(draft, hazard=hazard, others=book.others(asset, hazard, event.key.id))


def changed(draft: Draft, book: Book) -> Mapping[str, Alert]:
    """Return the alerts that `draft` changes, by id, and keep them in `book`."""
    found: dict[str, Alert] = {}
    for other in draft.others:
        if book.at(other.dimension, other.subject) != other:
            found[other.id] = other
            book.put(other)
    if draft.alert:
        found[draft.alert.id] = draft.alert
        book.put(draft.alert)
    return found


def _counted(tally: Tally, event: Occurrence) -> Tally:
    """Return `tally` with `event`; only beginnings and ends of episodes are turns."""
    if NO_LEVEL not in (event.level_before, event.level_after):
        return tally
    return counted(tally, event.time_ns, event.episode_ns, is_end=event.level_after == NO_LEVEL)


def _follow(draft: Draft, district: District) -> Draft:
    """Open, change or close the alert, and say what kind of message that makes."""
    event = draft.occurrence
    if event.key.dimension is Dimension.HEALTH:
        return _follow_health(draft, district)
    if draft.alert is None and event.level_after == NO_LEVEL:
        return skip(draft, DecisionReason.NOBODY_TOLD)
    alert = joined(draft.alert or _open(event), draft)
    after = replace(
        alert,
        level=event.level_after,
        peak=max(alert.peak, event.level_after),
        changed_ns=event.time_ns,
        value=None if math.isnan(event.value) else event.value,
        level_changed_at_receipt_ns=event.received_ns,
    )
    if NO_LEVEL in (event.level_before, event.level_after):
        after = replace(after, end_held_until_ns=0, is_latched=False, ending=None)
    if event.level_after == NO_LEVEL:
        return _end(replace(draft, alert=replace(after, ending=Ending(event.reason, event.extent))), district)
    kind = NotificationKind.ESCALATED if draft.alert else NotificationKind.RAISED
    draft = replace(draft, alert=after)
    return replace(draft, kind=kind) if event.level_after > alert.peak else _repeat(draft, alert)


def _repeat(draft: Draft, before: Alert) -> Draft:
    """Say again, or not, a level that was told before under this alert, which was `before`."""
    event = draft.occurrence
    level = WarningLevel(event.level_after).key
    if event.transition is Transition.LOWERED:
        return skip(draft, DecisionReason.LOWERED, level)
    if event.transition is Transition.RAISED and draft.is_chattering:
        return skip(draft, DecisionReason.CHATTERING, level)
    if before.is_latched and before.end_held_until_ns <= event.clock_ns:
        # Nobody has acknowledged what was told before, and now the danger is back.
        return replace(draft, kind=NotificationKind.REMINDED)
    if event.transition is Transition.RAISED:
        return returned(draft, NotificationKind.RAISED, DecisionReason.SETTLING, f"{level}: {UNTOLD}")
    if event.episode_ns != before.opened_ns:
        # It came back lower and rises: who answers for this place by now may never have been told of this level.
        return returned(draft, NotificationKind.ESCALATED, DecisionReason.LEVEL_TOLD, level)
    return skip(draft, DecisionReason.LEVEL_TOLD, level)


def _end(draft: Draft, district: District) -> Draft:
    """Close the alert whose alarm is over, or keep it: latched, or until its alarm is calm."""
    event, alert = draft.occurrence, draft.alert
    if alert is None:
        return draft
    rule = district.ruleset.rule(event.key.rule)
    is_latched = any(each.latch and each.level <= alert.peak for each in rule.levels)
    if is_latched:
        draft = skip(replace(draft, alert=replace(alert, is_latched=True)), DecisionReason.LATCHED, UNTOLD)
    after = held(draft, district)
    return close(after) if after is draft and not is_latched else after


def _follow_health(draft: Draft, district: District) -> Draft:
    """One alert for a device: its first blind sensor opens it, its last one back closes it, once that has settled."""
    event, alert = draft.occurrence, draft.alert
    if event.level_after == NO_LEVEL:
        return _heard_again(draft, district)
    if event.reason is Reason.NEVER_SEEN:
        return skip(replace(draft, alert=None), DecisionReason.NEVER_SEEN)
    if alert is None:
        return replace(draft, alert=_open(event), kind=NotificationKind.DEVICE_FAULT)
    joined = (*(each for each in _blind(alert) if each != event.key.id), event.key.id)
    draft = replace(
        draft, alert=replace(alert, alarms=joined, changed_ns=event.time_ns, end_held_until_ns=0, ending=None)
    )
    if alert.is_over:
        return returned(draft, NotificationKind.DEVICE_FAULT, DecisionReason.SETTLING, f"{alert.device}: {UNTOLD}")
    return decide(draft, DecisionVerdict.GROUP, DecisionReason.SAME_DEVICE, alert.device)


def _heard_again(draft: Draft, district: District) -> Draft:
    """One sensor of a device is back: the last one closes its alert, or lets it settle."""
    event, alert = draft.occurrence, draft.alert
    if alert is None or event.key.id not in _blind(alert):
        return skip(replace(draft, alert=None), DecisionReason.NOBODY_TOLD)
    rest = tuple(each for each in alert.alarms if each != event.key.id)
    after = replace(
        alert, alarms=rest or alert.alarms, changed_ns=event.time_ns, level_changed_at_receipt_ns=event.received_ns
    )
    if rest:
        return skip(replace(draft, alert=after), DecisionReason.STILL_BLIND, ", ".join(rest))
    value = None if math.isnan(event.value) else event.value
    draft = replace(draft, alert=replace(after, value=value, ending=Ending(event.reason, event.extent)))
    waiting = held(draft, district)
    return recovered(draft) if waiting is draft else waiting


def _blind(alert: Alert) -> tuple[str, ...]:
    """Return the alarms that are active: one that is over and held names the alarm that ended last."""
    return () if alert.is_over else alert.alarms


def _compose(draft: Draft, district: District) -> Draft:
    """Write the messages and remember who was told."""
    alert, kind = draft.alert, draft.kind
    if alert is None or kind is None or not (draft.candidates or draft.left_out):
        return draft
    sequence = alert.sequence + 1
    if alert.incident:
        draft = replace(draft, withheld=tuple(_withheld(each, draft, district) for each, _ in draft.left_out))
    for place, candidate in enumerate(draft.candidates):
        target = candidate.target
        standby = place if target.is_standby and kind in WARNINGS else None
        planned = replace(_planned(candidate, draft, district), standby=standby)
        detail = f"{candidate.why} by {target.channel}"
        if standby is None:
            draft = decide(draft, DecisionVerdict.NOTIFY, candidate.decision, detail)
        else:
            draft = decide(draft, DecisionVerdict.SKIP, DecisionReason.STANDBY, detail)
        draft = replace(draft, planned=(*draft.planned, planned))
    # A return begins the re-alarm time anew for nobody.
    is_first = not draft.is_return or (not alert.notified_ns and bool(draft.candidates))
    notified_ns = draft.occurrence.clock_ns if kind in WARNINGS and is_first else alert.notified_ns
    alert = replace(alert, sequence=sequence, notified_ns=notified_ns)
    if kind in ENDS:
        return replace(draft, alert=alert)
    now = [_knowing(each, alert.level, "") for each in draft.candidates]
    others = ((each, under) for each, under in draft.left_out if under != alert.id)
    heard = _heard(alert.recipients, [*now, *(_knowing(each, alert.level, under) for each, under in others)])
    return replace(draft, alert=replace(alert, recipients=heard), others=informed(draft, now))


def _planned(candidate: Candidate, draft: Draft, district: District) -> Planned:
    """Return the message of `draft` to `candidate`."""
    alert, kind, target = draft.alert, draft.kind, candidate.target
    if alert is None or kind is None:
        raise ValueError("a draft without an alert and something to say")
    if target.is_ungrouped:
        alert = replace(alert, ended=0, ended_peak=NO_LEVEL)
    incident, sequence = _incident(draft.occurrence, alert, kind, district), alert.sequence + 1
    round_ = sequence if draft.is_return or kind is NotificationKind.REMINDED else 0
    notification = _notification(target, incident, draft.occurrence.received_ns, district.links, sequence=round_)
    return Planned(notification, _priority(incident), sequence, target.fallbacks)


def _withheld(candidate: Candidate, draft: Draft, district: District) -> Planned:
    """Return the message that `candidate` gets only when what they know the incident by fails."""
    # What is back is said as a reminder: of several that wait only the newest leaves, and none once acknowledged.
    draft = replace(draft, kind=NotificationKind.REMINDED) if draft.is_return else draft
    return replace(_planned(candidate, draft, district), incident=draft.alert.incident if draft.alert else "")


def _knowing(candidate: Candidate, level: int, under: str) -> Recipient:
    """Return the target of `candidate`, who knows now that something stands at `level`."""
    target = candidate.target
    return replace(
        target, level=max(level, target.level), informed_by_alert=under, is_ungrouped=not candidate.may_group
    )


def _heard(before: Iterable[Recipient], now: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return everybody who was told or is told now, each once; who was told at once does not become a standby."""
    found: dict[tuple[str, str, bool], Recipient] = {}
    for each in (*before, *now):
        key = (*each.place, each.is_ungrouped)
        earlier = found.get(key)
        # Who was told at once does not become a standby, and knows no more by being one.
        if earlier is None or earlier.is_standby or not each.is_standby:
            found[key] = each
    return tuple(found.values())


TELLING: tuple[Stage, ...] = (address, reach, group, share, _compose)
"""From what is said to messages."""

STAGES: tuple[Stage, ...] = (_follow, *TELLING)
"""Everything that can happen to a transition, in order."""

_PRIORITIES = {
    NotificationKind.CLEARED: int(WarningLevel.GREEN),
    NotificationKind.DEVICE_FAULT: 0,
    NotificationKind.DEVICE_RECOVERED: 0,
}
"""Behind every warning: danger first, then its end, then devices."""


def _priority(incident: MessageFacts) -> int:
    return _PRIORITIES.get(incident.kind, incident.level)


def _occurrence(
    events: AlarmEvents, i: int, alarms: Sequence[AlarmKey], moment: tuple[int, int], register: Register
) -> Occurrence:
    key = alarms[int(events.alarm[i])]
    return Occurrence(
        key=key,
        sensor=register.sensors[key.sensor],
        transition=Transition(int(events.transition[i])),
        time_ns=int(events.time_ns[i]),
        episode_ns=int(events.episode_ns[i]),
        level_before=int(events.level_before[i]),
        level_after=int(events.level_after[i]),
        value=float(events.value[i]),
        extent=events.extent(i, alarms),
        reason=Reason(int(events.reason[i])),
        position=int(events.position[i]),
        received_ns=moment[0],
        clock_ns=moment[1],
    )


def _subject(event: Occurrence) -> str:
    return event.sensor.device if event.key.dimension is Dimension.HEALTH else event.key.id


def _open(event: Occurrence) -> Alert:
    """Return the alert of a new episode, told to nobody yet."""
    is_hazard = event.key.dimension is Dimension.HAZARD
    owner = event.sensor.id if is_hazard else event.sensor.device
    return Alert(
        id=stable_id(event.key.rule, owner, event.episode_ns),
        dimension=event.key.dimension,
        subject=_subject(event),
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


def _incident(event: Occurrence, alert: Alert, kind: NotificationKind, district: District) -> MessageFacts:
    rule = district.ruleset.rule(event.key.rule)
    return MessageFacts(
        kind=kind,
        dimension=alert.dimension,
        alert=alert.id,
        level=event.level_after if kind in WARNINGS else max(alert.peak, alert.ended_peak),
        alarms=1 + alert.ended,
        rule=rule,
        asset=district.register.assets[event.sensor.asset],
        sensor=event.sensor,
        quantity=rule.judged_quantity or district.quantities[event.sensor.quantity],
        value=event.value,
        extent=event.extent,
        reason=event.reason,
        time_ns=event.time_ns,
        time_zone=district.time_zone,
    )


def _notification(
    target: Recipient, incident: MessageFacts, created_ns: int, links: SignedLinks, *, sequence: int
) -> Notification:
    place = target.channel, target.contact
    identity = notification_id(incident.alert, incident.kind, incident.level, place, sequence)
    return Notification(
        id=identity,
        alert=incident.alert,
        kind=incident.kind,
        channel=target.channel,
        contact=target.contact,
        address=target.address,
        level=incident.level,
        text=compose_text(incident, target.language, links.acknowledge_link(identity)),
        payload=compose_payload(incident, identity),
        created_ns=created_ns,
    )
