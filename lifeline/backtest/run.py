"""The back-test: the tried rules and the running ones over the same batches.

Comes in: two districts, batches, labels. Goes out: `Result`. Refuses to read, to show and to send.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from alerts.planning.context import PlanningConfig
from collector.batch import ReadingBatch
from lifeline.backtest.difference import Difference, difference
from lifeline.backtest.figures import DAY_NS, Load, load_of
from lifeline.backtest.labels import Incident, Score, score
from lifeline.backtest.trial import Trial
from rules.events import Dimension


@dataclass(frozen=True, slots=True)
class Side:
    """What one rule set made of the stream."""

    load: Load
    faults: int
    """Episodes of device health."""
    messages: Counter[tuple[str, str, str]]
    """Contact, channel and kind of message to how many."""
    score: Score | None
    """Against labels; None without any."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a back-test says."""

    start_ns: int
    """Received time of the first batch; 0 where nothing was heard."""
    end_ns: int
    """Received time of the last batch."""
    readings: int
    tried: Side
    running: Side
    difference: Difference
    """Of hazard alarms."""
    health: Difference
    """Of alarms about devices."""

    @property
    def days(self) -> float:
        """Length of the span."""
        return (self.end_ns - self.start_ns) / DAY_NS


def backtest(
    tried: PlanningConfig,
    running: PlanningConfig,
    batches: Iterable[ReadingBatch],
    incidents: Sequence[Incident] = (),
    seen: Callable[[int], None] = lambda _received_ns: None,
) -> Result:
    """Return what both rule sets make of `batches`; `seen` is told how far it is."""
    here, there = Trial(tried), Trial(running)
    start_ns = end_ns = readings = 0
    for batch in batches:
        here.take(batch)
        there.take(batch)
        start_ns, end_ns = start_ns or batch.received_ns, batch.received_ns
        readings += len(batch)
        seen(end_ns)
    labels = [each for each in incidents if each.within(start_ns, end_ns)]
    return Result(
        start_ns,
        end_ns,
        readings,
        _side(here, labels, (start_ns, end_ns)),
        _side(there, labels, (start_ns, end_ns)),
        difference(here.episodes(Dimension.HAZARD), there.episodes(Dimension.HAZARD)),
        difference(here.episodes(Dimension.HEALTH), there.episodes(Dimension.HEALTH)),
    )


def _side(trial: Trial, incidents: Sequence[Incident], span: tuple[int, int]) -> Side:
    hazards = trial.episodes(Dimension.HAZARD)
    return Side(
        load_of(hazards, *span),
        len(trial.episodes(Dimension.HEALTH)),
        trial.messages,
        score(incidents, hazards) if incidents else None,
    )
