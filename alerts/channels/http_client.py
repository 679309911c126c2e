"""I/O: HTTP exchanges with a deadline for the whole exchange, without redirects and proxies.

Input: method, address, headers and body of one request.
Output: an `HttpReply`.
Not responsible for: retries, and the meaning of a reply.
Rejects: addresses that are not public, unless the request allows them; redirects and proxies are not used.

A name is resolved once: the connection goes to the address that was checked. Each read and write gets only the rest of
the deadline. A receiver that sends one byte a second cannot extend the exchange.
"""

import ipaddress
import socket
import ssl
import time
import typing
from collections.abc import Iterable, Mapping

import httpcore

from alerts.channels.http import DEADLINE_S, MAX_REPLY_BYTES, ExchangeError, HttpReply

_CONNECT_S = 5.0
"""The longest wait for one address to accept a connection; assumed."""
_ADDRESSES = 3
"""Number of addresses of one name that are tried; assumed."""
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for IPv4 addresses. Source: RFC 6052."""


class HttpExchange:
    """Makes one connection for each request, so that it never meets an idle connection that was closed. Thread-safe."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        """Limit every exchange to `deadline_s`, from the name look-up to the last byte."""
        self._deadline_s = deadline_s
        self._tls = ssl.create_default_context()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, allow_private: bool) -> HttpReply:
        """Return the reply; without `allow_private` the address must be public.

        Raises:
            ExchangeError: there was no reply within the deadline, or the address is not allowed.
        """
        network = _DeadlineNetwork(time.monotonic() + self._deadline_s, allow_private=allow_private)
        backend = typing.cast("httpcore.NetworkBackend", network)
        closing = [*headers.items(), ("connection", "close")]
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream(method, url, headers=closing, content=body) as response,
            ):
                return _read_reply(response)
        except httpcore.TimeoutException as error:
            raise ExchangeError("timeout") from error
        except httpcore.ConnectError as error:
            raise ExchangeError("no_connection") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise ExchangeError("broken_connection") from error


def _read_reply(response: httpcore.Response) -> HttpReply:
    body = b""
    for part in response.iter_stream():
        body += part
        if len(body) >= MAX_REPLY_BYTES:
            break
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    text = body[:MAX_REPLY_BYTES].decode("utf-8", "replace")
    return HttpReply(response.status, text, parse_retry_after(headers.get(b"retry-after")))


class _DeadlineNetwork:
    """The network backend of one exchange, with one connection."""

    def __init__(self, deadline_s: float, *, allow_private: bool) -> None:
        self._deadline_s, self._allow_private = deadline_s, allow_private
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a stream to the first address of `host` that accepts the connection."""
        addresses = _resolve(host, port)
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise ExchangeError("private_address")
        error: Exception = httpcore.ConnectError()
        for address in addresses[:_ADDRESSES]:
            limit_s = min(_CONNECT_S, timeout or _CONNECT_S, self.left_s(httpcore.ConnectTimeout))
            try:
                stream = self._backend.connect_tcp(address, port, limit_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return typing.cast("httpcore.NetworkStream", _DeadlineStream(stream, self))
        raise error

    def left_s(self, late: type[Exception]) -> float:
        """Return the seconds until the deadline.

        Raises:
            late: the deadline is over.
        """
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise late
        return left_s


class _DeadlineStream:
    """A connection on which every step ends by the deadline of the whole exchange."""

    def __init__(self, stream: httpcore.NetworkStream, network: _DeadlineNetwork) -> None:
        self._stream, self._network = stream, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is stricter
        """Return the received bytes."""
        return self._stream.read(max_bytes, self._network.left_s(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline is stricter
        """Send `buffer`."""
        self._stream.write(buffer, self._network.left_s(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is stricter
    ) -> httpcore.NetworkStream:
        """Return the same connection encrypted; the certificate is checked against the name, not the address."""
        left_s = self._network.left_s(httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return typing.cast("httpcore.NetworkStream", _DeadlineStream(secured, self._network))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ExchangeError("unknown_host") from error
    # IPv4 first: otherwise a machine without IPv6 would lose one try in each exchange.
    addresses = [str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)]
    return list(dict.fromkeys(addresses))


def is_public(address: str) -> bool:
    """Return whether `address` (an IP address) is public, also where IPv6 wraps IPv4.

    These are not public: loopback, private, link-local (with cloud metadata), carrier-grade NAT, multicast, reserved.
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


def parse_retry_after(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header; None for a date or an unusable text, and then back-off decides."""
    if header is None or not header.strip().isdecimal() or len(header) > 6:
        return None
    return float(header)
