import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality
from collector.checks.device_time import flag_late, settle_times
from collector.checks.out_of_range import flag_range
from collector.decoding.pipeline import order_by_time
from collector.payload import NO_TIME

NOW = 1_750_000_000_000_000_000
SECOND = 1_000_000_000
FUTURE = 300 * SECOND
PAST = 30 * 86_400 * SECOND


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 0), (-0.0, 0), (1.6, 0), (1.6000001, 1), (-0.0000001, 1), (5e-324, 0), (1.7e308, 1), (-1.7e308, 1)],
)
def test_range_edges_are_good_and_beyond_is_flagged(value, expected):
    """The limits themselves are good."""
    flags = flag_range(np.array([value]), np.array([0.0]), np.array([1.6]))

    assert [expected] == flags.tolist()
    assert np.uint16 == flags.dtype


@pytest.mark.parametrize(
    ("time_ns", "flag"),
    [
        (NOW, Quality.GOOD),
        (NOW + FUTURE, Quality.GOOD),
        (NOW + FUTURE + 1, Quality.TIME_FUTURE),
        (NOW - PAST, Quality.GOOD),
        (NOW - PAST - 1, Quality.TIME_PAST),
        (0, Quality.TIME_PAST),
        (2**63 - 1, Quality.TIME_FUTURE),
        (-(2**63) + 1, Quality.TIME_PAST),
        (NO_TIME, Quality.TIME_SERVER),
    ],
)
def test_times_policy_table_holds(time_ns, flag):
    """Tolerances are inclusive; every unbelievable time is replaced by the received one and says why."""
    settled, flags = settle_times(np.array([time_ns]), NOW, FUTURE, PAST)

    assert [int(flag)] == flags.tolist()
    assert [NOW if flag else time_ns] == settled.tolist()


def test_times_replaced_in_one_commit_stay_apart():
    """Readings that get the received time keep their order and never share a nanosecond."""
    settled, _ = settle_times(np.array([NO_TIME, NOW - 5, NO_TIME, 0]), NOW, FUTURE, PAST)

    assert [NOW, NOW - 5, NOW + 2, NOW + 3] == settled.tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30))
def test_times_settled_are_always_believable(times):
    """Whatever came in, what comes out lies within the tolerances, and good times are untouched."""
    before = np.array(times, np.int64)
    settled, flags = settle_times(before, NOW, FUTURE, PAST)

    assert np.all((settled >= NOW - PAST) & (settled <= NOW + FUTURE))
    assert np.array_equal(before[flags == 0], settled[flags == 0])


@pytest.mark.parametrize(("age_ns", "expected"), [(0, 0), (900 * SECOND, 0), (900 * SECOND + 1, 512), (-SECOND, 0)])
def test_late_edge_is_of_now_and_beyond_is_flagged(age_ns, expected):
    """The limit itself is of now."""
    flags = flag_late(np.array([NOW - age_ns]), NOW, np.array([900 * SECOND]))

    assert ([expected], np.uint16) == (flags.tolist(), flags.dtype)


def test_times_of_a_clock_known_to_be_wrong_are_replaced():
    """Whatever they say; a bit that says late replaces nothing."""
    clock = np.array([Quality.TIME_PAST, Quality.LATE, 0], np.uint16)
    settled, flags = settle_times(np.array([NOW - 5, NOW - 5, NOW - 5]), NOW, FUTURE, PAST, clock)

    assert ([NOW, NOW - 5, NOW - 5], [Quality.TIME_PAST, 0, 0]) == (settled.tolist(), flags.tolist())


@pytest.mark.parametrize(
    ("times", "lengths", "expected"),
    [
        ([1, 2, 2, 3], [4], None),
        ([3, 1], [1, 1], None),
        ([3, 2, 1, 9, 8], [3, 2], [2, 1, 0, 4, 3]),
        ([5, 1, 1, 4], [1, 3], None),
        ([2, 1, 2, 1], [4], [1, 3, 0, 2]),
        ([], [], None),
    ],
    ids=["in order", "other messages", "newest first", "no fall inside", "equal keep their order", "nothing"],
)
def test_order_of_times_within_each_message(times, lengths, expected):
    """Only within a message; readings of one time stay as they were told."""
    order = order_by_time(np.array(times, np.int64), lengths)

    assert expected == (None if order is None else order.tolist())
