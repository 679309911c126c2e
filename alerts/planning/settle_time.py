"""The settle time: what an alert told is held over until its alarm has been calm for long enough.

Comes in: a `Draft` whose alarm is over, or back. Goes out: the same with its alert held, closed or told again to who
does not know. Refuses to hold back a level that is higher than any before, and what nobody was told.
"""

from dataclasses import replace

from alerts.alert import DecisionReason, DecisionVerdict
from alerts.chatter import CHATTER_NS
from alerts.notification import NotificationKind
from alerts.planning.draft import District, Draft, decide, skip
from rules.events import Dimension

UNTOLD = "its end is not told yet"


def held(draft: Draft, district: District) -> Draft:
    """Return `draft` with its alert held until its alarm has been calm for long enough; as it is where nothing waits.

    An alarm that chatters is held for as long as chatter takes to end, if the settle time is shorter.
    """
    event, alert = draft.occurrence, draft.alert
    if alert is None:
        return draft
    chatter_ns = CHATTER_NS if draft.is_chattering and alert.dimension is Dimension.HAZARD else 0
    settle_ns = round(district.routes.settle_s * 1e9) if alert.recipients else 0
    hold_ns = max(chatter_ns, settle_ns)
    if not hold_ns:
        return draft
    reason = DecisionReason.CHATTERING if chatter_ns else DecisionReason.SETTLING
    # On the clock of reminders: one that is set back and forth brings no end early.
    draft = replace(draft, alert=replace(alert, end_held_until_ns=event.clock_ns + hold_ns))
    return skip(draft, reason, UNTOLD)


def returned(draft: Draft, kind: NotificationKind, reason: DecisionReason, detail: str) -> Draft:
    """Return `draft` of an alarm that is back before its end was told: news only to who does not know of it."""
    return decide(replace(draft, kind=kind, is_return=True), DecisionVerdict.SKIP, reason, detail)


def recovered(draft: Draft) -> Draft:
    """Close the alert of a device that is back, and tell it."""
    alert = draft.alert
    if alert is None:
        return draft
    after = replace(alert, alarms=(), is_open=False, end_held_until_ns=0, ending=None)
    return replace(draft, alert=after, kind=NotificationKind.DEVICE_RECOVERED)
