"""The back-test: the tried rules and the running rules over the same batches.

Input: two planning configurations, batches and known incidents.
Output: `BacktestResult`.
Not responsible for: reading, showing and sending.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from alerts.planning.alert_context import PlanningConfig
from collector.batch import ReadingBatch
from config.city_time import CityTime
from lifeline.backtest.alarm_load import DAY_NS, AlarmLoad, measure_alarm_load
from lifeline.backtest.difference import HistoryDifference, compare_episodes
from lifeline.backtest.known_incidents import IncidentScore, KnownIncident, score_episodes
from lifeline.backtest.trial import Trial
from rules.events import Dimension


@dataclass(frozen=True, slots=True)
class RuleSetResult:
    """The result of one rule set over the stream."""

    load: AlarmLoad
    faults: int
    """Episodes of device health."""
    messages: Counter[tuple[str, str, str]]
    """Contact, channel and kind of message to how many."""
    score: IncidentScore | None
    """Against labels; None without any."""


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """The result of a back-test."""

    start_ns: int
    """Received time of the first batch; 0 where nothing was heard."""
    end_ns: int
    """Received time of the last batch."""
    readings: int
    tried: RuleSetResult
    running: RuleSetResult
    difference: HistoryDifference
    """Of hazard alarms."""
    health: HistoryDifference
    """Of alarms about devices."""
    city: CityTime
    """Local time for days, shifts and texts."""

    @property
    def days(self) -> float:
        """Length of the span."""
        return (self.end_ns - self.start_ns) / DAY_NS


def run_backtest(
    tried: PlanningConfig,
    running: PlanningConfig,
    batches: Iterable[ReadingBatch],
    incidents: Sequence[KnownIncident] = (),
    seen: Callable[[int], None] = lambda _received_ns: None,
) -> BacktestResult:
    """Return the results of both rule sets over `batches`; `seen` gets the received time of each batch."""
    here, there = Trial(tried), Trial(running)
    start_ns = end_ns = readings = 0
    for batch in batches:
        here.take(batch)
        there.take(batch)
        start_ns, end_ns = start_ns or batch.received_ns, batch.received_ns
        readings += len(batch)
        seen(end_ns)
    labels = [each for each in incidents if each.within(start_ns, end_ns)]
    return BacktestResult(
        start_ns,
        end_ns,
        readings,
        _summarize_trial(here, labels, (start_ns, end_ns)),
        _summarize_trial(there, labels, (start_ns, end_ns)),
        compare_episodes(here.episodes(Dimension.HAZARD), there.episodes(Dimension.HAZARD)),
        compare_episodes(here.episodes(Dimension.HEALTH), there.episodes(Dimension.HEALTH)),
        tried.register.city,
    )


def _summarize_trial(trial: Trial, incidents: Sequence[KnownIncident], span: tuple[int, int]) -> RuleSetResult:
    hazards = trial.episodes(Dimension.HAZARD)
    return RuleSetResult(
        measure_alarm_load(hazards, *span, trial.config.register.city),
        len(trial.episodes(Dimension.HEALTH)),
        trial.messages,
        score_episodes(incidents, hazards) if incidents else None,
    )
