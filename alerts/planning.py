"""From transitions to people: which alert each belongs to, what is said, to whom, and why not.

Comes in: `AlarmEvents`, the open alerts, register, rules and routes. Goes out: a `Plan`. Refuses to know the clock, the
outbox and whether anything arrives: the same transitions give the same plan, in one step or in many.

Everything that can happen to a transition is the list `STAGES`, in this order. A stage takes a `Draft` and returns it
with more known, and with the reason of whatever it decided.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.acknowledge import Links
from alerts.alert import (
    Alert,
    Decision,
    DecisionReason,
    DecisionVerdict,
    Plan,
    Planned,
    Recipient,
    notification_id,
    stable_id,
)
from alerts.messages import CITY_OFFSET_S, Incident, message_payload, message_text
from alerts.notification import Notification, NotificationKind
from alerts.routing import Route, Routes, is_reachable
from config.levels import NO_LEVEL, WarningLevel
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.events import AlarmEvents, AlarmKey, Dimension, Reason, Transition
from rules.rule import RuleSet


@dataclass(frozen=True, slots=True)
class District:
    """Everything that planning knows besides transitions and open alerts; replaced when the configuration is."""

    register: Register
    quantities: Mapping[str, Quantity]
    ruleset: RuleSet
    routes: Routes
    links: Links
    offset_s: int = CITY_OFFSET_S
    """Local time in messages minus UTC."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One transition with what its dense numbers stand for."""

    key: AlarmKey
    sensor: Sensor
    transition: Transition
    time_ns: int
    episode_ns: int
    level_before: int
    level_after: int
    value: float
    reason: Reason
    position: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a route wants to tell."""

    target: Recipient
    why: str
    """Route and role, for the decision's detail."""
    decision: DecisionReason = DecisionReason.ROUTED


@dataclass(frozen=True, slots=True)
class Draft:
    """One transition on its way through the stages."""

    occurrence: Occurrence
    alert: Alert | None
    """The open alert it belongs to, changed by it; None before one is opened, and where there will be none."""
    kind: NotificationKind | None = None
    """What is said; None when nothing is."""
    candidates: tuple[Candidate, ...] = ()
    planned: tuple[Planned, ...] = ()
    decisions: tuple[Decision, ...] = ()


Stage = Callable[[Draft, District], Draft]


def plan_step(
    events: AlarmEvents, alarms: Sequence[AlarmKey], received_ns: int, open_alerts: Iterable[Alert], district: District
) -> Plan:
    """Return everything that `events` change for people.

    Args:
        events: transitions of whole journal positions, in order.
        alarms: what the alarm numbers in `events` stand for.
        received_ns: received time of the batch that caused them.
        open_alerts: alerts open before the step: those of the ledger, or of the plan before.
        district: register, rules, routes and links.
    """
    book = {(alert.dimension, alert.subject): alert for alert in open_alerts}
    touched: dict[str, Alert] = {}
    drafts: list[Draft] = []
    for i in range(len(events)):
        occurrence = _occurrence(events, i, alarms, received_ns, district.register)
        place = (occurrence.key.dimension, _subject(occurrence))
        draft = Draft(occurrence, book.get(place))
        for stage in STAGES:
            draft = stage(draft, district)
        drafts.append(draft)
        if draft.alert:
            touched[draft.alert.id] = book[place] = draft.alert
            if not draft.alert.is_open:
                del book[place]
    return Plan(
        alerts=tuple(touched.values()),
        planned=tuple(each for draft in drafts for each in draft.planned),
        decisions=tuple(each for draft in drafts for each in draft.decisions),
        open_alerts=tuple(book.values()),
        alert_of=tuple(draft.alert.id if draft.alert else "" for draft in drafts),
    )


def _follow(draft: Draft, _district: District) -> Draft:
    """Open, change or close the alert, and say what kind of message that makes."""
    event = draft.occurrence
    if event.key.dimension is Dimension.HEALTH:
        return _follow_health(draft)
    if draft.alert is None and event.level_after == NO_LEVEL:
        return _skip(draft, DecisionReason.NOBODY_TOLD)
    alert = draft.alert or _open(event)
    peak = max(alert.peak, event.level_after)
    is_open = event.level_after != NO_LEVEL
    after = replace(alert, level=event.level_after, peak=peak, is_open=is_open, changed_ns=event.time_ns)
    draft = replace(draft, alert=after)
    if not is_open:
        return replace(draft, kind=NotificationKind.CLEARED)
    if event.transition is Transition.LOWERED:
        return _skip(draft, DecisionReason.LOWERED, WarningLevel(event.level_after).key)
    if event.level_after <= alert.peak:
        return _skip(draft, DecisionReason.LEVEL_TOLD, WarningLevel(event.level_after).key)
    is_first = event.transition is Transition.RAISED
    return replace(draft, kind=NotificationKind.RAISED if is_first else NotificationKind.ESCALATED)


def _follow_health(draft: Draft) -> Draft:
    """One alert for a device: its first blind sensor opens it, its last one back closes it."""
    event, alert = draft.occurrence, draft.alert
    blind = alert.alarms if alert else ()
    if event.level_after == NO_LEVEL:
        if alert is None or event.key.id not in blind:
            return _skip(replace(draft, alert=None), DecisionReason.NOBODY_TOLD)
        rest = tuple(each for each in blind if each != event.key.id)
        after = replace(alert, alarms=rest, is_open=bool(rest), changed_ns=event.time_ns)
        draft = replace(draft, alert=after)
        if rest:
            return _skip(draft, DecisionReason.STILL_BLIND, ", ".join(rest))
        return replace(draft, kind=NotificationKind.DEVICE_RECOVERED)
    if event.reason is Reason.NEVER_SEEN:
        return _skip(replace(draft, alert=None), DecisionReason.NEVER_SEEN)
    if alert is None:
        return replace(draft, alert=_open(event), kind=NotificationKind.DEVICE_FAULT)
    joined = (*(each for each in blind if each != event.key.id), event.key.id)
    after = replace(alert, alarms=joined, changed_ns=event.time_ns)
    return _decide(replace(draft, alert=after), DecisionVerdict.GROUP, DecisionReason.SAME_DEVICE, alert.device)


def _address(draft: Draft, district: District) -> Draft:
    """Find who should hear it: the routes' roles and targets, or for an end those who heard of the beginning."""
    alert = draft.alert
    if draft.kind is None or alert is None:
        return draft
    if draft.kind in (NotificationKind.CLEARED, NotificationKind.DEVICE_RECOVERED):
        told = tuple(Candidate(each, each.contact, DecisionReason.TOLD_BEFORE) for each in alert.told)
        return replace(draft, candidates=told) if told else _skip(draft, DecisionReason.NOBODY_TOLD)
    # The sensor's place of today: an open alert may name an asset that has left the register since.
    domain = district.register.assets[draft.occurrence.sensor.asset].domain
    routes = district.routes.matching(alert.dimension, alert.level, domain)
    if not routes:
        level = WarningLevel(alert.level).key if alert.level else alert.dimension.value
        return _skip(draft, DecisionReason.NO_ROUTE, f"{level} in {domain}")
    for route in routes:
        draft = _address_route(draft, route, district.register)
    return draft


def _address_route(draft: Draft, route: Route, register: Register) -> Draft:
    found: list[Candidate] = []
    for channel in route.targets:
        target = Recipient(channel, channel, channel, route.language, route.fallback)
        found.append(Candidate(target, route.name))
    for role in route.roles:
        contacts = register.contacts_for(draft.occurrence.sensor.asset, role)
        why = f"{route.name} {role.value}"
        if not contacts:
            draft = _decide(draft, DecisionVerdict.SKIP, DecisionReason.NO_CONTACT, why)
        found += [
            Candidate(Recipient(channel, contact.id, contact.phone, contact.language, route.fallback), why)
            for contact in contacts
            for channel in route.channels
        ]
    return replace(draft, candidates=(*draft.candidates, *found))


def _reach(draft: Draft, _district: District) -> Draft:
    """Leave out contacts that no channel can reach."""
    reachable: list[Candidate] = []
    for candidate in draft.candidates:
        target = candidate.target
        if target.contact == target.channel or is_reachable(target.address):
            reachable.append(candidate)
        else:
            detail = f"{candidate.why} {target.contact}"
            draft = _decide(draft, DecisionVerdict.SKIP, DecisionReason.NO_ADDRESS, detail)
    return replace(draft, candidates=tuple(reachable))


def _group(draft: Draft, _district: District) -> Draft:
    """Leave one message for each target, however many roles and routes lead to it."""
    unique: dict[tuple[str, str], Candidate] = {}
    for candidate in draft.candidates:
        place = (candidate.target.channel, candidate.target.contact)
        if place in unique:
            detail = f"{candidate.why} {candidate.target.contact}: as {unique[place].why}"
            draft = _decide(draft, DecisionVerdict.GROUP, DecisionReason.SAME_CONTACT, detail)
        else:
            unique[place] = candidate
    return replace(draft, candidates=tuple(unique.values()))


def _compose(draft: Draft, district: District) -> Draft:
    """Write the messages and remember who was told."""
    alert, kind = draft.alert, draft.kind
    if alert is None or kind is None or not draft.candidates:
        return draft
    incident = _incident(draft.occurrence, alert, kind, district)
    priority = incident.level if kind in _BEGINNINGS else _PRIORITIES[kind]
    sequence = alert.sequence + 1
    for candidate in draft.candidates:
        notification = _notification(candidate.target, incident, draft.occurrence.received_ns, district.links)
        planned = Planned(notification, priority, sequence, candidate.target.fallbacks)
        detail = f"{candidate.why} by {candidate.target.channel}"
        draft = _decide(draft, DecisionVerdict.NOTIFY, candidate.decision, detail)
        draft = replace(draft, planned=(*draft.planned, planned))
    told = {(each.channel, each.contact): each for each in (*alert.told, *(each.target for each in draft.candidates))}
    return replace(draft, alert=replace(alert, sequence=sequence, told=tuple(told.values())))


STAGES: tuple[Stage, ...] = (_follow, _address, _reach, _group, _compose)
"""Everything that can happen to a transition, in order."""

_BEGINNINGS = (NotificationKind.RAISED, NotificationKind.ESCALATED)
_PRIORITIES = {
    NotificationKind.CLEARED: int(WarningLevel.GREEN),
    NotificationKind.DEVICE_FAULT: 0,
    NotificationKind.DEVICE_RECOVERED: 0,
}
"""Behind every warning: danger first, then its end, then devices."""


def _occurrence(
    events: AlarmEvents, i: int, alarms: Sequence[AlarmKey], received_ns: int, register: Register
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
        reason=Reason(int(events.reason[i])),
        position=int(events.position[i]),
        received_ns=received_ns,
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
        told=(),
        sequence=0,
    )


def _incident(event: Occurrence, alert: Alert, kind: NotificationKind, district: District) -> Incident:
    rule = district.ruleset.rule(event.key.rule)
    return Incident(
        kind=kind,
        dimension=alert.dimension,
        alert=alert.id,
        level=event.level_after if kind in _BEGINNINGS else alert.peak,
        rule=rule,
        asset=district.register.assets[event.sensor.asset],
        sensor=event.sensor,
        quantity=rule.judged or district.quantities[event.sensor.quantity],
        value=event.value,
        reason=event.reason,
        time_ns=event.time_ns,
        offset_s=district.offset_s,
    )


def _notification(target: Recipient, incident: Incident, created_ns: int, links: Links) -> Notification:
    identity = notification_id(incident.alert, incident.kind, incident.level, (target.channel, target.contact))
    return Notification(
        id=identity,
        alert=incident.alert,
        kind=incident.kind,
        channel=target.channel,
        contact=target.contact,
        address=target.address,
        level=incident.level,
        text=message_text(incident, target.language, links.acknowledge(identity)),
        payload=message_payload(incident, identity),
        created_ns=created_ns,
    )


def _skip(draft: Draft, reason: DecisionReason, detail: str = "") -> Draft:
    return _decide(replace(draft, kind=None), DecisionVerdict.SKIP, reason, detail)


def _decide(draft: Draft, verdict: DecisionVerdict, reason: DecisionReason, detail: str) -> Draft:
    event = draft.occurrence
    alert = draft.alert.id if draft.alert else ""
    decision = Decision(alert, event.key.id, event.position, event.time_ns, verdict, reason, detail)
    return replace(draft, decisions=(*draft.decisions, decision))
