"""I/O: an SMS gateway on loopback that speaks Kannel's sendsms, keeps an inbox and sends delivery reports.

Input: GET or form POST /cgi-bin/sendsms.
Output: `202 0: Accepted for delivery`, the inbox at /inbox and /inbox.json, calls of the sender's dlr-url.
Not responsible for: delivery to phones: no phone ever rings.
Rejects: requests with a wrong login, without a number or without text.
"""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from urllib.parse import parse_qs

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.city_time import CityTime
from simulators.sms import Sms, inbox_json, inbox_page

_STOP_TIMEOUT_S = 10.0
_HANG_S = 3600.0
_RETRY_S = (0.5, 1.0, 2.0)
"""Waits between the attempts to deliver one report."""
_REPORTS = ((8, 0.1), (1, 0.5))
"""(type, seconds after acceptance): accepted by the message centre, then delivered to the phone. Types as Kannel's."""


class Behaviour(StrEnum):
    """How the gateway answers."""

    ACCEPT = "accept"
    UNAVAILABLE = "unavailable"
    """503, as a gateway without its message centre."""
    HANG = "hang"
    """The request is taken and never answered."""


class SmsGateway:
    """A gateway that lives between `start` and `stop`; it can be started again at the same port with the same inbox.

    `counts` has ("messages_accepted", ""), ("messages_refused", reason), ("reports_delivered", "") and
    ("reports_failed", "unreachable").
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        username: str | None = None,
        password: str | None = None,
        delivery_reports: bool = True,
        report_delays_s: Mapping[int, float] | None = None,
        city: CityTime | None = None,
    ) -> None:
        """Keep the address (port 0: a free one) and the login (none: everybody may send).

        `report_delays_s` maps report types to seconds after acceptance; `city` gives the times of the inbox.
        """
        self.host = host
        self.port = port
        self.behaviour = Behaviour.ACCEPT
        """May be changed at any moment."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._city = city or CityTime()
        self._login = (username, password)
        self._delays_s = dict(_REPORTS if report_delays_s is None else report_delays_s) if delivery_reports else {}
        self._inbox: list[Sms] = []
        self._lock = threading.Lock()
        self._reports: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address without path, e.g. http://127.0.0.1:13013."""
        return f"http://{self.host}:{self.port}"

    @property
    def send_url(self) -> str:
        """Address for sending."""
        return f"{self.url}/cgi-bin/sendsms"

    def inbox(self) -> list[Sms]:
        """Return a copy of all messages, oldest first."""
        with self._lock:
            return list(self._inbox)

    def start(self) -> None:
        """Return when it listens.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
            listener.listen()
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            self._application(), log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sms-gateway", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on; reports under way are dropped."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_TIMEOUT_S)
        self._server = self._thread = None

    def _application(self) -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(_application: Starlette) -> AsyncIterator[None]:
            async with httpx.AsyncClient(trust_env=False, timeout=5.0) as self._client:
                yield
                for report in self._reports:
                    report.cancel()
                await asyncio.gather(*self._reports, return_exceptions=True)

        async def show_page(_request: Request) -> Response:
            return HTMLResponse(inbox_page(self.inbox(), self._city))

        async def show_json(_request: Request) -> Response:
            return Response(inbox_json(self.inbox()), media_type="application/json")

        routes = [
            Route("/cgi-bin/sendsms", self._send, methods=["GET", "POST"]),
            Route("/inbox", show_page),
            Route("/inbox.json", show_json),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def _send(self, request: Request) -> Response:
        fields = _fields(request.url.query, await request.body())
        if self.behaviour is Behaviour.HANG:
            await asyncio.sleep(_HANG_S)
        refusal = self._refusal(fields)
        if refusal is not None:
            status, words, reason = refusal
            self.counts["messages_refused", reason] += 1
            return PlainTextResponse(words, status)
        for number in fields["to"].split():
            self._accept(number, fields)
        return PlainTextResponse("0: Accepted for delivery", 202)

    def _refusal(self, fields: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Return (status, words, reason) as Kannel's smsbox answers, None when all is well."""
        username, password = self._login
        if username is not None and (username, password) != (fields.get("username"), fields.get("password")):
            return 403, "Authorization failed for sendsms", "login"
        if self.behaviour is Behaviour.UNAVAILABLE:
            return 503, "Temporal failure, try again later.", "unavailable"
        if not fields.get("to", "").strip():
            return 400, "Missing receiver number, rejected", "receiver"
        return None

    def _accept(self, number: str, fields: Mapping[str, str]) -> None:
        with self._lock:
            self._inbox.append(_message(len(self._inbox) + 1, number, fields))
        self.counts["messages_accepted", ""] += 1
        mask = int(fields["dlr-mask"]) if fields.get("dlr-mask", "").isdecimal() else 0
        for kind, delay_s in self._delays_s.items():
            if kind & mask and fields.get("dlr-url"):
                report = asyncio.create_task(self._report(fields["dlr-url"].replace("%d", str(kind)), delay_s))
                self._reports.add(report)
                report.add_done_callback(self._reports.discard)

    async def _report(self, url: str, delay_s: float) -> None:
        for wait_s in (delay_s, *_RETRY_S):
            await asyncio.sleep(wait_s)
            with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
                if self._client is not None and (await self._client.get(url)).is_success:
                    self.counts["reports_delivered", ""] += 1
                    return
        self.counts["reports_failed", "unreachable"] += 1


def _fields(query: str, body: bytes) -> dict[str, str]:
    """Return the fields of query and form; only the text is written in the `charset` that they name."""
    raw = f"{query}&{body.decode('latin-1')}"
    fields = {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}
    with contextlib.suppress(LookupError):
        texts = parse_qs(raw, encoding=fields.get("charset", "UTF-8"), errors="replace")
        fields["text"] = texts.get("text", [""])[0]
    return fields


def _message(place: int, number: str, fields: Mapping[str, str]) -> Sms:
    sender, report_url = fields.get("from", ""), fields.get("dlr-url", "")
    return Sms(place, sender, number, _shown(fields), time.time_ns(), report_url)


def _shown(fields: Mapping[str, str]) -> str:
    """Return the text as a phone shows it: without coding=2 (UCS-2) everything beyond Latin letters is a `?`."""
    text = fields.get("text", "")
    return text if fields.get("coding") == "2" else text.encode("latin-1", "replace").decode("latin-1")
