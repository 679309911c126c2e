"""I/O: the metrics of `/metrics`, read from the stages at the moment of the scrape; nothing is global.

Input: the plain counters and gauges of the stages.
Output: a Prometheus collector for the given registry, and the two histograms of time.
Not responsible for: counting.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from lifeline.metrics.names import COUNTERS, GAUGES, HISTOGRAMS

CounterValues = Mapping[tuple[str, str], int]
"""(metric name without prefix and suffix, reason or "") to how many."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value of now."""

    name: str
    """Without the prefix `lifeline_`."""
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class LatencyHistograms:
    """The two histograms, in seconds from a reading's arrival."""

    decided: Histogram
    """To the committed alarm event."""
    handed_over: Histogram
    """To the moment at which a channel took the notification."""


class StageMetrics:
    """Reads counters and gauges when Prometheus asks."""

    def __init__(self, counts: Callable[[], Sequence[CounterValues]], gauges: Callable[[], Iterable[Gauge]]) -> None:
        """Ask `counts` and `gauges` at every scrape."""
        self._counts, self._gauges = counts, gauges

    def collect(self) -> Iterator[Metric]:
        """Return the families of one scrape."""
        yield from _make_counters(self._counts())
        yield from _make_gauges(self._gauges())

    def describe(self) -> Iterator[Metric]:
        """Return nothing: names are known only when the stages run, and registering must not scrape."""
        return iter(())


def make_histograms(registry: CollectorRegistry) -> LatencyHistograms:
    """Return both histograms, registered with `registry`."""
    decided, handed_over = (
        Histogram(f"lifeline_{name}", text, registry=registry, buckets=_SECONDS) for name, text in HISTOGRAMS.items()
    )
    return LatencyHistograms(decided, handed_over)


def _make_counters(sources: Sequence[CounterValues]) -> Iterator[Metric]:
    totals: Counter[tuple[str, str]] = Counter()
    for counts in sources:
        # A stage may add a reason while this runs; its own copy is taken in one step.
        totals.update(dict(counts))
    for name in sorted({name for name, _ in totals}):
        family = CounterMetricFamily(f"lifeline_{name}", COUNTERS.get(name, name), labels=["reason"])
        for (other, reason), value in sorted(totals.items()):
            if other == name:
                family.add_metric([reason], value)
        yield family


def _make_gauges(gauges: Iterable[Gauge]) -> Iterator[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for gauge in gauges:
        family = families.get(gauge.name)
        if family is None:
            text = GAUGES.get(gauge.name, gauge.name)
            family = families[gauge.name] = GaugeMetricFamily(f"lifeline_{gauge.name}", text, labels=[*gauge.labels])
        family.add_metric([*gauge.labels.values()], gauge.value)
    yield from families.values()
