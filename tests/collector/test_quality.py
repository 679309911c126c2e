import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.batch import Quality
from collector.payload import NO_TIME
from collector.quality import flag_range, settle_times

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
