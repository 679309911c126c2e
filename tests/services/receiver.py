"""I/O: a webhook receiver on loopback that keeps its requests and answers as a test says."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Arrival:
    """One request."""

    id: str
    """Its webhook-id."""
    at_s: float
    """Monotonic time of arrival."""
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict:
        """The payload as JSON."""
        return json.loads(self.body)


class Receiver:
    """Listens from the start; `answer` decides on each arrival, in the server's thread, and may take its time."""

    def __init__(self, answer: Callable[[Arrival], Answer] = lambda _: (204, {}, b"")) -> None:
        """Listen on a free port."""
        self.arrivals: list[Arrival] = []
        self.answer = answer
        receiver = self

        class Hook(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                """Keep it and answer."""
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                arrival = Arrival(headers["webhook-id"], time.monotonic(), headers, body)
                receiver.arrivals.append(arrival)
                status, extra, content = receiver.answer(arrival)
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **extra}.items():
                    self.send_header(name, value)
                self.end_headers()
                receiver.drip(self.wfile.write, content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            """Without a trace of clients that hang up."""

            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """Several tests are about a client that gives up."""

        self._server = Server(("127.0.0.1", 0), Hook)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The webhook-id of each arrival, in order."""
        return [each.id for each in self.arrivals]

    def drip(self, write: Callable[[bytes], object], content: bytes) -> None:
        """Write `content` at once; tests replace it to be slow."""
        write(content)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
