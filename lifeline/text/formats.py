"""The format of times, phone numbers and addresses on pages and terminals.

Input: stored values.
Output: text.
Not responsible for: languages.
Rejects: nothing.
"""

from datetime import UTC, datetime, tzinfo

NANO = 1_000_000_000


def clock_text(time_ns: int, zone: tzinfo | None, *, millis: bool = False) -> str:
    """Return `time_ns` as `2025-03-24 08:01:02` in `zone` (None: the zone of this machine); empty for 0."""
    if not time_ns:
        return ""
    moment = datetime.fromtimestamp(time_ns // NANO, UTC).astimezone(zone)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{time_ns % NANO // 1_000_000:03d}" if millis else text


def mask_address(address: str) -> str:
    """Return a phone number with its middle hidden, and of a URL only scheme and host."""
    if "://" in address:
        scheme, _, rest = address.partition("://")
        return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
    if len(address) <= 7:
        return "*" * len(address)
    return f"{address[:6]}{'*' * (len(address) - 8)}{address[-2:]}"
