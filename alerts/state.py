"""The state of an alert in the words of ISA-18.2 and OPC UA Part 9, as docs/alarm-state.md lists them.

Comes in: an `Alert`. Goes out: its `AlarmState`. Refuses to change it.
"""

from enum import StrEnum

from alerts.alert import Alert


class AlarmState(StrEnum):
    """Where an alarm stands for people."""

    UNACKNOWLEDGED = "unacknowledged"
    """Active, and nobody has acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    """Active, and somebody has."""
    LATCHED = "latched"
    """Over, and waiting for an acknowledgement."""
    SETTLING = "settling"
    """Over, and its end waits until it has been calm for long enough."""
    RETURNED = "returned"
    """Over and told so; nobody had acknowledged."""
    NORMAL = "normal"


def state_of(alert: Alert) -> AlarmState:
    """Return the state of `alert`."""
    is_answered = alert.acknowledged_ns is not None
    if not alert.is_open:
        return AlarmState.NORMAL if is_answered else AlarmState.RETURNED
    if alert.is_over:
        return AlarmState.LATCHED if alert.is_latched and not is_answered else AlarmState.SETTLING
    return AlarmState.ACKNOWLEDGED if is_answered else AlarmState.UNACKNOWLEDGED
