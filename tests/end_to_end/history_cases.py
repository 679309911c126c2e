"""Shared by the tests of the history on servers: a register, readings, and a history that is closed again."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from collector.batch import ReadingBatch, make_batch
from collector.history.influxdb import InfluxHistory
from config.register import Asset, Register, Sensor
from config.settings import HistorySettings

QUANTITIES = ("fire_water_pressure", "temperature")
MILLISECOND = 1_000_000


def register(sensor_ids: Sequence[str] = ("FT-1.p", "FT-2.t"), quantities: Sequence[str] = QUANTITIES) -> Register:
    """Return a register of sensors at one asset, of the quantities in turn."""
    asset = Asset("T-1", "residential_tower", "fire", "一号楼", "Tower 1", "g", 29.5, 106.5)
    sensors = [
        Sensor(id_, "T-1", id_, "c", quantities[i % len(quantities)], 1.0, 0.0, 2.0, 6.0, "")
        for i, id_ in enumerate(sensor_ids)
    ]
    return Register({}, {"T-1": asset}, sensors, {}, [])


@contextmanager
def influx_history(url: str, of: Register | None = None, **settings) -> Iterator[InfluxHistory]:
    """Give an open history on the server at `url`, of `register()` unless another is given."""
    history = InfluxHistory(HistorySettings(kind="influxdb", url=url, **settings), of or register())
    try:
        yield history
    finally:
        history.close()


def readings(n: int, bad: Sequence[int] = (), sensor: int = 0, now_ns: int = 0) -> ReadingBatch:
    """Return `n` readings, one a millisecond up to now; those at `bad` are NaN, which no server takes."""
    now_ns = now_ns or time.time_ns()
    values = [math.nan if i in set(bad) else i / 7 for i in range(n)]
    times = [now_ns - (n - i) * MILLISECOND for i in range(n)]
    return make_batch(now_ns, [sensor] * n, times, values, [i % 4 for i in range(n)])


def columns(batch) -> list[list[float]]:
    """Return time, value and quality of a batch or a series as lists."""
    return [batch.time_ns.tolist(), batch.value.tolist(), batch.quality.tolist()]
