from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, PayloadError
from collector.wire.timestamps import LAST_MS, epoch_ms_to_ns, rfc3339_to_ns

SECOND = 1_000_000_000
BASE = 1_742_774_462 * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-03-24T00:01:02Z", BASE),
        ("2025-03-24T08:01:02+08:00", BASE),
        ("2025-03-24T08:01:02.1+08:00", BASE + SECOND // 10),
        ("2025-03-24T08:01:02.12+08:00", BASE + 12 * SECOND // 100),
        ("2025-03-24T08:01:02.120+08:00", BASE + 120_000_000),
        ("2025-03-24T00:01:02.000001Z", BASE + 1_000),
        ("2025-03-24T00:01:02.0000012Z", BASE + 1_200),
        ("2025-03-24T00:01:02.000000001+00:00", BASE + 1),
        ("2025-03-24T00:01:02.1234567899Z", BASE + 123_456_789),
        ("2025-03-24 00:01:02Z", BASE),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_rfc3339_table_gives_nanoseconds(text, expected):
    """Zones and one to nine decimals are read to the nanosecond."""
    assert expected == rfc3339_to_ns(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", DeadLetterReason.SCHEMA),
        ("yesterday", DeadLetterReason.SCHEMA),
        ("2025-03-24T08:01:02", DeadLetterReason.SCHEMA),
        ("2025-13-24T08:01:02Z", DeadLetterReason.SCHEMA),
        ("2025-03-24T25:01:02Z", DeadLetterReason.SCHEMA),
        ("1742774462", DeadLetterReason.SCHEMA),
        ("0001-01-01T00:00:00Z", DeadLetterReason.TIME_UNREPRESENTABLE),
        ("0001-01-01T00:00:00+14:00", DeadLetterReason.TIME_UNREPRESENTABLE),
        ("2286-11-20T17:46:39Z", DeadLetterReason.TIME_UNREPRESENTABLE),
        ("9999-12-31T23:59:59-14:00", DeadLetterReason.TIME_UNREPRESENTABLE),
    ],
)
def test_rfc3339_unusable_text_says_why(text, reason):
    """Text that is no time, a time without zone and one beyond int64 nanoseconds are told apart."""
    with pytest.raises(PayloadError) as caught:
        rfc3339_to_ns(text)

    assert reason == caught.value.reason


@pytest.mark.parametrize("time_ms", [LAST_MS + 1, -LAST_MS - 1, 9_999_999_999_999, 10**30])
def test_epoch_ms_beyond_int64_is_unrepresentable(time_ms):
    """Milliseconds whose nanoseconds do not fit are refused."""
    with pytest.raises(PayloadError) as caught:
        epoch_ms_to_ns(time_ms)

    assert DeadLetterReason.TIME_UNREPRESENTABLE == caught.value.reason


@given(st.integers(-LAST_MS, LAST_MS))
def test_epoch_ms_within_int64_is_never_the_mark_of_no_time(time_ms):
    """Every representable millisecond becomes its nanosecond, and none the mark of a missing time."""
    time_ns = epoch_ms_to_ns(time_ms)

    assert (time_ms * 1_000_000, True) == (time_ns, time_ns != NO_TIME)


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is added below
    st.integers(-14 * 60, 14 * 60),
)
def test_rfc3339_of_any_time_agrees_with_datetime(moment, zone_minutes):
    """The nanoseconds are those of Python's own exact arithmetic."""
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=zone_minutes)))
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000

    assert expected == rfc3339_to_ns(aware.isoformat())
