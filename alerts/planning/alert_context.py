"""The values that planning works on: `PlanningConfig`, `AlarmTransition` and `AlertContext`.

Input: nothing.
Output: frozen values, and functions that add a decision to a context.
Not responsible for: any decision.
Rejects: nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from alerts.alert import Alert, Decision, DecisionReason, DecisionVerdict, Planned, Recipient
from alerts.links import SignedLinks
from alerts.notification import NotificationKind
from alerts.routing.routes import Routes
from config.quantities import Quantity
from config.register import Register, Sensor
from rules.events import AlarmKey, Extent, Transition, TransitionReason
from rules.rule import RuleSet


@dataclass(frozen=True, slots=True)
class PlanningConfig:
    """The configuration that planning needs; replaced at a reload."""

    register: Register
    quantities: Mapping[str, Quantity]
    ruleset: RuleSet
    routes: Routes
    links: SignedLinks


@dataclass(frozen=True, slots=True)
class AlarmTransition:
    """One transition of an alarm, with names instead of dense numbers."""

    key: AlarmKey
    sensor: Sensor
    transition: Transition
    time_ns: int
    episode_ns: int
    level_before: int
    level_after: int
    value: float
    reason: TransitionReason
    position: int
    received_ns: int
    clock_ns: int
    """Journal clock: the latest `received_ns` so far. A machine's clock that is set back does not set it back."""
    extent: Extent | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible recipient of one message."""

    recipient: Recipient
    origin: str
    """Route and role, for the decision's detail."""
    reason: DecisionReason = DecisionReason.ROUTED
    may_group: bool = True
    """Whether the route allows to leave the message out when the recipient knows of the incident."""


@dataclass(frozen=True, slots=True)
class AlertContext:
    """One transition with its alert on the way through the stages."""

    event: AlarmTransition
    alert: Alert
    """The alert of the transition, with the changes so far."""
    is_new: bool = False
    """Whether this transition opens the alert."""
    is_chattering: bool = False
    """Whether the alarm chatters, this transition included."""
    is_return: bool = False
    """Whether the alarm returned before its end was announced: only recipients without the message get it."""
    hazard: str = ""
    """The kind of danger of a new alert."""
    incident_alerts: tuple[Alert, ...] = ()
    """The other open alerts of the incident, oldest first, with the changes so far."""
    kind: NotificationKind | None = None
    """The kind of message; None when there is no message."""
    recipients: tuple[Recipient, ...] | None = None
    """Recipients of an end or a reminder; None: all recipients of the alert."""
    candidates: tuple[Candidate, ...] = ()
    informed: tuple[tuple[Candidate, str], ...] = ()
    """Candidates that know already, each with the id of the alert that informed it."""
    planned: tuple[Planned, ...] = ()
    suppressed: tuple[Planned, ...] = ()
    """Messages that are sent only when the message that informed the recipient does not arrive."""
    decisions: tuple[Decision, ...] = ()


Stage = Callable[[AlertContext, PlanningConfig], AlertContext]


def skip(context: AlertContext, reason: DecisionReason, detail: str = "") -> AlertContext:
    """Return `context` without a message, with the reason."""
    return decide(replace(context, kind=None), DecisionVerdict.SKIP, reason, detail)


def decide(context: AlertContext, verdict: DecisionVerdict, reason: DecisionReason, detail: str) -> AlertContext:
    """Return `context` with one more decision."""
    event = context.event
    decision = Decision(context.alert.id, event.key.id, event.position, event.time_ns, verdict, reason, detail)
    return replace(context, decisions=(*context.decisions, decision))
