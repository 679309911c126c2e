"""Open alerts that can never end by themselves, because the rules no longer hold the alarm that opened them.

Comes in: the open alerts, and what the restored rules hold active. Goes out: a `Plan` that closes those alerts, each
with its reason. Refuses to tell anybody: nobody saw the danger end, and "return to normal" would be a lie.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Plan
from alerts.planning.incidents import bequeathed
from config.levels import NO_LEVEL


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules know at one journal position."""

    known: Collection[str]
    """Ids of all alarms of today's configuration."""
    active: Mapping[str, str]
    """Alarm id to the subject that its alert has, for every alarm that is active."""
    position: int
    """Journal position that this is true for."""
    now_ns: int
    """UTC nanoseconds."""


def plan_orphans(open_alerts: Iterable[Alert], standing: Standing) -> Plan:
    """Return what becomes of alerts whose alarms are gone; without decisions when every alert still has its alarms.

    A device fault that keeps one of its alarms stays open with the rest. The alert keeps `changed_ns`: no reading
    changed it.
    """
    closed: list[Alert] = []
    still_open: list[Alert] = []
    decisions: list[Decision] = []
    for alert in open_alerts:
        kept = tuple(each for each in alert.alarms if _is_held(alert, each, standing))
        if kept == alert.alarms:
            still_open.append(alert)
            continue
        decisions += [_decision(alert, each, standing) for each in alert.alarms if each not in kept]
        after = replace(alert, alarms=kept, is_open=bool(kept), level=alert.level if kept else NO_LEVEL)
        closed.append(after)
        if after.is_open:
            still_open.append(after)
    heirs = _heirs(closed, still_open)
    remaining = tuple(heirs.get(each.id, each) for each in still_open)
    return Plan((*closed, *heirs.values()), (), tuple(decisions), remaining)


def _heirs(closed: Iterable[Alert], still_open: Sequence[Alert]) -> Mapping[str, Alert]:
    """Return those of `still_open` that now tell the ends which `closed` alerts of their incident were to tell."""
    heirs: dict[str, Alert] = {}
    for alert in closed:
        heir = next((each for each in still_open if each.incident == alert.incident), None)
        if alert.is_open or not alert.ended or heir is None:
            continue
        # Its own end was not seen and is told to nobody; those of before were.
        owed = tuple(each for each in alert.recipients if not each.level)
        passed = replace(alert, recipients=owed, peak=alert.ended_peak, ended=alert.ended - 1)
        heirs[heir.id] = bequeathed(passed, heirs.get(heir.id, heir))
    return heirs


def _is_held(alert: Alert, alarm: str, standing: Standing) -> bool:
    """Return whether the rules hold `alarm`, or it is over and the alert waits for something else."""
    return alarm in standing.known if alert.is_over else standing.active.get(alarm) == alert.subject


def end_was_seen(decisions: Sequence[Decision]) -> bool:
    """Return whether an alert that is over, with all its `decisions` in order, was not closed by `plan_orphans`."""
    taken = [each.reason for each in decisions if each.verdict not in _DISPATCHED]
    return not taken or taken[-1] not in _UNSEEN


_UNSEEN = (DecisionReason.CONFIGURATION_CHANGED, DecisionReason.STATE_LOST)
_DISPATCHED = (DecisionVerdict.WITHDRAW, DecisionVerdict.FALL_BACK)
"""What the dispatcher decides, at any later time."""


def _decision(alert: Alert, alarm: str, standing: Standing) -> Decision:
    is_gone = alarm not in standing.known or alarm in standing.active
    reason = DecisionReason.CONFIGURATION_CHANGED if is_gone else DecisionReason.STATE_LOST
    told = ", ".join(dict.fromkeys(each.contact for each in alert.recipients)) or "nobody"
    detail = f"{alarm}: its end was not seen; not told: {told}"
    return Decision(alert.id, alarm, standing.position, standing.now_ns, DecisionVerdict.SKIP, reason, detail)
