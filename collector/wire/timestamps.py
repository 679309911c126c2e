"""Times in payloads: RFC 3339 text, epoch milliseconds or seconds to UTC int64 nanoseconds, and text back.

Input: one time in the form of a device.
Output: nanoseconds.
Not responsible for: the clock.
Rejects: times without a zone, and times that int64 nanoseconds cannot hold.
"""

import re
from datetime import UTC, datetime, timedelta

from collector.dead_letter import DeadLetterReason
from collector.payload import PayloadError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEYOND_MICROSECONDS = re.compile(r".{19}[.,]\d{6}(\d{1,3})")
LAST_MS = (2**63 - 1) // 1_000_000
"""Latest epoch millisecond within int64 nanoseconds: 2262-04-11. The earliest is its negative, 1677-09-21."""


def epoch_ms_to_ns(time_ms: int) -> int:
    """Return nanoseconds since 1970 of milliseconds since 1970.

    Raises:
        PayloadError: TIME_UNREPRESENTABLE.
    """
    if -LAST_MS <= time_ms <= LAST_MS:
        return time_ms * 1_000_000
    raise _unrepresentable(f"{time_ms} ms since 1970")


def rfc3339_to_ns(text: str) -> int:
    """Return nanoseconds since 1970 of a date, time and zone such as `2025-03-24T08:01:02.120+08:00`.

    Digits behind the nanosecond are cut. Source: RFC 3339; the other spellings of ISO 8601 that Python reads are read.

    Raises:
        PayloadError: SCHEMA when it is no such time or has no zone, TIME_UNREPRESENTABLE.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PayloadError(
            DeadLetterReason.SCHEMA, f"ts: expected RFC 3339 time with zone, got {text[:40]!r}"
        ) from None
    if moment.tzinfo is None:
        raise PayloadError(DeadLetterReason.SCHEMA, f"ts: expected a zone such as Z or +08:00, got {text[:40]!r}")
    since = moment - _EPOCH
    time_ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    if text[26:27].isdecimal():
        beyond = _BEYOND_MICROSECONDS.match(text)
        time_ns += int(beyond[1].ljust(3, "0")) if beyond else 0
    if -(2**63) < time_ns < 2**63:
        return time_ns
    raise _unrepresentable(text[:40])


def seconds_to_ns(time_s: float) -> int:
    """Return nanoseconds since 1970 of seconds since 1970, rounded to a microsecond: a double holds no more today.

    Raises:
        PayloadError: TIME_UNREPRESENTABLE, also when it is not finite.
    """
    if not -LAST_MS / 1000 < time_s < LAST_MS / 1000:
        raise _unrepresentable(f"{time_s} s since 1970")
    whole = int(time_s)
    return whole * 1_000_000_000 + round((time_s - whole) * 1_000_000) * 1_000


def ns_to_rfc3339(time_ns: int) -> str:
    """Return the UTC time such as `2025-03-24T00:01:02.120Z`, as many digits as it needs: none, 3, 6 or 9."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def _unrepresentable(got: str) -> PayloadError:
    return PayloadError(DeadLetterReason.TIME_UNREPRESENTABLE, f"ts: expected a time from 1678 to 2262, got {got}")
