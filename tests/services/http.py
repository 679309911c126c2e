"""I/O: the one HTTP client of the tests: a new one for each request would read all certificates each time."""

from functools import cache

import httpx


@cache
def client() -> httpx.Client:
    """Return a client that keeps no connection, so that a server that was killed leaves nothing behind."""
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))
