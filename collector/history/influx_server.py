"""I/O: one InfluxDB server over HTTP: its version, one write request, one InfluxQL query.

Input: line protocol, InfluxQL.
Output: status, headers and body as they are; rows.
Not responsible for: the meaning of answers.
Rejects: a query to a server that does not know InfluxQL.

1.x is written at `/write`, 2.x and 3.x at `/api/v2/write` by `influx_v2`. Every version answers InfluxQL at `/query`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import structlog

from collector.history import HistoryUnavailableError
from collector.history.influx_replies import Answer
from config.settings import HistorySettings

if TYPE_CHECKING:
    from collector.history.influx_v2 import InfluxV2


@dataclass(frozen=True, slots=True)
class _Identity:
    version: str
    dialect: str
    is_mirror: bool


class InfluxServer:
    """Connections to one server. `write` from one thread, `query` from any."""

    def __init__(self, settings: HistorySettings) -> None:
        self._settings = settings
        self._log = structlog.get_logger(history=settings.url)
        self._token = settings.token.get_secret_value() if settings.token else ""
        password = settings.password.get_secret_value() if settings.password else ""
        self._http = httpx.Client(
            base_url=settings.url,
            timeout=settings.timeout_s,
            auth=(settings.username, password) if settings.username else None,
            headers={"Authorization": f"Token {self._token}"} if self._token else {},
        )
        self._v2: InfluxV2 | None = None
        self._identity: _Identity | None = None

    def write(self, body: bytes) -> Answer:
        """Post one body of lines and return the server's answer.

        Raises:
            HistoryUnavailableError: there was no answer in time.
        """
        return self._write_v1(body) if self._known().dialect == "v1" else self._write_v2(body)

    def query(self, influxql: str) -> list[dict[str, Any]]:
        """Return the series that `influxql` gives: dicts with name, tags, columns, values; times in nanoseconds.

        Raises:
            HistoryUnavailableError: no answer, or the server refuses the query.
        """
        if self._known().is_mirror:
            raise HistoryUnavailableError(f"{self._settings.url}: VictoriaMetrics does not speak InfluxQL")
        parameters = {"db": self._settings.database, "q": influxql, "epoch": "ns"}
        answer = self._request("GET", "/query", params=parameters)
        opened = _json(answer)
        results = opened.get("results", [])
        errors = (
            [opened["error"]] if "error" in opened else [result["error"] for result in results if "error" in result]
        )
        if errors or answer.status_code != 200:
            raise HistoryUnavailableError(f"{self._settings.url}/query: HTTP {answer.status_code} {errors}")
        return [series for result in results for series in result.get("series", [])]

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        if self._v2 is not None:
            self._v2.close()

    def _known(self) -> _Identity:
        """Return the identity of the server, asked once; the dialect in the settings has the last word."""
        if self._identity is None:
            self._identity = self._ask()
            self._log.info("history_server", version=self._identity.version, dialect=self._identity.dialect)
        return self._identity

    def _ask(self) -> _Identity:
        ping = self._request("GET", "/ping")
        chosen = self._settings.dialect
        if ping.status_code >= 400 and chosen == "auto":
            remedy = "check history.url and token, or set history.dialect"
            raise HistoryUnavailableError(f"{self._settings.url}/ping: HTTP {ping.status_code}; {remedy}")
        version = ping.headers.get("X-Influxdb-Version", "")
        if not version and "VictoriaMetrics" in self._request("GET", "/").text:
            # Tried with 1.79.5: kill -9 lost all of 142,000 rows it had answered 204 for, and bad lines get 204 too.
            self._log.warning(
                "history_is_a_mirror", server="VictoriaMetrics", remedy="keep another history as the record"
            )
            return _Identity("VictoriaMetrics", "v1" if chosen == "v1" else "v2", is_mirror=True)
        found = "v1" if version.startswith("1.") else "v2"
        return _Identity(version or "unknown", found if chosen == "auto" else chosen, is_mirror=False)

    def _write_v1(self, body: bytes) -> Answer:
        answer = self._request(
            "POST", "/write", params={"db": self._settings.database, "precision": "ns"}, content=body
        )
        return Answer(answer.status_code, dict(answer.headers), answer.text)

    def _write_v2(self, body: bytes) -> Answer:
        if self._v2 is None:
            # Here and not above: loading the client would take a fifth of every start, also where nobody uses it.
            from collector.history.influx_v2 import InfluxV2  # noqa: PLC0415

            self._v2 = InfluxV2(self._settings)
        return self._v2.write(body)

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            reason = f"{self._settings.url}{path}: {type(error).__name__} {error}"
            raise HistoryUnavailableError(reason) from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        opened = answer.json()
    except ValueError:
        return {"error": answer.text[:500]}
    return opened if isinstance(opened, dict) else {"error": answer.text[:500]}
