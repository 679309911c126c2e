"""The InfluxDB history against a real server."""

import time

import pytest

from collector.batch import make_batch
from collector.history.influxdb import InfluxHistory
from config.register import Asset, Region, RegionKind, Register, Sensor
from config.settings import HistorySettings

pytestmark = pytest.mark.end_to_end
SECOND = 1_000_000_000


def _register(*sensor_ids):
    """Return a register with these sensors at one asset."""
    asset = Asset("T-1", "residential_tower", "fire", "一号楼", "Tower 1", "g", 29.5, 106.5)
    region = Region("g", RegionKind.GRID, "", "网格", "grid")
    sensors = [Sensor(id_, "T-1", id_, "p", "fire_water_pressure", 1.0, 0.0, 2.0, 6.0, "") for id_ in sensor_ids]
    return Register({"g": region}, {"T-1": asset}, sensors, {}, [])


@pytest.fixture
def open_influx():
    """Return a function that opens a history at a URL; all are closed after the test."""
    opened = []

    def open_(url, *sensor_ids, **settings):
        register = _register(*(sensor_ids or ("FT-1.p", "FT-2.p")))
        history = InfluxHistory(HistorySettings(kind="influxdb", url=url, **settings), register)
        opened.append(history)
        return history

    yield open_
    for history in opened:
        history.close()


def _readings(n, now_ns, sensor=0):
    """Return a batch of `n` readings, one a millisecond up to now."""
    times = [now_ns - (n - i) * 1_000_000 for i in range(n)]
    return make_batch(now_ns, [sensor] * n, times, [i / 7 for i in range(n)], [i % 4 for i in range(n)])


def test_write_and_read_give_the_same_bits_back(influxdb, open_influx):
    """Time, value and quality survive the server exactly."""
    history = open_influx(influxdb.url)
    batch = _readings(1000, time.time_ns())

    assert [] == history.write([batch])
    series = history.read(0, batch.time_ns[0], batch.time_ns[-1] + 1)
    assert [column.tolist() for column in (batch.time_ns, batch.value, batch.quality)] == [
        column.tolist() for column in (series.time_ns, series.value, series.quality)
    ]


def test_write_again_counts_once(influxdb, open_influx):
    """The same batch twice is stored once."""
    history = open_influx(influxdb.url)
    batch = _readings(100, time.time_ns())
    for _ in range(2):
        history.write([batch])

    assert (100, 100, 0) == (history.count(), history.count(0), history.count(1))


def test_read_steps_gives_means(influxdb, open_influx):
    """A step is the mean of its values, the worst of its qualities, at the step's start."""
    history = open_influx(influxdb.url)
    start = time.time_ns() // (10 * SECOND) * 10 * SECOND
    times = [start, start + SECOND, start + 20 * SECOND]
    history.write([make_batch(start, [0] * 3, times, [1.0, 3.0, 8.0], [0, 4, 0])])
    series = history.read(0, start, start + 60 * SECOND, 10 * SECOND)

    assert [(start, 2.0, 4), (start + 20 * SECOND, 8.0, 0)] == list(
        zip(series.time_ns.tolist(), series.value.tolist(), series.quality.tolist(), strict=True)
    )
