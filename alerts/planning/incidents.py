"""Incidents: open alarms of one asset and one kind of danger share their messages.

Input: the open alerts, and an `AlertContext`.
Output: the context without recipients that know already, and alerts that wait for the end of the incident.
Not responsible for: texts and delivery.
Rejects: nothing.

These are no reason to leave a message out: a lower level, another kind of danger, an alarm that is over. A message on
standby is no reason either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Recipient
from alerts.notification import BEGINNINGS, NotificationKind
from alerts.planning.alert_context import AlertContext, Candidate, PlanningConfig, decide
from alerts.state import LifeCycleEvent, advance
from config.levels import NO_LEVEL, WarningLevel
from rules.events import Dimension
from rules.rule import Rule, RuleSet, Side
from rules.statistics.rates import Direction

_SIDES = {Direction.FALL: Side.LOW, Direction.RISE: Side.HIGH}
_TIMES = ("s", "min", "h", "d")


class OpenAlerts:
    """The open alerts while a plan is made."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        """Begin with the open `alerts`."""
        self._alerts: dict[tuple[Dimension, str], Alert] = {}
        self._subjects: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for alert in alerts:
            self.put(alert)

    def put(self, alert: Alert) -> None:
        """Store the newest state of `alert`; remove it when it is closed."""
        subjects = self._subjects[alert.asset, alert.hazard]
        if alert.is_open:
            self._alerts[alert.dimension, alert.subject] = alert
            subjects[alert.subject] = None
        else:
            self._alerts.pop((alert.dimension, alert.subject), None)
            subjects.pop(alert.subject, None)

    def find(self, dimension: Dimension, subject: str) -> Alert | None:
        """Return the open alert of `subject`."""
        return self._alerts.get((dimension, subject))

    def find_others(self, asset: str, hazard: str, subject: str) -> tuple[Alert, ...]:
        """Return the open alerts of one kind of danger at `asset`, except the alert of `subject`, oldest first.

        Green is no danger: a permit that stays active for a month delays no return to normal.
        """
        subjects = [each for each in self._subjects.get((asset, hazard), ()) if each != subject] if hazard else []
        found = (self._alerts[Dimension.HAZARD, each] for each in subjects)
        dangers = [each for each in found if each.peak > WarningLevel.GREEN]
        return tuple(sorted(dangers, key=lambda each: (each.opened_ns, each.id)))

    def all(self) -> tuple[Alert, ...]:
        """Return all open alerts."""
        return tuple(self._alerts.values())


def hazard_of(rule: Rule, quantity: str, ruleset: RuleSet) -> str:
    """Return the kind of danger that `rule` finds in `quantity`: too low or falling, too high or rising.

    A rule without a side, or with a forecast of a time, is a kind of its own. Only its own alarms share messages.
    """
    direction = getattr(rule.options, "direction", None)
    upstream = getattr(rule.options, "rule", None)
    if upstream in {each.id for each in ruleset}:
        return hazard_of(ruleset.rule(upstream), quantity, ruleset)
    if direction in _SIDES and not (rule.derived and rule.derived.unit in _TIMES):
        return f"{quantity}/{_SIDES[direction]}"
    is_plain = direction is None and rule.derived is None and rule.levels and not rule.levels[0].because_zh
    return f"{quantity}/{rule.levels[0].side if is_plain else rule.id}"


def with_incident(context: AlertContext, open_alerts: OpenAlerts, config: PlanningConfig) -> AlertContext:
    """Return `context` with the other open alerts of its incident."""
    event, alert = context.event, context.alert
    if event.key.dimension is Dimension.HEALTH:
        return context
    hazard = alert.hazard
    if alert.peak <= WarningLevel.GREEN:
        hazard = hazard_of(config.ruleset.rule(event.key.rule), event.sensor.quantity, config.ruleset)
    others = open_alerts.find_others(alert.asset, hazard, event.key.id)
    return replace(context, hazard=hazard, incident_alerts=others)


def apply_changes(context: AlertContext, open_alerts: OpenAlerts) -> Mapping[str, Alert]:
    """Return the alerts that `context` changes, by id, and store them in `open_alerts`."""
    changed: dict[str, Alert] = {}
    for other in context.incident_alerts:
        if open_alerts.find(other.dimension, other.subject) != other:
            changed[other.id] = other
    changed[context.alert.id] = context.alert
    for alert in changed.values():
        open_alerts.put(alert)
    return changed


def join_incident(context: AlertContext) -> Alert:
    """Return the alert of `context` as part of its incident, unless it has been a danger before."""
    alert = context.alert
    if alert.peak > WarningLevel.GREEN or not context.hazard:
        return alert
    incident = context.incident_alerts[0].incident if context.incident_alerts else alert.id
    return replace(alert, hazard=context.hazard, incident=incident)


def leave_out_informed(context: AlertContext, _config: PlanningConfig) -> AlertContext:
    """Leave out recipients that know of an active alarm of the incident at this level, each with its reason.

    After a return, recipients that know of this alert at its level are left out too.
    """
    if context.is_return:
        context = _leave_out_own_recipients(context)
    if context.kind not in BEGINNINGS:
        return context
    informed_by = _find_informed(context.incident_alerts, context.alert.level)
    kept: list[Candidate] = []
    informed = list(context.informed)
    for each in context.candidates:
        alert_id = informed_by.get((*each.recipient.place, each.recipient.address))
        if alert_id is None or not each.may_group or each.recipient.is_standby:
            kept.append(each)
            continue
        informed.append((each, alert_id))
        detail = f"{each.origin} {each.recipient.contact}: told under alert {alert_id}"
        context = decide(context, DecisionVerdict.GROUP, DecisionReason.GROUPED, detail)
    return replace(context, candidates=tuple(kept), informed=tuple(informed))


def _leave_out_own_recipients(context: AlertContext) -> AlertContext:
    """Leave out recipients that know of the alert at its level; without a message at once there is no standby."""
    alert = context.alert
    known = {(*each.place, each.address): each for each in alert.recipients if each.level >= alert.level}

    def is_informed(each: Candidate) -> bool:
        earlier = known.get((*each.recipient.place, each.recipient.address))
        # A recipient on standby may have received no message.
        return earlier is not None and (each.recipient.is_standby or not earlier.is_standby)

    kept = tuple(each for each in context.candidates if not is_informed(each))
    left = tuple((each, alert.id) for each in context.candidates if is_informed(each) and not each.recipient.is_standby)
    has_message = any(not each.recipient.is_standby for each in kept)
    return replace(context, candidates=kept if has_message else (), informed=left)


def _find_informed(others: Sequence[Alert], level: int) -> Mapping[tuple[str, str, str], str]:
    """Return the recipients that know of an active alarm at `level` or higher, with the alert of their message."""
    found: dict[tuple[str, str, str], str] = {}
    for alert in others:
        # An alarm that is below the level now is no news of now, whatever its messages said before.
        if alert.level < level:
            continue
        for each in alert.recipients:
            if each.level >= level and not each.is_ungrouped and not each.is_standby:
                found.setdefault((*each.place, each.address), each.informed_by_alert or alert.id)
    return found


def mark_informed(context: AlertContext) -> tuple[Alert, ...]:
    """Return the other alerts of the incident, with the candidates of `context` marked as informed by its alert.

    The alert of `context` reminds these recipients, and they need not acknowledge the lower alerts separately.
    """
    alert = context.alert
    groupable = [each for each in context.candidates if each.may_group and not each.recipient.is_standby]
    places = {each.recipient.place for each in groupable}

    def mark(each: Recipient) -> Recipient:
        is_lower = 0 < each.level <= alert.level and not (each.is_ungrouped or each.is_standby)
        return replace(each, informed_by_alert=alert.id) if is_lower and each.place in places else each

    return tuple(
        replace(other, recipients=tuple(mark(each) for each in other.recipients)) for other in context.incident_alerts
    )


def close_alert(context: AlertContext, event: LifeCycleEvent) -> AlertContext:
    """Close the alert of an alarm that is over, by `event`; announce its end now, or with the end of the incident."""
    alert = context.alert
    closed = replace(context, alert=advance(alert, event))
    if not context.incident_alerts:
        return replace(closed, kind=NotificationKind.CLEARED)
    ungrouped = tuple(each for each in alert.recipients if each.is_ungrouped)
    if len(ungrouped) < len(alert.recipients):
        successor, *rest = context.incident_alerts
        closed = replace(closed, incident_alerts=(hand_over_end(alert, successor), *rest))
        detail = f"its end is told with that of alert {successor.id}"
        closed = decide(closed, DecisionVerdict.GROUP, DecisionReason.GROUPED, detail)
        if not ungrouped:
            return closed
    return replace(closed, kind=NotificationKind.CLEARED, recipients=ungrouped)


def hand_over_end(alert: Alert, successor: Alert) -> Alert:
    """Return `successor` with the recipients that must still receive the end of `alert`.

    These recipients know of no level of `successor`.
    """
    known = {each.place for each in successor.recipients if not each.is_ungrouped}
    added = tuple(
        replace(each, level=NO_LEVEL, informed_by_alert=each.informed_by_alert or alert.id)
        for each in alert.recipients
        if not each.is_ungrouped and each.place not in known
    )
    return replace(
        successor,
        recipients=(*successor.recipients, *added),
        ended=successor.ended + alert.ended + 1,
        ended_peak=max(successor.ended_peak, alert.peak, alert.ended_peak),
    )
