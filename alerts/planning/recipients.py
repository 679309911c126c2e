"""Who hears it: the stages that find roles, targets and contacts, and leave out whoever cannot or need not be told.

Comes in: a `Draft` that says what kind of message there is. Goes out: the same with its candidates. Refuses to know
what is said.
"""

from dataclasses import replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Recipient
from alerts.notification import ENDS, NotificationKind
from alerts.planning.draft import Candidate, District, Draft, decide, skip
from alerts.routing.routes import Route, is_reachable
from config.levels import WarningLevel
from config.register import Register


def address(draft: Draft, district: District) -> Draft:
    """Find who should hear it: the routes' roles and targets, or for an end those who heard of the beginning."""
    alert = draft.alert
    if draft.kind is None or alert is None:
        return draft
    if draft.kind in ENDS:
        heard = _listeners(draft, alert, DecisionReason.TOLD_BEFORE)
        return replace(draft, candidates=heard) if heard else skip(draft, DecisionReason.NOBODY_TOLD)
    if draft.kind is NotificationKind.REMINDED:
        return replace(draft, candidates=_listeners(draft, alert, DecisionReason.UNACKNOWLEDGED))
    # The sensor's place of today: an open alert may name an asset that has left the register since.
    domain = district.register.assets[draft.occurrence.sensor.asset].domain
    routes = district.routes.find(alert.dimension, alert.level, domain)
    if not routes:
        level = WarningLevel(alert.level).key if alert.level else alert.dimension.value
        return skip(draft, DecisionReason.NO_ROUTE, f"{level} in {domain}")
    for route in routes:
        draft = _address_route(draft, route, district.register)
    return draft


def _listeners(draft: Draft, alert: Alert, reason: DecisionReason) -> tuple[Candidate, ...]:
    """Return who hears of what they know already."""
    heard = alert.recipients if draft.listeners is None else draft.listeners
    return tuple(Candidate(each, each.contact, reason, may_group=not each.is_ungrouped) for each in heard)


def _address_route(draft: Draft, route: Route, register: Register) -> Draft:
    found: list[Candidate] = []
    for channel in route.targets:
        target = Recipient(channel, channel, channel, route.language, route.fallback)
        found.append(Candidate(target, route.name, may_group=route.group is True))
    for role in (*route.roles, *route.next_roles):
        is_standby = role not in route.roles
        contacts = register.contacts_for(draft.occurrence.sensor.asset, role)
        why = f"{route.name} {role.value}"
        if not contacts:
            draft = decide(draft, DecisionVerdict.SKIP, DecisionReason.NO_CONTACT, why)
        found += [
            Candidate(
                Recipient(channel, contact.id, contact.phone, contact.language, route.fallback, is_standby),
                why,
                may_group=route.group is not False,
            )
            for contact in contacts
            for channel in route.channels
        ]
    return replace(draft, candidates=(*draft.candidates, *found))


def reach(draft: Draft, _district: District) -> Draft:
    """Leave out contacts that no channel can reach."""
    reachable: list[Candidate] = []
    for candidate in draft.candidates:
        target = candidate.target
        if target.contact == target.channel or is_reachable(target.address):
            reachable.append(candidate)
        else:
            detail = f"{candidate.why} {target.contact}"
            draft = decide(draft, DecisionVerdict.SKIP, DecisionReason.NO_ADDRESS, detail)
    return replace(draft, candidates=tuple(reachable))


def group(draft: Draft, _district: District) -> Draft:
    """Leave one message for each target, however many roles and routes lead to it; being told at once comes first."""
    unique: dict[tuple[str, str], Candidate] = {}
    for candidate in sorted(draft.candidates, key=lambda each: each.target.is_standby):
        place = candidate.target.place
        if place in unique:
            unique[place] = replace(unique[place], may_group=unique[place].may_group and candidate.may_group)
            detail = f"{candidate.why} {candidate.target.contact}: as {unique[place].why}"
            draft = decide(draft, DecisionVerdict.GROUP, DecisionReason.SAME_CONTACT, detail)
        else:
            unique[place] = candidate
    return replace(draft, candidates=tuple(unique.values()))
