import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.intake.reconnect import ReconnectBackoff, reconnect_delay_s


@pytest.mark.parametrize(
    ("failures", "expected"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (10**6, 30)]
)
def test_delay_without_jitter_doubles_up_to_the_cap(failures, expected):
    """1, 2, 4, 8, 16, 30 and then 30 for ever."""
    assert expected == reconnect_delay_s(failures, 0.0)


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_delay_of_any_outage_is_within_35_s(failures, chance):
    """However long the broker was away, the intake tries again within 35 s."""
    assert 1.0 <= reconnect_delay_s(failures, chance) <= 35.0


def test_failures_in_a_row_move_the_next_try_away():
    """Each failure waits longer than the one before."""
    one = ReconnectBackoff()
    tries = []
    for _ in range(3):
        one.note_failed(10.0, 0.0)
        tries.append(one.retry_at_s)

    assert [11.0, 12.0, 14.0] == tries


def test_connection_that_lasted_begins_the_delays_anew():
    """After a minute of connection the first retry comes soon."""
    one = ReconnectBackoff(failures=6)
    one.note_opened(100.0)
    one.note_ended(160.0, 0.0)

    assert (161.0, 1) == (one.retry_at_s, one.failures)


def test_connection_that_broke_soon_keeps_backing_off():
    """Being thrown out again and again is answered ever more slowly."""
    one = ReconnectBackoff()
    for _ in range(4):
        one.note_opened(100.0)
        one.note_ended(100.5, 0.0)

    assert (108.5, True) == (one.retry_at_s, one.takeover_suspected)


@pytest.mark.parametrize(("ends", "expected"), [([0.1, 0.1], False), ([0.1] * 3, True), ([0.1, 0.1, 9.0, 0.1], False)])
def test_takeover_is_suspected_after_three_short_connections_in_a_row(ends, expected):
    """A connection that lasts clears the suspicion."""
    one = ReconnectBackoff()
    for lasted_s in ends:
        one.note_opened(0.0)
        one.note_ended(lasted_s, 0.0)

    assert expected == one.takeover_suspected


def test_failure_to_connect_is_no_takeover():
    """A broker that is down has not given our id to anybody."""
    one = ReconnectBackoff()
    for _ in range(5):
        one.note_failed(0.0, 0.0)

    assert not one.takeover_suspected
