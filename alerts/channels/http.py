"""What a channel may use of the world outside: one HTTP exchange, links that lead back, the time.

Comes in: nothing. Goes out: `Request`, `Reply`, `Outside` and the rule which addresses are public. Refuses to connect.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from alerts.links import SignedLinks

MAX_REPLY_BYTES = 64 * 1024
"""No more of a reply is read. Source: Standard Webhooks, server-side request forgery (small replies only)."""
DEADLINE_S = 15.0
"""A whole exchange takes at most this long. Source: Standard Webhooks recommends 15 to 30 s."""

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for IPv4 ones. Source: RFC 6052."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    allow_private: bool
    """False where the address must be public."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said."""

    status: int
    body: str
    """The first `MAX_REPLY_BYTES`."""
    retry_after_s: float | None
    """Its Retry-After, when it gave a usable one."""


class ExchangeError(Exception):
    """There was no whole reply; nobody knows whether the other side took it. The message is a reason in one word."""


class Exchange(Protocol):
    """Sends one request and waits for its reply."""

    def send(self, request: Request) -> Reply:
        """Return the reply.

        Raises:
            ExchangeError: there was none within `DEADLINE_S`, or the address is not allowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that a channel is given besides its options."""

    exchange: Exchange
    links: SignedLinks
    clock_ns: Callable[[], int]
    """UTC nanoseconds."""


def is_public(address: str) -> bool:
    """Tell whether `address` (an IP address) is a public one, also where IPv6 wraps IPv4.

    Loopback, private, link-local (with cloud metadata), carrier-grade NAT, multicast and reserved ones are not.
    """
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _TRANSLATED:
            wrapped = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return parsed.is_global and not parsed.is_multicast


def plain_reason(text: str) -> str:
    """Return the first line of what the other side said, printable and short enough for a log."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(each for each in line if each.isprintable())[:120]


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header; None for a date or nonsense, and then back-off decides."""
    if header is None or not header.strip().isdecimal() or len(header) > 6:
        return None
    return float(header)
