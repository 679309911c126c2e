"""`District`, `Occurrence` and `Draft`: what the stages of planning work on, and how they note a decision.

Comes in: nothing. Goes out: frozen values. Refuses to decide anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Planned, Recipient
from alerts.links import SignedLinks
from alerts.notification import NotificationKind
from alerts.routing.routes import Routes
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.events import AlarmKey, Extent, Reason, Transition
from rules.rule import RuleSet


@dataclass(frozen=True, slots=True)
class District:
    """Everything that planning knows besides transitions and open alerts; replaced when the configuration is."""

    register: Register
    quantities: Mapping[str, Quantity]
    ruleset: RuleSet
    routes: Routes
    links: SignedLinks
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    """Local time in messages."""


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
    clock_ns: int
    """The latest `received_ns` of the journal so far: a machine's clock that is set back does not set back this one."""
    extent: Extent | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a route wants to tell."""

    target: Recipient
    why: str
    """Route and role, for the decision's detail."""
    decision: DecisionReason = DecisionReason.ROUTED
    may_group: bool = True
    """Their route lets a message be left out when they know of the incident."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One transition on its way through the stages."""

    occurrence: Occurrence
    alert: Alert | None
    """The open alert it belongs to, changed by it; None before one is opened, and where there will be none."""
    kind: NotificationKind | None = None
    """What is said; None when nothing is."""
    candidates: tuple[Candidate, ...] = ()
    left_out: tuple[tuple[Candidate, str], ...] = ()
    """Who knows already, each with the id of the alert under which they were told; this one's own of a return."""
    listeners: tuple[Recipient, ...] | None = None
    """Who hears of an end or is reminded; None: everybody who was told."""
    planned: tuple[Planned, ...] = ()
    withheld: tuple[Planned, ...] = ()
    decisions: tuple[Decision, ...] = ()
    is_chattering: bool = False
    """The alarm turns too often, this transition included."""
    is_return: bool = False
    """The alarm is back before anybody was told of its end: only who does not know of it is told."""
    hazard: str = ""
    """The kind of danger of a new alert."""
    others: tuple[Alert, ...] = ()
    """The other open alerts of the incident, oldest first, changed by it."""


Stage = Callable[[Draft, District], Draft]


def skip(draft: Draft, reason: DecisionReason, detail: str = "") -> Draft:
    """Return `draft` with nothing to say, and why."""
    return decide(replace(draft, kind=None), DecisionVerdict.SKIP, reason, detail)


def decide(draft: Draft, verdict: DecisionVerdict, reason: DecisionReason, detail: str) -> Draft:
    """Return `draft` with one more decision."""
    event = draft.occurrence
    alert = draft.alert.id if draft.alert else ""
    decision = Decision(alert, event.key.id, event.position, event.time_ns, verdict, reason, detail)
    return replace(draft, decisions=(*draft.decisions, decision))
