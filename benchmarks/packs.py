"""All packs over a city at 1 Hz: share of a core, readings a second, state a sensor, and peers.

The city is that of `benchmarks/lifelines.py`: 100,000 sensors on devices of nine lifelines, heartbeats among them. It
runs for two days at a reading an hour, then half an hour at two a minute. Windows are full then. The trends of a week,
which close a bucket each six hours, are full by a third. The city is then measured at 1 Hz. The cost of a reading in
cities of 1,000 to a million sensors is measured at batches of one size. The size is 1,000, since the second of a small
city has no more. Peers judge the same three limits of one pressure. vmalert (with VictoriaMetrics) replays samples;
river calls `learn_one` in a loop. All figures are of processor time, which a busy machine changes less than time by the
clock.
"""

import resource
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from benchmarks import vmalert
from benchmarks.figures import Figure
from benchmarks.lifelines import START_S, City, buffered, make_city, rounds
from rules.engine import RuleEngine

_BATCH, _SMALL_BATCH, _SMALLEST_BATCH = 5000, 1000, 25
_CITY = 100_000
_CITIES = (1_000, 10_000, 100_000, 1_000_000)
_HOURS = range(START_S - 50 * 3600, START_S, 3600)
_HALF_MINUTES = range(START_S, START_S + 1800, 30)
_MEASURED_S = START_S + 1800
_SECONDS = 20
_BUFFERED, _BUFFERED_S = 37, 135
"""The sensors of the first ten devices, one of each kind."""
_RIVER_READINGS = 20_000


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    yield from _city()
    costs: list[float] = []
    for n_sensors in _CITIES:
        costs.append(_cost(n_sensors))
        yield Figure(f"packs.cost_at_{n_sensors}_sensors", costs[-1], "ns/reading")
    yield Figure("packs.costs_largest_over_smallest", max(costs) / min(costs), "1")
    yield Figure("packs.memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB", "<= 12 GiB")
    yield from vmalert.measure()
    yield from _river()


def _city() -> Iterator[Figure]:
    """Yield the cost of a city."""
    city = make_city(_CITY)
    engine, n_sensors = RuleEngine(city.rules, city.register), len(city.register.sensors)
    yield Figure("packs.rules", len(city.rules.rules), "rules")
    yield Figure("packs.bindings_per_sensor", len(engine.alarms) / n_sensors, "1")
    _fill(engine, city)
    per_s, n_events = _run(engine, city, range(_MEASURED_S, _MEASURED_S + _SECONDS))
    yield Figure(f"packs.core_share_at_{_CITY}_sensors_1Hz", 100 * n_sensors / per_s, "%", "<= 10 %")
    yield Figure("packs.readings", per_s, "1/s", ">= 2e6")
    yield Figure("packs.events", n_events, "events")
    yield Figure("packs.snapshot_per_sensor", len(engine.snapshot()) / n_sensors, "B", "<= 4096 B")
    yield _state(engine, n_sensors)
    begin = _MEASURED_S + _SECONDS
    per_s, _ = _run(engine, city, range(begin, begin + 1), _SMALLEST_BATCH)
    yield Figure(f"packs.batch_of_{_SMALLEST_BATCH}", 1e3 * _SMALLEST_BATCH / per_s, "ms")
    batch = buffered(city, _BUFFERED, range(begin + 1, begin + 1 + _BUFFERED_S))
    spent_s = time.process_time()
    engine.evaluate(batch, 1)
    cost_ns = 1e9 * (time.process_time() - spent_s) / len(batch)
    yield Figure(f"packs.cost_of_buffers_of_{_BUFFERED_S}_readings", cost_ns, "ns/reading")


def _fill(engine: RuleEngine, city: City) -> None:
    """Let windows fill."""
    for times_s in (_HOURS, _HALF_MINUTES):
        _run(engine, city, times_s)


def _run(engine: RuleEngine, city: City, times_s: range, batch_size: int = _BATCH) -> tuple[float, int]:
    """Return readings a second, the making of the batches left out, and the events."""
    n_readings = n_events = 0
    spent_s = 0.0
    for batches in rounds(city, times_s, batch_size):
        begin = time.process_time()
        n_events += sum(len(engine.evaluate(batch, 1)) for batch in batches)
        spent_s += time.process_time() - begin
        n_readings += sum(len(batch.sensor) for batch in batches)
    return n_readings / spent_s, n_events


def _state(engine: RuleEngine, n_sensors: int) -> Figure:
    """Return the state of the rules for one sensor: the columns of each hundredth alarm, counted for all of them."""
    looked_at = range(0, len(engine.alarms), 100)
    n_bytes = sum(column.nbytes for alarm in looked_at for column in engine.columns_of(alarm).values())
    return Figure("packs.state_per_sensor", n_bytes / len(looked_at) * len(engine.alarms) / n_sensors, "B", "<= 4096 B")


def _cost(n_sensors: int) -> float:
    """Return the cost of a reading in a city of `n_sensors`, nanoseconds; at least 200,000 readings."""
    city = make_city(n_sensors)
    engine = RuleEngine(city.rules, city.register)
    _fill(engine, city)
    n_rounds = max(2, 200_000 // n_sensors)
    per_s, _ = _run(engine, city, range(_MEASURED_S, _MEASURED_S + n_rounds), _SMALL_BATCH)
    return 1e9 / per_s


def _river() -> Iterator[Figure]:
    """Yield the cost of river's detectors, one detector a sensor as its users have it, or nothing without it."""
    if find_spec("river") is None:
        print("# river is not installed: pip install 'lifeline[bench]'", flush=True)
        return
    from river import anomaly, drift  # noqa: PLC0415 - an optional extra

    def score(detector: object, value: float) -> None:
        detector.score_one({"x": value})
        detector.learn_one({"x": value})

    peers: dict[str, tuple[Callable[[], object], Callable[[object, float], None]]] = {
        "page_hinkley": (drift.PageHinkley, lambda each, value: each.update(value)),
        "adwin": (drift.ADWIN, lambda each, value: each.update(value)),
        "half_space_trees": (lambda: anomaly.HalfSpaceTrees(seed=1), score),
    }
    for name, (make, judge) in peers.items():
        detectors = [make() for _ in range(100)]
        values = [0.35 + 0.001 * (i * 7919 % 13) for i in range(_RIVER_READINGS)]
        begin = time.process_time()
        for i, value in enumerate(values):
            judge(detectors[i % 100], value)
        yield Figure(f"peer.river_{name}", _RIVER_READINGS / (time.process_time() - begin), "1/s")
