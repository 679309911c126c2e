"""Orphans: open alerts that can never end by themselves, because the rules no longer hold their alarm.

Input: the open alerts, and the alarms that the restored rules hold.
Output: a `Plan` that closes these alerts, each with its reason.
Not responsible for: alarms that the rules hold.
Rejects: nothing.

There is no message: no reading showed the end of the danger, so "return to normal" would be false.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Plan
from alerts.planning.incidents import hand_over_end
from alerts.state import LifeCycleEvent, advance
from config.levels import NO_LEVEL

_CLOSED_UNSEEN = (DecisionReason.CONFIGURATION_CHANGED, DecisionReason.STATE_LOST)
_BY_DISPATCHER = (DecisionVerdict.WITHDRAW, DecisionVerdict.FALL_BACK)
"""Decisions of the dispatcher, which come at any later time."""


@dataclass(frozen=True, slots=True)
class HeldAlarms:
    """The alarms that the rules hold at one journal position."""

    known: Collection[str]
    """Ids of all alarms of the present configuration."""
    active: Mapping[str, str]
    """Alarm id to the subject of its alert, for every active alarm."""
    position: int
    """The journal position."""
    now_ns: int
    """UTC nanoseconds."""


def plan_orphans(open_alerts: Iterable[Alert], held: HeldAlarms) -> Plan:
    """Return the plan that closes alerts without their alarms; without decisions when every alert has its alarms.

    A device fault that keeps one of its alarms stays open with the rest. The alert keeps `changed_ns`: no reading
    changed it.
    """
    closed: list[Alert] = []
    still_open: list[Alert] = []
    decisions: list[Decision] = []
    for alert in open_alerts:
        kept = tuple(each for each in alert.alarms if _is_held(alert, each, held))
        if kept == alert.alarms:
            still_open.append(alert)
            continue
        decisions += [_decide_unseen_end(alert, each, held) for each in alert.alarms if each not in kept]
        after = replace(alert, alarms=kept)
        if not kept:
            after = replace(advance(after, LifeCycleEvent.ALARM_LOST), level=NO_LEVEL)
        closed.append(after)
        if after.is_open:
            still_open.append(after)
    successors = _hand_over_ends(closed, still_open)
    remaining = tuple(successors.get(each.id, each) for each in still_open)
    return Plan((*closed, *successors.values()), (), tuple(decisions), remaining)


def is_end_seen(decisions: Sequence[Decision]) -> bool:
    """Return whether a reading ended an alert that is over; `decisions` are all its decisions in order.

    It is false for an alert that `plan_orphans` closed.
    """
    taken = [each.reason for each in decisions if each.verdict not in _BY_DISPATCHER]
    return not taken or taken[-1] not in _CLOSED_UNSEEN


def _hand_over_ends(closed: Iterable[Alert], still_open: Sequence[Alert]) -> Mapping[str, Alert]:
    """Return the alerts of `still_open` that announce the ends which `closed` alerts of their incident still owed."""
    successors: dict[str, Alert] = {}
    for alert in closed:
        successor = next((each for each in still_open if each.incident == alert.incident), None)
        if alert.is_open or not alert.ended or successor is None:
            continue
        # The end of `alert` was not seen and is not announced; the ends before it were seen.
        owed = tuple(each for each in alert.recipients if not each.level)
        passed = replace(alert, recipients=owed, peak=alert.ended_peak, ended=alert.ended - 1)
        successors[successor.id] = hand_over_end(passed, successors.get(successor.id, successor))
    return successors


def _is_held(alert: Alert, alarm: str, held: HeldAlarms) -> bool:
    """Return whether the rules hold `alarm`, or it is over and its end waits for something else."""
    return alarm in held.known if alert.is_over else held.active.get(alarm) == alert.subject


def _decide_unseen_end(alert: Alert, alarm: str, held: HeldAlarms) -> Decision:
    is_gone = alarm not in held.known or alarm in held.active
    reason = DecisionReason.CONFIGURATION_CHANGED if is_gone else DecisionReason.STATE_LOST
    contacts = ", ".join(dict.fromkeys(each.contact for each in alert.recipients)) or "nobody"
    detail = f"{alarm}: its end was not seen; not told: {contacts}"
    return Decision(alert.id, alarm, held.position, held.now_ns, DecisionVerdict.SKIP, reason, detail)
