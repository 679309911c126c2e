import pytest

from collector.intake.connection import Canary


def canary() -> Canary:
    """Return the canary of a connection that opened at 100 s, with an interval of 5 s."""
    return Canary(5.0, 100.0, moved_s=100.0)


def test_canary_of_a_new_connection_is_due_at_once():
    """The first proof is asked for without waiting."""
    assert canary().is_due(100.0)


@pytest.mark.parametrize(("now_s", "expected"), [(104.9, False), (105.0, True)])
def test_canary_sent_is_due_again_after_the_interval(now_s, expected):
    """One canary leaves each interval."""
    one = canary()
    one.sent_s = 100.0

    assert expected == one.is_due(now_s)


def test_canary_never_heard_is_not_fresh():
    """A connection proves nothing before the first canary is back."""
    assert not canary().is_fresh(100.1)


@pytest.mark.parametrize(("now_s", "expected"), [(110.0, True), (124.9, True), (125.0, False)])
def test_canary_heard_is_fresh_for_three_intervals(now_s, expected):
    """Two canaries may be late."""
    one = canary()
    one.returned_s = 110.0

    assert expected == one.is_fresh(now_s)


def test_canary_silent_for_three_intervals_is_missing():
    """A connection that brings nothing at all is deaf."""
    assert (False, True) == (canary().is_missing(114.9), canary().is_missing(115.0))


def test_canary_behind_a_backlog_is_not_missing():
    """While other messages come, the canary may take its time."""
    one = canary()
    one.moved_s = 200.0

    assert (False, 105.0) == (one.is_missing(205.0), one.age_s(205.0))


def test_canary_after_a_pause_of_our_own_is_forgiven():
    """The time in which we did not listen says nothing about the broker."""
    one = canary()
    one.returned_s = 101.0
    one.exclude(3600.0)

    assert (True, False, 2.0) == (one.is_fresh(3703.0), one.is_missing(3703.0), one.age_s(3703.0))
