"""The life cycle of an alert: its table, the code that uses it, and the document that is made from it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Ending
from alerts.state import (
    LIFE_CYCLE,
    STATES,
    AlarmState,
    AlertPhase,
    LifeCycleError,
    LifeCycleEvent,
    advance,
    phase_of,
    state_of,
)
from rules.events import TransitionReason
from tests.alerts.pages import DOCUMENT, PART, life_cycle
from tests.alerts.scenes import HAZARD, ORANGE, plan, raised

ENDING = Ending(TransitionReason.BACK_WITHIN)


def alert_in(phase: AlertPhase):
    """Return an alert in one of the phases after `NONE`."""
    [active] = plan(raised(HAZARD, ORANGE)).open_alerts
    event = {
        AlertPhase.HELD: LifeCycleEvent.ALARM_OVER_HELD,
        AlertPhase.LATCHED: LifeCycleEvent.ALARM_OVER_LATCHED,
        AlertPhase.CLOSED: LifeCycleEvent.ALARM_OVER,
    }.get(phase, LifeCycleEvent.ALARM_ACTIVE)
    return advance(active, event, held_until_ns=7, ending=ENDING)


def test_life_cycle_has_each_phase_and_uses_each_event():
    """No phase and no event of the program is missing in the tables."""
    events = {event for row in LIFE_CYCLE.values() for event in row}

    assert (list(AlertPhase), list(AlertPhase)) == (list(LIFE_CYCLE), list(STATES))
    assert set(LifeCycleEvent) == events
    assert set(AlarmState) == {state for row in STATES.values() for state in row}


@pytest.mark.parametrize("event", LifeCycleEvent)
@pytest.mark.parametrize("phase", [each for each in AlertPhase if each is not AlertPhase.NONE])
def test_advance_follows_the_table(phase, event):
    """The alert after an event is in the phase of the table, and keeps a hold and an end only while it waits."""
    before, expected = alert_in(phase), LIFE_CYCLE[phase].get(event)
    assert phase == phase_of(before)
    if expected is None:
        with pytest.raises(LifeCycleError, match=f"expected an event of phase {phase}, got {event.name}"):
            advance(before, event)
        return
    after = advance(before, event, held_until_ns=9, ending=ENDING)
    waits = expected in (AlertPhase.HELD, AlertPhase.LATCHED)

    assert expected == phase_of(after)
    assert (9 if waits else 0, ENDING if waits else None) == (after.end_held_until_ns, after.ending)


def test_new_alert_begins_with_an_active_alarm_only():
    """Nothing else opens an alert."""
    new = replace(alert_in(AlertPhase.ACTIVE), level=0)

    assert AlertPhase.ACTIVE == phase_of(advance(new, LifeCycleEvent.ALARM_ACTIVE, is_new=True))
    with pytest.raises(LifeCycleError):
        advance(new, LifeCycleEvent.ALARM_OVER, is_new=True)


@given(st.lists(st.sampled_from(LifeCycleEvent), max_size=8), st.booleans())
def test_state_of_any_life_is_the_one_of_the_table(events, is_acknowledged):
    """Whatever happens to an alert, it is over exactly when its phase is not active, and its state is in the table."""
    alert = alert_in(AlertPhase.ACTIVE)
    for event in events:
        phase = phase_of(alert)
        if event in LIFE_CYCLE[phase]:
            level = ORANGE if event is LifeCycleEvent.ALARM_ACTIVE else 0
            alert = replace(advance(alert, event, held_until_ns=5), level=level)
        assert (phase_of(alert) is not AlertPhase.ACTIVE) == alert.is_over
    known = replace(alert, acknowledged_ns=1 if is_acknowledged else None)

    assert STATES[phase_of(alert)][is_acknowledged] == state_of(known)


def test_document_has_the_tables_of_the_program():
    """`python -m tests.alerts.pages` writes the part of docs/alarm-state.md again after a change of a table."""
    assert [life_cycle()] == PART.findall(DOCUMENT.read_text(encoding="utf-8"))
