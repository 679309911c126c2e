"""I/O: the history in an InfluxDB server, 1.x, 2.x or 3.x.

Input: batches, and queries of one sensor.
Output: line protocol, `Series`, rejected points.
Not responsible for: the journal and retries; the caller repeats a failed batch, byte for byte the same.
Rejects: points that the server will never take, each with the server's reason.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from collector.batch import ReadingBatch
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.history import HistoryUnavailableError, Series
from collector.history.blocks import NO_READINGS, RawReadings, raw_readings
from collector.history.influx_replies import Reply, classify
from collector.history.influx_server import InfluxServer
from collector.history.isolation import store_all_but_rejected
from collector.history.line_protocol import lines, prefixes, quote_identifier, quote_text
from collector.history.series import last_of_equal
from config.register import Register
from config.settings import HistorySettings


class InfluxHistory:
    """A `History` on a server. `write` from one thread, `read` and `count` from any."""

    def __init__(self, settings: HistorySettings, register: Register) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._log = structlog.get_logger(history=settings.url)
        self._sensors = register.sensors
        self._prefixes = prefixes(register)
        self._server = InfluxServer(settings)
        self._limits_asked = False

    def write(self, batches: Sequence[ReadingBatch]) -> list[DeadLetter]:
        """Store the readings durably; returns the points that the server will never take, each with its reason.

        Raises:
            HistoryUnavailableError: nothing is known to be stored; the caller repeats the same batches.
        """
        readings, received_ns = _distinct(batches)
        if not len(readings):
            return []
        texts = lines(self._prefixes, readings)
        refused = store_all_but_rejected(texts, self._post)
        self._warn_of_limits()
        return [
            DeadLetter(
                int(received_ns[i]),
                f"history/{self._sensors[readings['sensor'][i]].id}",
                texts[i].encode(),
                DeadLetterReason.HISTORY_REJECTED,
                reason,
            )
            for i, reason in sorted(refused.items())
        ]

    def read(self, sensor: int, start_ns: int, end_ns: int, step_ns: int = 0) -> Series:
        """Return readings of `sensor` with start_ns <= time < end_ns; with `step_ns` the mean of each step.

        Raises:
            HistoryUnavailableError: no answer, or the server does not speak InfluxQL (VictoriaMetrics).
        """
        fields = 'mean("value"), max("quality")' if step_ns else '"value", "quality"'
        query = f"SELECT {fields} {self._source(sensor)} AND time >= {start_ns} AND time < {end_ns}"
        found = self._server.query(query + (f" GROUP BY time({step_ns}ns) fill(none)" if step_ns else ""))
        rows = [row for series in found for row in series.get("values", [])]
        return Series(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.float64),
            np.array([row[2] or 0 for row in rows], np.uint16),
        )

    def read_all(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.int32], Series]:
        """Return the sensor of each reading, and the readings of all with start_ns <= time < end_ns.

        One query for each quantity; sensors that the register does not have are left out.

        Raises:
            HistoryUnavailableError: no answer, or the server does not speak InfluxQL (VictoriaMetrics).
        """
        numbers = {each.id: number for number, each in enumerate(self._sensors)}
        sensor: list[int] = []
        rows: list[list[object]] = []
        for quantity in sorted({each.quantity for each in self._sensors}):
            span = f"time >= {start_ns} AND time < {end_ns}"
            source = f'FROM {quote_identifier(quantity)} WHERE {span} GROUP BY "sensor"'
            for series in self._server.query(f'SELECT "value", "quality" {source}'):
                number = numbers.get(series.get("tags", {}).get("sensor", ""))
                if number is not None and self._sensors[number].quantity == quantity:
                    rows += series["values"]
                    sensor += [number] * len(series["values"])
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        quality = np.array([each or 0 for each in columns[2]], np.uint16)
        return np.array(sensor, np.int32), Series(
            np.array(columns[0], np.int64), np.array(columns[1], np.float64), quality
        )

    def count(self, sensor: int | None = None) -> int:
        """Return how many distinct points are stored, of `sensor` or of all quantities of the register.

        Raises:
            HistoryUnavailableError: no answer.
        """
        quantities = sorted({sensor.quantity for sensor in self._sensors})
        source = f"FROM {','.join(map(quote_identifier, quantities))}" if sensor is None else self._source(sensor)
        found = self._server.query(f'SELECT count("value") {source}')
        return sum(int(row[1]) for series in found for row in series.get("values", []))

    def close(self) -> None:
        """Close all connections."""
        self._server.close()

    def _source(self, sensor: int) -> str:
        named = self._sensors[sensor]
        return f'FROM {quote_identifier(named.quantity)} WHERE "sensor" = {quote_text(named.id)}'

    def _post(self, texts: Sequence[str]) -> Reply:
        answer = self._server.write("\n".join(texts).encode())
        self.counts["history_requests", ""] += 1
        return classify(answer.status, answer.headers, answer.body, texts)

    def _warn_of_limits(self) -> None:
        """Say once when 1.x is set to take fewer sensors than the register has: it would drop the others' points."""
        if self._limits_asked:
            return
        self._limits_asked = True
        try:
            found = self._server.query("SHOW DIAGNOSTICS")
        except HistoryUnavailableError:
            return  # only 1.x answers, and only to an administrator
        limits = {
            name: value
            for series in found
            if series.get("name") == "config-data"
            for name, value in zip(series["columns"], series["values"][0], strict=True)
        }
        of_one_quantity = max(Counter(sensor.quantity for sensor in self._sensors).values(), default=0)
        needs = {"max-values-per-tag": of_one_quantity, "max-series-per-database": len(self._sensors)}
        for name, needed in needs.items():
            allowed = limits.get(name)
            if isinstance(allowed, int) and 0 < allowed < needed:
                remedy = f"set {name} = 0 in influxdb.conf"
                self._log.error("history_limit_too_low", limit=name, allows=allowed, needed=needed, remedy=remedy)


def _distinct(batches: Sequence[ReadingBatch]) -> tuple[RawReadings, NDArray[np.int64]]:
    """Return the readings and when each was received; of equal sensor and time the last, for 3.x may keep either."""
    columns = [raw_readings(batch.sensor, batch.time_ns, batch.value, batch.quality) for batch in batches]
    received = [np.full(len(batch), batch.received_ns, np.int64) for batch in batches]
    if not columns:
        return NO_READINGS, np.empty(0, np.int64)
    readings, received_ns = np.concatenate(columns), np.concatenate(received)
    keep = last_of_equal(readings["sensor"], readings["time_ns"])
    return readings[keep], received_ns[keep]
