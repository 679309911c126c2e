"""I/O: a small HTTP server that answers writes as InfluxDB 2.x or 3.x does; neither is in Debian.

Its answers follow the API references of both: codes, bodies, and the stored part of a bad batch. It keeps points, not
history: `points` maps (series, time) to the fields as text.
"""

import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_LINE = re.compile(
    r"(?P<series>(?P<measurement>(?:[^\\, \n]|\\.)+)(?:,(?:[^\\,= \n]|\\.)+=(?:[^\\,= \n]|\\.)+)*)"
    r" (?P<fields>(?:[^\\,= \n]|\\.)+=[^,\s]+(?:,(?:[^\\,= \n]|\\.)+=[^,\s]+)*) (?P<time>-?\d+)"
)
_TYPES = ((re.compile(r"-?\d+i"), "integer"), (re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), "float"))


@dataclass
class Fault:
    """An answer to give instead of looking at the request."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class InfluxContract:
    """A server of `version` ("2.7.11" or "3.2.0") with one bucket.

    Attributes:
        faults: answers to the next writes, first in first out.
        max_body_bytes: larger bodies get 413.
        oldest_ns: older points are beyond retention.
        requests: number of lines of each write that was looked at or refused.
        bodies: each body as it came.
    """

    host = "127.0.0.1"
    bucket = "lifeline"

    def __init__(self, version: str) -> None:
        """Listen on a free port; nothing is served yet."""
        self.version = version
        self.points: dict[tuple[str, int], dict[str, str]] = {}
        self.types: dict[tuple[str, str], str] = {}
        self.faults: deque[Fault] = deque()
        self.max_body_bytes = 50_000_000
        self.oldest_ns = -(2**63)
        self.requests: list[int] = []
        self.bodies: list[bytes] = []
        self._server = ThreadingHTTPServer((self.host, 0), _answers(self))
        self._server.daemon_threads = True
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Address of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def write(self, bucket: str, body: bytes) -> Fault:
        """Return the answer to one write, and store the points as that version does."""
        lines = body.decode().split("\n")
        with self._lock:
            self.requests.append(len(lines))
            self.bodies.append(body)
            if self.faults:
                return self.faults.popleft()
            if len(body) > self.max_body_bytes:
                return _json(413, {"code": "request too large", "message": "request body is too large"})
            if bucket != self.bucket:
                return _json(404, {"code": "not found", "message": f'bucket "{bucket}" not found'})
            return self._write_v2(lines) if self.version.startswith("2") else self._write_v3(lines)

    def _write_v2(self, lines: list[str]) -> Fault:
        malformed = [f"unable to parse '{line}': {why}" for line in lines if (why := _syntax_error(line))]
        if malformed:  # the whole batch is refused
            return _json(400, {"code": "invalid", "message": "\n".join(malformed)})
        refused = [why for line in lines if (why := self._store(line))]
        if not refused:
            return Fault(204)
        message = f"failure writing points to database: partial write: {refused[0]} dropped={len(refused)}"
        return _json(422, {"code": "unprocessable entity", "message": message})

    def _write_v3(self, lines: list[str]) -> Fault:
        refused = [
            {"original_line": line, "line_number": number, "error_message": why}
            for number, line in enumerate(lines, 1)
            if (why := _syntax_error(line) or self._store(line))
        ]
        if not refused:
            return Fault(204)
        return _json(400, {"error": "partial write of line protocol occurred", "data": refused[:100]})

    def _store(self, line: str) -> str:
        """Store a well-formed line; returns why not, empty when it is stored."""
        match = _LINE.fullmatch(line)
        assert match
        measurement, time_ns = match["measurement"], int(match["time"])
        fields = dict(pair.split("=", 1) for pair in match["fields"].split(","))
        for name, value in fields.items():
            known = self.types.setdefault((measurement, name), _type(value))
            if known != _type(value):
                where = f'input field "{name}" on measurement "{measurement}"'
                return f"field type conflict: {where} is type {_type(value)}, already exists as type {known}"
        if time_ns < self.oldest_ns:
            return "points beyond retention policy"
        self.points[match["series"], time_ns] = fields
        return ""


def _syntax_error(line: str) -> str:
    match = _LINE.fullmatch(line)
    if not match:
        return "invalid line format"
    values = [pair.split("=", 1)[1] for pair in match["fields"].split(",")]
    return "" if all(_type(value) for value in values) else "invalid number"


def _type(value: str) -> str:
    """Return the type of a field value, empty when it has none."""
    if value in ("t", "f", "true", "false"):
        return "boolean"
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return "string"
    return next((name for pattern, name in _TYPES if pattern.fullmatch(value)), "")


def _json(status: int, body: dict[str, Any]) -> Fault:
    return Fault(status, json.dumps(body), {"Content-Type": "application/json"})


def _answers(contract: InfluxContract) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests for `contract`."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer `/ping`; nothing can be queried."""
            self._send(Fault(204 if self.path == "/ping" else 404))

        def do_POST(self) -> None:
            """Answer a write."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            address = urlsplit(self.path)
            if address.path != "/api/v2/write":
                self._send(Fault(404))
                return
            query = parse_qs(address.query)
            assert query["precision"] == ["ns"]
            self._send(contract.write(query["bucket"][0], body))

        def _send(self, fault: Fault) -> None:
            body = fault.body.encode()
            self.send_response(fault.status)
            self.send_header("X-Influxdb-Version", contract.version)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            if fault.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if fault.status != 204:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: requests are counted."""

    return Answers
