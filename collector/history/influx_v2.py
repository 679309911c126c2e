"""I/O: `/api/v2/write` of InfluxDB 2.x and 3.x through influxdb-client's synchronous API.

Input: line protocol.
Output: status, headers and body as they are.
Not responsible for: the meaning of answers.
Rejects: nothing.

It is imported only when a server needs it. The client takes longer to load than all the rest of the history.
Its batching API loses points after its retries.
"""

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from collector.history import HistoryUnavailableError
from collector.history.influx_replies import Answer
from config.settings import HistorySettings


class InfluxV2:
    """The client of one server; for one thread."""

    def __init__(self, settings: HistorySettings) -> None:
        self._settings = settings
        # 3.x and a 1.8 without organisations want one all the same.
        self._org = settings.org or "-"
        token = settings.token.get_secret_value() if settings.token else ""
        self._client = InfluxDBClient(settings.url, token, org=self._org, timeout=int(settings.timeout_s * 1000))

    def write(self, body: bytes) -> Answer:
        """Post one body of lines and return the server's answer.

        Raises:
            HistoryUnavailableError: there was no answer in time.
        """
        bucket = self._settings.bucket or self._settings.database
        try:  # nanoseconds are its default precision
            self._client.write_api(SYNCHRONOUS).write(bucket, self._org, body)
        except ApiException as error:
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            text = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
            return Answer(int(error.status or 0), headers, text)
        except HTTPError as error:
            raise HistoryUnavailableError(f"{self._settings.url}: {error}") from error
        return Answer(204, {}, "")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()  # type: ignore[no-untyped-call]
