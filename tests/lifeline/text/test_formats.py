from datetime import timedelta, timezone

import pytest

from lifeline.text.formats import clock_text, mask_address

SHANGHAI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("+8613800000012", "+86138******12"),
        ("https://user:pw@example.org/hook?key=1", "https://example.org"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_masked_address_hides_the_middle(address, expected):
    """Enough to recognise, not enough to call."""
    assert expected == mask_address(address)


def test_clock_text_shows_local_time_to_the_millisecond():
    """Times are shown in the zone that the reader lives in."""
    assert clock_text(1_742_774_462_120_000_000, SHANGHAI, millis=True) == "2025-03-24 08:01:02.120"


def test_clock_text_zero_is_empty():
    """A time that never happened is not 1970."""
    assert clock_text(0, SHANGHAI) == ""
