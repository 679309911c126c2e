"""The services that a channel receives: one HTTP exchange, signed links and the time.

Input: the transport and the links that `alerts.channels.loading` makes.
Output: `ChannelContext`, the `Exchange` contract and `HttpReply`.
Not responsible for: connections; `alerts.channels.http_client` makes them.
Rejects: nothing; a failed exchange is an `ExchangeError`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from alerts.links import SignedLinks

MAX_REPLY_BYTES = 64 * 1024
"""No more bytes of a reply are read. Source: Standard Webhooks, server-side request forgery (small replies only)."""
DEADLINE_S = 15.0
"""The longest duration of a whole exchange. Source: Standard Webhooks recommends 15 to 30 s."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The reply of a gateway or receiver."""

    status: int
    body: str
    """The first `MAX_REPLY_BYTES`."""
    retry_after_s: float | None
    """Its Retry-After header, if the header was usable."""


class ExchangeError(Exception):
    """There was no complete reply; the receiver may have the request. The message is a reason in one word."""


class Exchange(Protocol):
    """Sends one request and waits for its reply."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, allow_private: bool) -> HttpReply:
        """Return the reply; without `allow_private` the address must be public.

        Raises:
            ExchangeError: there was no reply within `DEADLINE_S`, or the address is not allowed.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """Everything that a channel receives besides its options."""

    exchange: Exchange
    links: SignedLinks
    clock_ns: Callable[[], int]
    """UTC nanoseconds."""
