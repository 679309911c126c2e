"""I/O: free loopback ports for the servers of the tests."""

import random
import socket
from contextlib import closing
from pathlib import Path

_LOWEST = 15_000
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a free loopback TCP port outside the range of outgoing connections.

    The kernel can lend a port of its ephemeral range to a client while the server is down between a kill and a
    restart. A client that reconnects in a loop can then even connect to itself.
    """
    for _ in range(1000):
        # S311: a port is not a secret
        port = random.randint(_LOWEST, _first_ephemeral() - 1)  # noqa: S311
        if _is_free(port):
            return port
    raise RuntimeError(f"no free port between {_LOWEST} and {_first_ephemeral()}")


def _first_ephemeral() -> int:
    """Return the first port that the kernel lends to outgoing connections."""
    if _RANGE_FILE.exists():
        return max(int(_RANGE_FILE.read_text().split()[0]), _LOWEST + 1000)
    return 32_768


def _is_free(port: int) -> bool:
    """Tell whether nothing holds `port` on loopback or on all interfaces."""
    for host in ("127.0.0.1", ""):
        with closing(socket.socket()) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def accepts(port: int) -> bool:
    """Tell whether something accepts TCP connections on the loopback `port`."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
