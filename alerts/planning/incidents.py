"""Incidents: open alarms of one asset and one kind of danger, told as one.

Comes in: open alerts, a `Draft` with the others of its incident. Goes out: who knows already, whose end waits for whom.
Refuses to let a lower level, another kind of danger, a message to somebody on standby or an alarm that is over stand
for anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Recipient
from alerts.notification import BEGINNINGS, NotificationKind
from alerts.planning.draft import Candidate, District, Draft, decide
from config.levels import NO_LEVEL, WarningLevel
from rules.events import Dimension
from rules.rule import Rule, RuleSet, Side
from rules.statistics.rates import Direction

_SIDES = {Direction.FALL: Side.LOW, Direction.RISE: Side.HIGH}
_TIMES = ("s", "min", "h", "d")


class Book:
    """The open alerts while a plan is made."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        """Begin with the open `alerts`."""
        self._alerts: dict[tuple[Dimension, str], Alert] = {}
        self._together: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for alert in alerts:
            self.put(alert)

    def put(self, alert: Alert) -> None:
        """Keep the newest state of `alert`, or forget it when it is closed."""
        together = self._together[alert.asset, alert.hazard]
        if alert.is_open:
            self._alerts[alert.dimension, alert.subject] = alert
            together[alert.subject] = None
        else:
            self._alerts.pop((alert.dimension, alert.subject), None)
            together.pop(alert.subject, None)

    def at(self, dimension: Dimension, subject: str) -> Alert | None:
        """Return the open alert of `subject`."""
        return self._alerts.get((dimension, subject))

    def others(self, asset: str, hazard: str, subject: str) -> tuple[Alert, ...]:
        """Return the open alerts of one kind of danger at `asset` besides that of `subject`, oldest first.

        Green is no danger: a permit that stands for a month holds back no return to normal.
        """
        subjects = [each for each in self._together.get((asset, hazard), ()) if each != subject] if hazard else []
        found = (self._alerts[Dimension.HAZARD, each] for each in subjects)
        dangers = [each for each in found if each.peak > WarningLevel.GREEN]
        return tuple(sorted(dangers, key=lambda each: (each.opened_ns, each.id)))

    def alerts(self) -> tuple[Alert, ...]:
        """Return all of them."""
        return tuple(self._alerts.values())


def hazard_of(rule: Rule, quantity: str, ruleset: RuleSet) -> str:
    """Return the kind of danger that `rule` finds in `quantity`: too low or falling, too high or rising.

    A rule that says nothing of this, or that foretells a time, is a kind of its own: only its own alarms are told as
    one.
    """
    direction = getattr(rule.options, "direction", None)
    followed = getattr(rule.options, "rule", None)
    if followed in {each.id for each in ruleset}:
        return hazard_of(ruleset.rule(followed), quantity, ruleset)
    if direction in _SIDES and not (rule.derived and rule.derived.unit in _TIMES):
        return f"{quantity}/{_SIDES[direction]}"
    is_plain = direction is None and rule.derived is None and rule.levels and not rule.levels[0].because_zh
    return f"{quantity}/{rule.levels[0].side if is_plain else rule.id}"


def joined(alert: Alert, draft: Draft) -> Alert:
    """Return `alert` as part of the incident of `draft`, unless it has been a danger before."""
    if alert.peak > WarningLevel.GREEN or not draft.hazard:
        return alert
    incident = draft.others[0].incident if draft.others else alert.id
    return replace(alert, hazard=draft.hazard, incident=incident)


def share(draft: Draft, _district: District) -> Draft:
    """Leave out who was told of a standing alarm of the incident that is as high, each with its reason.

    Of an alarm that is back before its end was told also who was told of as much before.
    """
    alert = draft.alert
    if draft.is_return:
        draft = _leave_out_told(draft)
    if alert is None or draft.kind not in BEGINNINGS:
        return draft
    known = _known(draft.others, alert.level)
    kept: list[Candidate] = []
    left = list(draft.left_out)
    for each in draft.candidates:
        under = known.get((*each.target.place, each.target.address))
        if under is None or not each.may_group or each.target.is_standby:
            kept.append(each)
            continue
        left.append((each, under))
        detail = f"{each.why} {each.target.contact}: told under alert {under}"
        draft = decide(draft, DecisionVerdict.GROUP, DecisionReason.GROUPED, detail)
    return replace(draft, candidates=tuple(kept), left_out=tuple(left))


def _leave_out_told(draft: Draft) -> Draft:
    """Leave out everybody who knows of the alert at its level; nobody waits on standby where nobody is told."""
    alert = draft.alert
    if alert is None:
        return draft
    told = {(*each.place, each.address): each for each in alert.recipients if each.level >= alert.level}

    def knows(each: Candidate) -> bool:
        earlier = told.get((*each.target.place, each.target.address))
        # Who waited on standby may have heard nothing.
        return earlier is not None and (each.target.is_standby or not earlier.is_standby)

    kept = tuple(each for each in draft.candidates if not knows(each))
    left = tuple((each, alert.id) for each in draft.candidates if knows(each) and not each.target.is_standby)
    is_told = any(not each.target.is_standby for each in kept)
    return replace(draft, candidates=kept if is_told else (), left_out=left)


def _known(others: Sequence[Alert], level: int) -> Mapping[tuple[str, str, str], str]:
    """Return who was told that something at least at `level` stands, with the alert under which they were told."""
    found: dict[tuple[str, str, str], str] = {}
    for alert in others:
        # What has fallen below is no news of now, whatever was told of it before.
        if alert.level < level:
            continue
        for each in alert.recipients:
            if each.level >= level and not each.is_ungrouped and not each.is_standby:
                found.setdefault((*each.place, each.address), each.informed_by_alert or alert.id)
    return found


def informed(draft: Draft, now: Iterable[Recipient]) -> tuple[Alert, ...]:
    """Return the others of the incident, knowing that `now` were told of `draft`'s alert at its level.

    Who was told of as much here is reminded here, and need not acknowledge the lesser things by themselves.
    """
    alert = draft.alert
    if alert is None:
        return draft.others
    places = {each.place for each in now if not each.is_standby and not each.is_ungrouped}

    def after(each: Recipient) -> Recipient:
        is_less = each.place in places and 0 < each.level <= alert.level and not (each.is_ungrouped or each.is_standby)
        return replace(each, informed_by_alert=alert.id) if is_less else each

    return tuple(replace(other, recipients=tuple(after(each) for each in other.recipients)) for other in draft.others)


def close(draft: Draft) -> Draft:
    """Close the alert, whose end waits for nothing of its own: tell it now, or with the end of the incident."""
    alert = draft.alert
    if alert is None:
        return draft
    after = replace(draft, alert=replace(alert, is_open=False, end_held_until_ns=0, is_latched=False, ending=None))
    if not draft.others:
        return replace(after, kind=NotificationKind.CLEARED)
    alone = tuple(each for each in alert.recipients if each.is_ungrouped)
    left = tuple(each for each in alert.recipients if not each.is_ungrouped)
    if left:
        heir, *rest = draft.others
        after = replace(after, others=(bequeathed(alert, heir), *rest))
        detail = f"its end is told with that of alert {heir.id}"
        after = decide(after, DecisionVerdict.GROUP, DecisionReason.GROUPED, detail)
    return replace(after, kind=NotificationKind.CLEARED, listeners=alone) if alone or not left else after


def bequeathed(alert: Alert, heir: Alert) -> Alert:
    """Return `heir` with everybody who is still to hear that `alert` is over; of `heir` they know nothing new."""
    known = {each.place for each in heir.recipients if not each.is_ungrouped}
    more = tuple(
        replace(each, level=NO_LEVEL, informed_by_alert=each.informed_by_alert or alert.id)
        for each in alert.recipients
        if not each.is_ungrouped and each.place not in known
    )
    peak = max(heir.ended_peak, alert.peak, alert.ended_peak)
    return replace(heir, recipients=(*heir.recipients, *more), ended=heir.ended + alert.ended + 1, ended_peak=peak)
