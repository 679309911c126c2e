import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notification import Notification, NotificationKind
from alerts.outbox.backoff import (
    CALM_CAP_S,
    GIVE_UP_NS,
    RETRY_AFTER_CAP_S,
    URGENT_CAP_S,
    retry_delay_s,
    retry_ns,
)


def notification(kind: NotificationKind = NotificationKind.RAISED, level: int = 4) -> Notification:
    """Return an orange warning, or another notification."""
    return Notification("n", "a", kind, "sms", "ann", "+8613800000000", level, "text", "{}", 0)


ORANGE, YELLOW = notification(), notification(level=3)


@pytest.mark.parametrize(
    ("kind", "level", "urgent"),
    [
        ("raised", 5, True),
        ("escalated", 4, True),
        ("raised", 3, False),
        ("cleared", 5, False),
        ("device_fault", 0, False),
    ],
)
def test_urgent_is_an_orange_or_red_warning(kind, level, urgent):
    """Only people in danger are tried every minute."""
    assert urgent == notification(NotificationKind(kind), level).is_urgent


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (5000, 60.0)])
def test_delay_of_an_urgent_one_doubles_to_a_minute(attempt, wait_s):
    """Seconds first, never more than a minute."""
    assert wait_s == retry_delay_s(ORANGE, attempt, 1.0)


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 5.0), (2, 10.0), (11, 5120.0), (12, 7200.0), (5000, 7200.0)])
def test_delay_of_a_calm_one_doubles_to_hours(attempt, wait_s):
    """Seconds first, two hours at most."""
    assert wait_s == retry_delay_s(YELLOW, attempt, 1.0)


@given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([ORANGE, YELLOW]))
def test_delay_with_any_jitter_stays_in_the_upper_half(attempt, jitter, what):
    """Jitter spreads, and neither hurries nor delays beyond the schedule."""
    full_s = retry_delay_s(what, attempt, 1.0)

    assert full_s / 2 <= retry_delay_s(what, attempt, jitter) <= full_s <= max(URGENT_CAP_S, CALM_CAP_S)


def test_delay_obeys_retry_after_within_reason():
    """A receiver that asks for time gets it, but not days of it."""
    assert 120.0 == retry_delay_s(ORANGE, 1, 1.0, 120.0)
    assert RETRY_AFTER_CAP_S == retry_delay_s(ORANGE, 1, 1.0, 999_999.0)
    assert 4.0 == retry_delay_s(ORANGE, 3, 1.0, 0.0)


def test_retry_ends_after_three_days():
    """The last attempt starts within the days of trying."""
    assert GIVE_UP_NS == retry_ns(0, GIVE_UP_NS - 10**9, 1.0)
    assert retry_ns(0, GIVE_UP_NS, 1.0) is None
