"""What the passing of time changes for people: reminders of what nobody has acknowledged, and ends that had to wait.

Comes in: open alerts, a moment of the journal, who has acknowledged. Goes out: a `Plan`. Refuses to know any clock but
the journal's: an alert is due by what it says itself, so that cuts and restarts change nothing.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from alerts.alert import Alert, DecisionReason, DecisionVerdict, Ending, Plan
from alerts.notification import NotificationKind
from alerts.planning.draft import District, Draft, Occurrence, decide
from alerts.planning.incidents import Book, close
from alerts.planning.settle_time import recovered
from alerts.planning.stages import TELLING, beside, changed, told
from config.levels import WarningLevel
from rules.events import AlarmKey, Dimension, Reason, Transition

REALARM_S = {WarningLevel.ORANGE: 1800.0, WarningLevel.RED: 600.0}
"""How long an unacknowledged danger waits until it is told again; assumed. Lower levels are told once."""
NEVER_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the journal and its time."""

    position: int
    received_ns: int
    clock_ns: int
    """The latest `received_ns` so far: what time runs on, for a clock set back and forth is no time that passed."""


def due_ns(alert: Alert, district: District) -> int:
    """Return the time from which `alert` wants a look; `NEVER_NS` while only readings can change it.

    It is one of the latest received times.
    """
    if not alert.is_open:
        return NEVER_NS
    if alert.is_over:
        return alert.end_held_until_ns
    wait_ns = _realarm_ns(alert, district) if alert.notified_ns and alert.dimension is Dimension.HAZARD else 0
    return alert.notified_ns + wait_ns if wait_ns else NEVER_NS


def plan_turn(alerts: Sequence[Alert], moment: Moment, acknowledged: Collection[str], district: District) -> Plan:
    """Return what `moment`, before its readings, changes for people.

    Args:
        alerts: open before it.
        moment: where the journal stands.
        acknowledged: ids of those that somebody has acknowledged.
        district: register, rules, routes and links.
    """
    # Never with its last turn: readings received together are one moment, however they were cut into batches.
    turned = [alert for alert in alerts if alert.level_changed_at_receipt_ns != moment.received_ns]
    due = [alert for alert in turned if due_ns(alert, district) <= moment.clock_ns]
    drafts: list[Draft] = []
    touched: dict[str, Alert] = {}
    book = Book(alerts)
    for each in sorted(due, key=lambda each: each.id):
        # An alert before may have changed it.
        alert = book.at(each.dimension, each.subject) or each
        draft = _start(alert, moment, district)
        if draft is not None:
            turn = _end if alert.is_over else _remind
            draft = turn(beside(draft, book, district), district, acknowledged)
            drafts.append(draft)
            touched |= {key: after for key, after in changed(draft, book).items() if after != alert}
    return Plan(
        alerts=tuple(touched.values()),
        planned=tuple(each for draft in drafts for each in draft.planned),
        decisions=tuple(each for draft in drafts for each in draft.decisions),
        open_alerts=book.alerts(),
    )


def _remind(draft: Draft, district: District, acknowledged: Collection[str]) -> Draft:
    """Tell again who knows of a danger that nobody has acknowledged under any alert by which they know it."""
    alert = draft.alert
    if alert is None:
        return draft
    if _is_answered(alert, acknowledged):
        draft = replace(draft, alert=replace(alert, notified_ns=0))
        return decide(draft, DecisionVerdict.SKIP, DecisionReason.ACKNOWLEDGED, "no more reminders")
    reminding = {other.id for other in draft.others if _reminds_for(other, alert, district)}
    waiting = [
        each for each in alert.recipients if each.level and (each.informed_by_alert or alert.id) not in acknowledged
    ]
    listeners = tuple(each for each in waiting if each.informed_by_alert not in reminding)
    if reminding and all(each.is_standby for each in listeners):
        # Whoever told them reminds them too; here it is looked at again, should that one end.
        return replace(draft, alert=replace(alert, notified_ns=draft.occurrence.clock_ns))
    return told(replace(draft, kind=NotificationKind.REMINDED, listeners=listeners), district, TELLING)


def _is_answered(alert: Alert, acknowledged: Collection[str]) -> bool:
    """Return whether somebody acknowledged `alert`, or else every alert under which its people know of it."""
    under = {each.informed_by_alert or alert.id for each in alert.recipients if each.level and not each.is_standby}
    return alert.id in acknowledged or (bool(under) and under <= set(acknowledged))


def _reminds_for(other: Alert, alert: Alert, district: District) -> bool:
    return other.level >= alert.level and due_ns(other, district) != NEVER_NS


def _end(draft: Draft, district: District, acknowledged: Collection[str]) -> Draft:
    alert = draft.alert
    if alert is None or (alert.is_latched and not _is_answered(alert, acknowledged)):
        return draft
    draft = decide(draft, DecisionVerdict.NOTIFY, DecisionReason.CALM, "")
    return told(recovered(draft) if alert.dimension is Dimension.HEALTH else close(draft), district, TELLING)


def _realarm_ns(alert: Alert, district: District) -> int:
    """Return how long `alert` waits until it is told again: the shortest of its routes; 0 for never."""
    asset = district.register.assets.get(alert.asset)
    routes = district.routes.find(alert.dimension, alert.level, asset.domain) if asset else ()
    usual_s = REALARM_S.get(WarningLevel(alert.level), 0.0)
    waits = [usual_s if route.realarm_s is None else route.realarm_s for route in routes]
    return round(min((each for each in waits if each), default=0.0) * 1e9)


def _start(alert: Alert, moment: Moment, district: District) -> Draft | None:
    """Return the draft of a turn of `alert`; None when its sensor has left the register, which closes it elsewhere."""
    alarm, is_over = alert.alarms[-1], alert.is_over
    rule, _, sensor = alarm.partition("/")
    number = district.register.sensor_index.get(sensor)
    if number is None:
        return None
    # A ledger of before has no ending.
    ending = alert.ending or Ending(Reason.BACK_WITHIN if is_over else Reason.LIMIT_HELD)
    occurrence = Occurrence(
        key=AlarmKey(rule, number, alert.dimension, alarm),
        sensor=district.register.sensors[number],
        transition=Transition.CLEARED if is_over else Transition.ESCALATED,
        time_ns=alert.changed_ns if is_over else alert.opened_ns,
        episode_ns=alert.opened_ns,
        level_before=alert.level,
        level_after=alert.level,
        value=math.nan if alert.value is None else alert.value,
        reason=ending.reason,
        extent=ending.extent,
        position=moment.position,
        received_ns=moment.received_ns,
        clock_ns=moment.clock_ns,
    )
    return Draft(occurrence, alert)
