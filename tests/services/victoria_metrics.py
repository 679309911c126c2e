"""I/O: a real VictoriaMetrics on a loopback port: it takes `/api/v2/write`; a mirror, never the record."""

import json
from pathlib import Path
from typing import Any

from tests.services.http import client
from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs


class VictoriaMetrics:
    """A single-node server; port and files stay the same over restarts."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        """Choose a port and keep files in `folder`; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        [program] = find_programs("victoria-metrics")
        self.port = free_port()
        options = [
            f"-storageDataPath={folder / 'storage'}",
            f"-httpListenAddr={self.host}:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-search.disableCache",
        ]
        self.process = ServerProcess([program, *options], [self.port], folder / "victoria-metrics.log")
        self.start, self.stop, self.kill = self.process.start, self.process.stop, self.process.kill
        self.restart, self.pause, self.resume = self.process.restart, self.process.pause, self.process.resume
        self.log_tail = self.process.log_tail

    @property
    def url(self) -> str:
        """Address of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def query(self, promql: str, time_s: float | None = None) -> list[dict[str, Any]]:
        """Return the instant vector of `promql` at `time_s` (now when None): dicts with `metric` and `value`."""
        parameters = {"query": promql} | ({"time": str(time_s)} if time_s is not None else {})
        answer = client().get(f"{self.url}/api/v1/query", params=parameters, timeout=30)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["data"]["result"]
        return rows

    def series(self, selector: str) -> list[dict[str, Any]]:
        """Return all points of the series that `selector` names: dicts with `metric`, `values`, `timestamps`."""
        # what was just written becomes readable about once a second; this makes it so now
        client().get(f"{self.url}/internal/force_flush", timeout=30).raise_for_status()
        answer = client().get(f"{self.url}/api/v1/export", params={"match[]": selector}, timeout=60)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]

    def count(self, selector: str = '{__name__=~".+_value"}') -> int:
        """Return how many points the series of `selector` hold."""
        return sum(len(series["values"]) for series in self.series(selector))
