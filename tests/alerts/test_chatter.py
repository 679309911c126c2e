import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.chatter import CHATTER_NS, FLEETING_NS, TransitionCounts, add_transition
from tests.alerts.scenes import HAZARD, ORANGE, RED, START_NS, YELLOW, cleared, plan, raised

S = 10**9


def counts_of(*seconds: float) -> TransitionCounts:
    """Return the counts of an alarm that is raised and cleared by turns at `seconds`."""
    counts, episode_s = TransitionCounts("a"), 0.0
    for i, at_s in enumerate(seconds):
        is_end = i % 2 == 1
        episode_s = episode_s if is_end else at_s
        counts = add_transition(counts, START_NS + round(at_s * S), START_NS + round(episode_s * S), is_end=is_end)
    return counts


@pytest.mark.parametrize(
    ("seconds", "is_chattering", "runs"),
    [
        ((0, 20), False, 0),
        ((0, 20, 60), True, 1),
        ((0, 20, 61), False, 0),
        ((0, 20, 40, 100), True, 1),
        ((0, 20, 40, 101), False, 1),
        ((0, 20, 40, 101, 110, 120), True, 2),
        ((100, 50, 20), False, 0),
    ],
)
def test_counts_find_three_transitions_within_a_minute(seconds, is_chattering, runs):
    """Three transitions within 60 s begin chattering, 60 s without one end it, and each run counts once."""
    counts = counts_of(*seconds)

    assert (is_chattering, runs, len(seconds)) == (counts.is_chattering, counts.chattering, counts.transitions)


@pytest.mark.parametrize(("lasts_s", "fleeting"), [(0, 1), (10, 1), (10.5, 0)])
def test_counts_of_a_short_alarm_are_fleeting(lasts_s, fleeting):
    """An alarm that ends within 10 s is fleeting."""
    assert FLEETING_NS == 10 * S
    assert fleeting == counts_of(5, 5 + lasts_s).fleeting


@given(st.lists(st.integers(0, 200), max_size=12))
def test_counts_of_calm_alarms_never_chatter(gaps):
    """Transitions more than a minute apart are no chattering."""
    times = itertools.accumulate(gap + CHATTER_NS / S + 1 for gap in gaps)

    assert not counts_of(*times).chattering


def kinds(result) -> list[str]:
    """Return the kinds of the messages to the first contact."""
    return [each.notification.kind.value for each in result.planned if each.notification.contact in ("ann", "fix")]


def test_plan_chattering_informs_once_and_holds_its_end():
    """The third transition is announced; later ends and returns are not, and the alert stays open."""
    rows = [raised(HAZARD, YELLOW, 10.0), cleared(HAZARD, YELLOW, 20.0), raised(HAZARD, YELLOW, 30.0)]
    more = [cleared(HAZARD, YELLOW, t, t - 5) for t in (40.0, 60.0, 80.0)]
    again = [raised(HAZARD, YELLOW, t) for t in (50.0, 70.0)]
    result = plan(*rows, more[0], again[0], more[1], again[1], more[2])

    assert ["raised", "cleared", "raised"] == kinds(result)
    assert [0] == [alert.level for alert in result.open_alerts]
    assert 5 == [each.reason.value for each in result.decisions].count("chattering")


def test_plan_chattering_alarm_that_gets_worse_is_announced():
    """A level above all earlier levels is announced at once, also while the alarm chatters."""
    rows = [raised(HAZARD, YELLOW, 10.0), cleared(HAZARD, YELLOW, 20.0), raised(HAZARD, YELLOW, 30.0)]
    result = plan(*rows, cleared(HAZARD, YELLOW, 35.0, 30.0), raised(HAZARD, RED, 40.0))

    assert ("escalated", RED) == (result.planned[-1].notification.kind.value, result.planned[-1].notification.level)


def test_plan_transitions_of_two_steps_are_counted_together():
    """Transitions of an earlier step count in the next step."""
    first = plan(raised(HAZARD, ORANGE, 10.0), cleared(HAZARD, ORANGE, 20.0))
    counts = {each.alarm: each for each in first.transition_counts}
    second = plan(raised(HAZARD, ORANGE, 30.0), open_alerts=first.open_alerts, counts=counts)

    assert [(True, 3, 1)] == [
        (each.is_chattering, each.transitions, each.fleeting) for each in second.transition_counts
    ]
