"""I/O: HTTP exchanges with a deadline that even a byte a second cannot stretch, and without detours.

Comes in: `Request`. Goes out: `Reply`. Refuses redirects, proxies of the environment, and, unless the request allows
it, any address that is not public: a name is resolved once, and what was checked is what is connected to.
"""

import socket
import ssl
import time
import typing
from collections.abc import Iterable

import httpcore

from alerts.channels.http import DEADLINE_S, MAX_REPLY_BYTES, ExchangeError, Reply, Request, is_public, retry_after_s

_CONNECT_S = 5.0
"""One address has this long to accept; assumed."""
_ADDRESSES = 3
"""Addresses of one name that are tried; assumed."""


class HttpExchange:
    """One connection for each request: no idle connection can be found closed. Thread-safe."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        """Give every exchange `deadline_s` from name to last byte."""
        self._deadline_s = deadline_s
        self._tls = ssl.create_default_context()

    def send(self, request: Request) -> Reply:
        """Return the reply.

        Raises:
            ExchangeError: there was none within the deadline, or the address is not allowed.
        """
        dialler = _Dialler(time.monotonic() + self._deadline_s, allow_private=request.allow_private)
        backend = typing.cast("httpcore.NetworkBackend", dialler)
        headers = {**request.headers, "connection": "close"}
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream(request.method, request.url, headers=list(headers.items()), content=request.body) as reply,
            ):
                return _reply(reply)
        except httpcore.TimeoutException as error:
            raise ExchangeError("timeout") from error
        except httpcore.ConnectError as error:
            raise ExchangeError("no_connection") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise ExchangeError("broken_connection") from error


def _reply(response: httpcore.Response) -> Reply:
    body = b""
    for part in response.iter_stream():
        body += part
        if len(body) >= MAX_REPLY_BYTES:
            break
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    text = body[:MAX_REPLY_BYTES].decode("utf-8", "replace")
    return Reply(response.status, text, retry_after_s(headers.get(b"retry-after")))


class _Dialler:
    """Connects for one exchange: the network backend of its one connection."""

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
        """Return a stream to the first address of `host` that accepts."""
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
                return typing.cast("httpcore.NetworkStream", _Stream(stream, self))
        raise error

    def left_s(self, late: type[Exception]) -> float:
        """Return the seconds left to the deadline; raises `late` when there are none."""
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise late
        return left_s


class _Stream:
    """A connection whose every step ends by the deadline of the whole exchange."""

    def __init__(self, stream: httpcore.NetworkStream, dialler: _Dialler) -> None:
        self._stream, self._dialler = stream, dialler

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is stricter
        """Return what arrived."""
        return self._stream.read(max_bytes, self._dialler.left_s(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline is stricter
        """Send `buffer`."""
        self._stream.write(buffer, self._dialler.left_s(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is stricter
    ) -> httpcore.NetworkStream:
        """Return the same connection encrypted, the certificate checked against the name, not the address."""
        left_s = self._dialler.left_s(httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return typing.cast("httpcore.NetworkStream", _Stream(secured, self._dialler))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ExchangeError("unknown_host") from error
    # IPv4 first: a machine without IPv6 would else lose a try on each exchange.
    addresses = [str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)]
    return list(dict.fromkeys(addresses))
