"""I/O: an HTTP server in a thread of its own, with its own socket and loop; several can run in one process.

Input: an ASGI application and an address.
Output: answers.
Not responsible for: pages.
Rejects: an address that cannot be bound, as `OSError`.
"""

import socket

import uvicorn
from fastapi import FastAPI

_GRACE_S = 2
"""How long a stop waits for answers under way; assumed, pages take milliseconds."""


class Listener:
    """A bound address: known to be free, and with its port, before anything starts."""

    def __init__(self, host: str, port: int) -> None:
        """Bind `host` and `port`; 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, port), family=family, backlog=256)
        self.host, self.port = host, int(self.socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Address for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def close(self) -> None:
        """Free the address."""
        self.socket.close()


class ConsoleServer:
    """Serves one application at one address."""

    def __init__(self, application: FastAPI, listener: Listener) -> None:
        """Serve `application` at `listener` once `run` is called."""
        self._listener = listener
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

    def run(self) -> None:
        """Serve until `stop`."""
        self._server.run(sockets=[self._listener.socket])

    def stop(self) -> None:
        """Ask `run` to end."""
        self._server.should_exit = True
