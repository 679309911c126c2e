"""Threshold evaluations a second on one core at 1k, 10k and 100k sensors, and the memory a sensor costs.

One evaluation is one reading judged by one rule of four levels. One reading in a thousand is low, as on a bad day.
"""

import time
import tracemalloc
from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Figure
from benchmarks.town import make_register, make_ruleset
from collector.batch import ReadingBatch, make_batch
from config.time_units import SECOND_NS
from rules.engine import RuleEngine

_BATCH = 5000
_N_READINGS = 2_000_000


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    for n_sensors in (1_000, 10_000, 100_000):
        register = make_register(n_sensors)
        engine = RuleEngine(make_ruleset(register), register)
        batches = _batches(n_sensors)
        begin = time.perf_counter()
        n_events = sum(len(engine.evaluate(batch, place)) for place, batch in enumerate(batches, 1))
        elapsed_s = time.perf_counter() - begin
        rate = sum(map(len, batches)) / elapsed_s
        yield Figure(f"rules.evaluations_at_{n_sensors}_sensors", rate, "1/s", ">= 5e6")
        yield Figure(f"rules.events_at_{n_sensors}_sensors", n_events, "events")
    yield from _memory(100_000)


def _batches(n_sensors: int) -> list[ReadingBatch]:
    """Return batches of 5,000 readings in which every sensor reports in turn, some of them below a limit."""
    rng = np.random.default_rng(1)
    batches = []
    for first in range(0, _N_READINGS, _BATCH):
        place = np.arange(first, first + _BATCH)
        second, sensor = place // n_sensors, place % n_sensors
        value = 0.3 + 0.01 * rng.standard_normal(_BATCH)
        value[rng.random(_BATCH) < 0.001] = 0.04
        received_ns = int(second[-1] + 1) * SECOND_NS
        batches.append(make_batch(received_ns, sensor, second * SECOND_NS, value, np.zeros(_BATCH)))
    return batches


def _memory(n_sensors: int) -> Iterator[Figure]:
    """Yield the memory of register and engine for one sensor."""
    tracemalloc.start()
    register = make_register(n_sensors)
    after_register, _ = tracemalloc.get_traced_memory()
    engine = RuleEngine(make_ruleset(register), register)
    after_engine, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Figure("memory.register_per_sensor", after_register / n_sensors, "B")
    yield Figure("memory.engine_per_sensor", (after_engine - after_register) / n_sensors, "B")
    yield Figure("memory.snapshot_per_sensor", len(engine.snapshot()) / n_sensors, "B")
