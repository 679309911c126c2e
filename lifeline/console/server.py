"""I/O: an HTTP server in a thread of its own, with its own socket and loop, so that several can run in one process.

Comes in: an ASGI application and an address. Goes out: answers. Refuses to know pages.
"""

import socket

import uvicorn
from fastapi import FastAPI

_GRACE_S = 2
"""How long a stop waits for answers under way; assumed, pages take milliseconds."""


class ConsoleServer:
    """One listening address."""

    def __init__(self, application: FastAPI, host: str, port: int) -> None:
        """Bind at once, so that a port in use is known before anything starts; port 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=256)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    @property
    def url(self) -> str:
        """Address for a browser on this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def run(self) -> None:
        """Serve until `stop`."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Ask `run` to end."""
        self._server.should_exit = True

    def close(self) -> None:
        """Free the address; safe after `run` as well as without it."""
        self._socket.close()
