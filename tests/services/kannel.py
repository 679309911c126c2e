"""I/O: a real Kannel (bearerbox and smsbox) on loopback, in front of a sink that plays the message centre."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs

_CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
dlr-storage = internal
sms-resend-retry = 0
store-type = file
store-location = {folder}/kannel.store

group = smsc
smsc = http
smsc-id = sink
system-type = kannel
smsc-username = operator
smsc-password = operator
port = {smsc}
send-url = "http://127.0.0.1:{sink}/cgi-bin/sendsms"
dlr-url = "http://127.0.0.1:{smsc}/?username=operator&password=operator"
connect-allow-ip = "127.0.0.1"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-interface = 127.0.0.1
sendsms-port = {send}
http-request-retry = 3
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
max-messages = 10
concatenation = true
"""


ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One short message at the message centre, its segments joined."""

    to: str
    text: str
    segments: int
    parameters: dict[str, str]
    """Everything that Kannel sent beside them with the first segment."""


class Kannel:
    """A gateway that accepts `sendsms` requests and calls back with delivery reports."""

    host = "127.0.0.1"
    username = "lifeline"
    password = "lifeline-secret"

    def __init__(self, folder: Path) -> None:
        """Write the configuration into `folder` and open the sink; the gateway does not run yet."""
        folder.mkdir(parents=True, exist_ok=True)
        bearerbox, smsbox = find_programs("bearerbox", "smsbox")
        self._sink = MessageCentre()
        self.port = free_port()
        ports = {"admin": free_port(), "box": free_port(), "smsc": free_port(), "send": self.port}
        config = folder / "kannel.conf"
        account = {"username": self.username, "password": self.password}
        config.write_text(_CONFIGURATION.format(folder=folder, sink=self._sink.port, **ports, **account))
        inner = [ports[name] for name in ("admin", "box", "smsc")]
        self.bearerbox = ServerProcess([bearerbox, "-v", "1", config], inner, folder / "bearerbox.log")
        self.smsbox = ServerProcess([smsbox, "-v", "1", config], [self.port], folder / "smsbox.log")

    @property
    def send_url(self) -> str:
        """Address that takes messages."""
        return f"http://{self.host}:{self.port}/cgi-bin/sendsms"

    @property
    def received(self) -> list[ReceivedMessage]:
        """Complete messages at the message centre, oldest first."""
        return _join(list(self._sink.segments))

    @property
    def answer(self) -> tuple[int, str]:
        """HTTP status and text with which the message centre answers each segment; (403, ...) refuses for good."""
        return self._sink.answer

    @answer.setter
    def answer(self, answer: tuple[int, str]) -> None:
        self._sink.answer = answer

    def report(self, message: ReceivedMessage, status: int) -> None:
        """Report `status` of `message` as the message centre: 1 delivered to the phone, 2 not delivered."""
        httpx.get(message.parameters["dlr-url"].replace("%d", str(status)), timeout=10).raise_for_status()

    def start(self) -> None:
        """Start both boxes."""
        self.bearerbox.start()
        self.smsbox.start()

    def stop(self) -> None:
        """Stop both boxes; the message centre keeps its messages."""
        self.smsbox.stop()
        self.bearerbox.stop()

    def kill(self) -> None:
        """Kill both boxes at once."""
        self.smsbox.kill()
        self.bearerbox.kill()

    def close(self) -> None:
        """Stop everything."""
        self.kill()
        self._sink.close()

    def log_tail(self) -> str:
        """Return the end of both logs."""
        return f"{self.bearerbox.log_tail()}\n--- smsbox\n{self.smsbox.log_tail()}"


class MessageCentre:
    """Answers like another gateway's sendsms and keeps each message, decoded."""

    def __init__(self) -> None:
        """Listen at once on a free port."""
        self.segments: list[dict[str, str]] = []
        self.answer = (202, "0: Accepted for delivery")
        centre = self

        class Segment(BaseHTTPRequestHandler):
            """One request of the gateway."""

            def do_GET(self) -> None:
                """Answer, and keep the segment when it is accepted."""
                status, text = centre.answer
                if status == ACCEPTED:
                    centre.segments.append(_parameters(self.path))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Segment)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


def _parameters(path: str) -> dict[str, str]:
    """Return the parameters of a sendsms request with decoded `text`; text with coding 2 is UTF-16BE."""
    query = parse_qs(urlsplit(path).query, keep_blank_values=True, encoding="latin-1")
    parameters = {name: values[0] for name, values in query.items()}
    encoding = "utf-16-be" if parameters.get("coding") == "2" else parameters.get("charset", "utf-8")
    parameters["text"] = parameters.get("text", "").encode("latin-1").decode(encoding, errors="replace")
    return parameters


def _join(segments: list[dict[str, str]]) -> list[ReceivedMessage]:
    """Return the messages with all segments.

    Source: 3GPP TS 23.040 9.2.3.24.1: the user data header is 05 00 03, then reference, total and number.
    """
    groups: dict[tuple[str, str], dict[int, dict[str, str]]] = {}
    for i, segment in enumerate(segments):
        header = segment.get("udh", "")
        reference, number = (header[3:5], ord(header[5])) if header else (f"single {i}", 1)
        groups.setdefault((segment.get("to", ""), reference), {})[number] = segment
    complete = [parts for parts in groups.values() if len(parts) == _total(parts)]
    return [_message([parts[number] for number in sorted(parts)]) for parts in complete]


def _total(parts: dict[int, dict[str, str]]) -> int:
    """Return how many segments the message of `parts` has."""
    header = next(iter(parts.values())).get("udh", "")
    return ord(header[4]) if header else 1


def _message(parts: list[dict[str, str]]) -> ReceivedMessage:
    """Return one message of its segments in order."""
    rest = {name: value for name, value in parts[0].items() if name not in ("to", "text")}
    text = "".join(part["text"] for part in parts)
    return ReceivedMessage(to=parts[0].get("to", ""), text=text, segments=len(parts), parameters=rest)
