"""The life cycle of an alert: its phases, the events that change them, and the state that people see.

Input: an `Alert` and an event.
Output: the alert in its next phase, or its `AlarmState`.
Not responsible for: the choice of the event, see `alerts.planning`; acknowledgements, which the ledger keeps.
Rejects: an event that the table does not have for the phase (`LifeCycleError`).

As in OPC UA Part 9 (10000-9) the active state and the acknowledged state are independent. `LIFE_CYCLE` has the phases.
`STATES` combines a phase with the acknowledgement. Words: ISA-18.2 and IEC 62682. A part of docs/alarm-state.md is
generated from both tables.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from alerts.alert import Alert, Ending


class AlertPhase(StrEnum):
    """The phase of one alert."""

    NONE = "no alert"
    """The alert is not opened."""
    ACTIVE = "active"
    """An alarm of the alert is active."""
    HELD = "held"
    """Every alarm is over, and the end waits for a time."""
    LATCHED = "latched"
    """The alarm is over, and the end waits for an acknowledgement, and for a time where one is set."""
    CLOSED = "closed"
    """The end is announced, or belongs to another alert of the incident."""


class LifeCycleEvent(StrEnum):
    """An event in the life of one alert."""

    ALARM_ACTIVE = "an alarm becomes active or changes its level"
    ALARM_OVER = "the last alarm is over"
    ALARM_OVER_HELD = "the last alarm is over: settle time or chattering"
    ALARM_OVER_LATCHED = "the alarm is over: its level is latched"
    END_DUE = "the hold is over, and a latch is acknowledged"
    ALARM_LOST = "the rules do not hold the alarm"


class LifeCycleError(ValueError):
    """The table has no such event for this phase: a defect of the program."""


_P, _E = AlertPhase, LifeCycleEvent
_OPEN = {
    _E.ALARM_ACTIVE: _P.ACTIVE,
    _E.ALARM_OVER: _P.CLOSED,
    _E.ALARM_OVER_HELD: _P.HELD,
    _E.ALARM_OVER_LATCHED: _P.LATCHED,
    _E.ALARM_LOST: _P.CLOSED,
}

LIFE_CYCLE: Mapping[AlertPhase, Mapping[LifeCycleEvent, AlertPhase]] = {
    _P.NONE: {_E.ALARM_ACTIVE: _P.ACTIVE},
    _P.ACTIVE: _OPEN,
    _P.HELD: {**_OPEN, _E.END_DUE: _P.CLOSED},
    _P.LATCHED: {**_OPEN, _E.END_DUE: _P.CLOSED},
    _P.CLOSED: {},
}
"""The phase after each event. A closed alert stays closed: the next episode opens another alert."""


class AlarmState(StrEnum):
    """The state of an alarm for people, as the console and the API show it."""

    UNACKNOWLEDGED = "unacknowledged"
    """Active and not acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    """Active and acknowledged."""
    LATCHED = "latched"
    """Over, and waiting for an acknowledgement."""
    SETTLING = "settling"
    """Over, and its end waits until the alarm has been calm for long enough."""
    RETURNED = "returned"
    """Over and announced, never acknowledged."""
    NORMAL = "normal"
    """Over, announced and acknowledged; also the state without any alert."""


STATES: Mapping[AlertPhase, tuple[AlarmState, AlarmState]] = {
    _P.NONE: (AlarmState.NORMAL, AlarmState.NORMAL),
    _P.ACTIVE: (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED),
    _P.HELD: (AlarmState.SETTLING, AlarmState.SETTLING),
    _P.LATCHED: (AlarmState.LATCHED, AlarmState.SETTLING),
    _P.CLOSED: (AlarmState.RETURNED, AlarmState.NORMAL),
}
"""The state of a phase: without an acknowledgement, with one."""


def phase_of(alert: Alert) -> AlertPhase:
    """Return the phase of an alert that was opened."""
    if not alert.is_open:
        return AlertPhase.CLOSED
    if alert.is_latched:
        return AlertPhase.LATCHED
    return AlertPhase.HELD if alert.end_held_until_ns else AlertPhase.ACTIVE


def state_of(alert: Alert) -> AlarmState:
    """Return the state of `alert`."""
    return STATES[phase_of(alert)][alert.acknowledged_ns is not None]


def advance(
    alert: Alert,
    event: LifeCycleEvent,
    *,
    is_new: bool = False,
    held_until_ns: int = 0,
    ending: Ending | None = None,
) -> Alert:
    """Return `alert` in the phase after `event`.

    Args:
        alert: the alert before.
        event: the event.
        is_new: whether the event opens the alert.
        held_until_ns: journal clock until which the end is held; for the events that hold an end.
        ending: how the alarm ended; kept only while the end waits.

    Raises:
        LifeCycleError: the event cannot happen in this phase.
    """
    before = AlertPhase.NONE if is_new else phase_of(alert)
    after = LIFE_CYCLE[before].get(event)
    if after is None:
        raise LifeCycleError(f"alert {alert.id}: expected an event of phase {before}, got {event.name}")
    is_waiting = after in (AlertPhase.HELD, AlertPhase.LATCHED)
    return replace(
        alert,
        is_open=after is not AlertPhase.CLOSED,
        is_latched=after is AlertPhase.LATCHED,
        end_held_until_ns=held_until_ns if is_waiting else 0,
        ending=ending if is_waiting else None,
    )
