"""Sensor-days of the past judged a second on one core: from columns in memory, and from the embedded history.

Every sensor reports once a minute, spread over the minute. One rule of four levels watches all sensors. A second rule
set runs beside, as a back-test always judges the running rules too. One reading in a hundred thousand is low: 144
alarms a day, as many as one operator can take. Time is the processor's: other programs do not count. The projection is
a year of 10,000 sensors at that rate.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from alerts.links import SignedLinks
from alerts.planning.alert_context import PlanningConfig
from alerts.routing.routes import Routes
from benchmarks.figures import Figure
from benchmarks.town import make_register, make_ruleset
from collector.batch import ReadingBatch, make_batch
from collector.history.opening import open_history
from config.loading import load_quantities
from config.register import Register
from config.settings import HistorySettings
from config.time_units import MINUTE_NS, SECOND_NS
from lifeline.backtest.recorded_readings import TimeSpan, read_history
from lifeline.backtest.run import run_backtest
from lifeline.backtest.stream import BatchStream, ReadingChunk
from rules.engine import RuleEngine

_N_SENSORS = 10_000
_DAY_MINUTES = 1440
_START_NS = 1_742_774_400 * SECOND_NS
_MINUTES = 360
_HISTORY_MINUTES = 60
_YEAR_DAYS = 365
_LOW = 1e-5


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    register = make_register(_N_SENSORS)
    columns_s = _timed(register, _pieces(_MINUTES))
    yield from _figures("columns", _MINUTES, columns_s)
    engine = RuleEngine(make_ruleset(register), register)
    begin = time.process_time()
    for place, batch in enumerate(BatchStream(register).batches(_pieces(_MINUTES)), 1):
        engine.evaluate(batch, place)
    yield from _figures("engine_alone", _MINUTES, time.process_time() - begin)
    with tempfile.TemporaryDirectory() as folder:
        history = open_history(HistorySettings(path=Path(folder) / "history.db", retention_days=30.0), register)
        for batch in _live(_HISTORY_MINUTES):
            history.write([batch])
        span = TimeSpan(_START_NS, _START_NS + _HISTORY_MINUTES * MINUTE_NS)
        elapsed_s = _timed(register, read_history(history, register, span))
        history.close()
    yield from _figures("history", _HISTORY_MINUTES, elapsed_s)


def _figures(source: str, minutes: int, elapsed_s: float) -> Iterator[Figure]:
    rate = _N_SENSORS * minutes / _DAY_MINUTES / elapsed_s
    yield Figure(f"backtest.{source}_sensor_days", rate, "1/s")
    year_min = _N_SENSORS * _YEAR_DAYS / rate / 60
    yield Figure(f"backtest.{source}_year_of_{_N_SENSORS}_sensors", year_min, "min", "minutes, not hours")


def _timed(register: Register, chunks: Iterable[ReadingChunk]) -> float:
    """Return the seconds that a whole back-test of `chunks` takes, difference and figures included."""
    config = PlanningConfig(
        register, load_quantities(), make_ruleset(register), Routes(()), SignedLinks("http://h", b"")
    )
    begin = time.process_time()
    run_backtest(config, config, BatchStream(register).batches(chunks))
    return time.process_time() - begin


def _pieces(minutes: int) -> Iterator[ReadingChunk]:
    """Yield one chunk for each ten minutes."""
    for first in range(0, minutes, 10):
        n = min(10, minutes - first)
        sensor = np.tile(np.arange(_N_SENSORS, dtype=np.int32), n)
        start_ns = _START_NS + first * MINUTE_NS
        minute = np.repeat(np.arange(n, dtype=np.int64), _N_SENSORS)
        time_ns = start_ns + minute * MINUTE_NS + sensor.astype(np.int64) * (MINUTE_NS // _N_SENSORS)
        value = _values(len(sensor), first)
        yield ReadingChunk(start_ns, start_ns + n * MINUTE_NS, sensor, time_ns, value, np.zeros(len(sensor), np.uint16))


def _live(minutes: int) -> Iterator[ReadingBatch]:
    """Yield the same as an intake would have stored it, a second of readings at a time."""
    for chunk in _pieces(minutes):
        seconds = chunk.time_ns // SECOND_NS
        for second in np.unique(seconds).tolist():
            rows = np.flatnonzero(seconds == second)
            columns = (chunk.sensor[rows], chunk.time_ns[rows], chunk.value[rows], chunk.quality[rows])
            yield make_batch((second + 1) * SECOND_NS, *columns)


def _values(n: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    value = 0.3 + 0.01 * rng.standard_normal(n)
    value[rng.random(n) < _LOW] = 0.04
    return value
