"""I/O: a real InfluxDB 1.x (Debian's influxd) on a loopback port, with its files in a folder of the test."""

from pathlib import Path
from typing import Any

from tests.services.http import client
from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs

_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
{extra}
"""


class InfluxDB:
    """An InfluxDB server with one database; port and files stay the same over restarts."""

    host = "127.0.0.1"
    database = "lifeline"

    def __init__(self, folder: Path, extra_http: str = "") -> None:
        """Write the configuration into `folder`, with `extra_http` lines in its http section; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        [program] = find_programs("influxd")
        self.port, rpc_port = free_port(), free_port()
        config = folder / "influxdb.conf"
        config.write_text(_CONFIGURATION.format(folder=folder, port=self.port, rpc_port=rpc_port, extra=extra_http))
        command = [program, "run", "-config", config]
        self.process = ServerProcess(command, [self.port], folder / "influxd.log", start_s=60)
        self.stop, self.kill = self.process.stop, self.process.kill
        self.pause, self.resume = self.process.pause, self.process.resume
        self.log_tail = self.process.log_tail

    @property
    def url(self) -> str:
        """Address of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start the server and make sure that the database exists."""
        self.process.start()
        self.query(f'CREATE DATABASE "{self.database}"')

    def restart(self) -> None:
        """Stop and start again on the same port and files."""
        self.stop()
        self.start()

    def write(self, lines: str) -> None:
        """Store points in line protocol with nanosecond times."""
        parameters = {"db": self.database, "precision": "ns"}
        client().post(f"{self.url}/write", params=parameters, content=lines.encode(), timeout=60).raise_for_status()

    def query(self, influxql: str) -> list[dict[str, Any]]:
        """Return the rows of all series as dicts of columns, tags and `measurement`; `time` is in nanoseconds.

        Raises:
            RuntimeError: the server answered the query with an error.
        """
        parameters = {"db": self.database, "q": influxql, "epoch": "ns"}
        answer = client().post(f"{self.url}/query", params=parameters, timeout=60).json()
        results = answer.get("results", [answer])
        if errors := [result["error"] for result in results if "error" in result]:
            raise RuntimeError(f"{influxql}: {errors}")
        return [row for result in results for series in result.get("series", []) for row in _rows(series)]

    def count(self, measurement: str | None = None) -> int:
        """Return how many points `measurement` holds, or all measurements together."""
        source = f'"{measurement}"' if measurement else "/.*/"
        # S608: the tests name their own measurements
        rows = self.query(f'SELECT count("value") FROM {source}')  # noqa: S608
        return sum(int(row["count"]) for row in rows)


def _rows(series: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one dict a row of `series`."""
    base = {"measurement": series.get("name", ""), **series.get("tags", {})}
    return [base | dict(zip(series["columns"], row, strict=True)) for row in series.get("values", [])]
