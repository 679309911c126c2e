"""The states of one level of an alarm, and the state that follows each event.

Input: nothing.
Output: `LevelState`, `LevelEvent`, the tables `EVENT_TABLE` and `DELAY_OVER`, and `next_state`.
Not responsible for: limits, times and columns; `LevelStates` computes the same for many alarms at once.
Rejects: nothing.

A level is one of the five warning levels of one rule for one sensor. An event changes its state by `EVENT_TABLE`. Two
rules follow. A level that needs no heartbeat is proven at once (`PROVEN`). A delay that is over completes
(`DELAY_OVER`). The page `docs/alarm-state.md` is generated from these tables. A test compares every state and event
with the columns of `LevelStates`.

Source: on-delay, off-delay and deadband as in OPC UA Part 9 (10000-9), annex B.1.5; states of an alarm as in
ISA-18.2 and IEC 62682.
"""

from collections.abc import Mapping
from enum import IntEnum


class LevelState(IntEnum):
    """The state of one level."""

    INACTIVE = 0
    """The condition does not hold and the level is not active."""
    ON_DELAY_UNPROVEN = 1
    """The condition holds, the on-delay runs, and no heartbeat has advanced since the delay began."""
    ON_DELAY = 2
    """The condition holds, the on-delay runs, and nothing else is missing."""
    ACTIVE = 3
    """The level is active and the condition holds."""
    OFF_DELAY_UNPROVEN = 4
    """The condition is over, the off-delay runs, and no heartbeat has advanced since the delay began."""
    OFF_DELAY = 5
    """The condition is over, the off-delay runs, and nothing else is missing."""


class LevelEvent(IntEnum):
    """An event that one reading or one heartbeat is for one level."""

    VALUE_BEYOND = 0
    """A value at the limit or beyond it."""
    VALUE_IN_DEADBAND = 1
    """A value between limit and reset value; out of season, also a value beyond the limit."""
    VALUE_WITHIN = 2
    """A value behind the reset value."""
    VALUE_UNKNOWN = 3
    """The value is not known (a composite rule with a blind sensor)."""
    GAP = 4
    """Before a value: longer than the stale time without one, after an unknown one, or with another clock."""
    HEARTBEAT = 5
    """The heartbeat of the device advances, at a later time than the start of the delay."""


_S, _E = LevelState, LevelEvent

EVENT_TABLE: Mapping[LevelState, Mapping[LevelEvent, LevelState]] = {
    _S.INACTIVE: {
        _E.VALUE_BEYOND: _S.ON_DELAY_UNPROVEN,
        _E.VALUE_IN_DEADBAND: _S.INACTIVE,
        _E.VALUE_WITHIN: _S.INACTIVE,
        _E.VALUE_UNKNOWN: _S.INACTIVE,
        _E.GAP: _S.INACTIVE,
        _E.HEARTBEAT: _S.INACTIVE,
    },
    _S.ON_DELAY_UNPROVEN: {
        _E.VALUE_BEYOND: _S.ON_DELAY_UNPROVEN,
        _E.VALUE_IN_DEADBAND: _S.ON_DELAY_UNPROVEN,
        _E.VALUE_WITHIN: _S.INACTIVE,
        _E.VALUE_UNKNOWN: _S.ON_DELAY_UNPROVEN,
        _E.GAP: _S.ON_DELAY_UNPROVEN,
        _E.HEARTBEAT: _S.ON_DELAY,
    },
    _S.ON_DELAY: {
        _E.VALUE_BEYOND: _S.ON_DELAY,
        _E.VALUE_IN_DEADBAND: _S.ON_DELAY,
        _E.VALUE_WITHIN: _S.INACTIVE,
        _E.VALUE_UNKNOWN: _S.ON_DELAY,
        _E.GAP: _S.ON_DELAY_UNPROVEN,
        _E.HEARTBEAT: _S.ON_DELAY,
    },
    _S.ACTIVE: {
        _E.VALUE_BEYOND: _S.ACTIVE,
        _E.VALUE_IN_DEADBAND: _S.ACTIVE,
        _E.VALUE_WITHIN: _S.OFF_DELAY_UNPROVEN,
        _E.VALUE_UNKNOWN: _S.ACTIVE,
        _E.GAP: _S.ACTIVE,
        _E.HEARTBEAT: _S.ACTIVE,
    },
    _S.OFF_DELAY_UNPROVEN: {
        _E.VALUE_BEYOND: _S.ACTIVE,
        _E.VALUE_IN_DEADBAND: _S.OFF_DELAY_UNPROVEN,
        _E.VALUE_WITHIN: _S.OFF_DELAY_UNPROVEN,
        _E.VALUE_UNKNOWN: _S.OFF_DELAY_UNPROVEN,
        _E.GAP: _S.OFF_DELAY_UNPROVEN,
        _E.HEARTBEAT: _S.OFF_DELAY,
    },
    _S.OFF_DELAY: {
        _E.VALUE_BEYOND: _S.ACTIVE,
        _E.VALUE_IN_DEADBAND: _S.OFF_DELAY,
        _E.VALUE_WITHIN: _S.OFF_DELAY,
        _E.VALUE_UNKNOWN: _S.OFF_DELAY,
        _E.GAP: _S.OFF_DELAY_UNPROVEN,
        _E.HEARTBEAT: _S.OFF_DELAY,
    },
}
"""The state after each event, while the delay runs. A gap also restarts the delay, at the value after it."""

PROVEN: Mapping[LevelState, LevelState] = {
    _S.ON_DELAY_UNPROVEN: _S.ON_DELAY,
    _S.OFF_DELAY_UNPROVEN: _S.OFF_DELAY,
}
"""The state instead, where no heartbeat is needed: to begin without `live`, to end without a heartbeat sensor."""

DELAY_OVER: Mapping[LevelState, LevelState] = {_S.ON_DELAY: _S.ACTIVE, _S.OFF_DELAY: _S.INACTIVE}
"""The state when the delay is over: after its time and its number of readings, at a known value."""


def next_state(state: LevelState, event: LevelEvent, *, needs_heartbeat: bool, is_delay_over: bool) -> LevelState:
    """Return the state after `event`.

    Args:
        state: the state before.
        event: the event.
        needs_heartbeat: whether the delay that runs after the event needs a heartbeat.
        is_delay_over: whether that delay is over with this event.

    >>> next_state(LevelState.INACTIVE, LevelEvent.VALUE_BEYOND, needs_heartbeat=False, is_delay_over=False).name
    'ON_DELAY'
    >>> next_state(LevelState.ON_DELAY, LevelEvent.VALUE_BEYOND, needs_heartbeat=False, is_delay_over=True).name
    'ACTIVE'
    """
    after = EVENT_TABLE[state][event]
    if not needs_heartbeat:
        after = PROVEN.get(after, after)
    is_known = event not in {LevelEvent.VALUE_UNKNOWN, LevelEvent.GAP}
    return DELAY_OVER.get(after, after) if is_delay_over and is_known else after
