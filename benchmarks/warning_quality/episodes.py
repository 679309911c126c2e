"""The worth of alarms to the people who get them: events found, false episodes, delay, levels, chatter, floods.

Comes in: alarms and events of one recording, in event time. Goes out: scores that add up over recordings. Refuses to
know how an alarm came about.

An *episode* is one call to an operator: alarms of one site with gaps of at most `merge_ns` between them. It is right if
it meets an event (with the grace behind it), else false. With `onset` an alarm counts for an event only if it begins
within it. This is for events that last for months, in which an alarm that has stood since before proves nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.time_units import MINUTE_NS

CITY_SENSORS = 100_000
PER_OPERATOR = 150
"""Alarms a day that one operator can take: ISA-18.2 (2009) as quoted on public pages."""
DAY_S = 86_400.0
_CHATTER = 3
_FLOOD_BEGINS, _FLOOD_ENDS = 10, 5
"""Annunciations in ten minutes (EEMUA 191 as quoted on public pages; the end assumed)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm from its raising to its clearing."""

    sensor: str
    begin_ns: int
    end_ns: int
    """The end of the recording if it still stands."""
    steps: tuple[tuple[int, int], ...] = ()
    """Time and level of each transition, the raising first, the clearing with level 0."""
    key: str = ""
    """The identity that it keeps when it is raised again."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that truly happened."""

    begin_ns: int
    end_ns: int
    sensors: frozenset[str] = frozenset()
    """Only alarms of these count; empty: of all."""
    level: int = 0
    """It should be announced at this level or above ..."""
    within_s: float = float("inf")
    """... after so long."""


@dataclass(frozen=True, slots=True)
class Matching:
    """How alarms and events are laid beside each other."""

    merge_ns: int = 30 * MINUTE_NS
    grace_ns: int = 0
    onset: bool = False
    by_sensor: bool = False
    """Each sensor calls for itself: for sites as large as a district."""


@dataclass(slots=True)
class Score:
    """The result of a rule set in some recordings."""

    events: int = 0
    found: int = 0
    episodes: int = 0
    right: int = 0
    sensor_days: float = 0.0
    normal_s: float = 0.0
    """Time outside of events."""
    standing_s: float = 0.0
    """Part of it in which an alarm stood."""
    delays_s: list[float] = field(default_factory=list)
    level_asked: int = 0
    level_right: int = 0
    chatter: int = 0
    annunciations: int = 0
    flood_s: float = 0.0
    watched_s: float = 0.0

    def add(self, other: "Score") -> "Score":
        """Return the sum of both."""
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in Score.__slots__})

    @property
    def recall(self) -> float:
        """Share of the events that were found."""
        return self.found / max(self.events, 1)

    @property
    def precision(self) -> float:
        """Share of the episodes that were right."""
        return self.right / max(self.episodes, 1)

    @property
    def false_episodes(self) -> int:
        """Calls for nothing."""
        return self.episodes - self.right

    @property
    def false_per_sensor_day(self) -> float:
        """False episodes in a day of one sensor."""
        return self.false_episodes / max(self.sensor_days, 1e-9)

    @property
    def city_per_day(self) -> float:
        """False episodes a day if a city had only such sensors."""
        return self.false_per_sensor_day * CITY_SENSORS

    @property
    def operators(self) -> float:
        """Operators that these alone would keep busy."""
        return self.city_per_day / PER_OPERATOR

    def delay_s(self, quantile: float) -> float:
        """Return the delay of the events found, NaN without any."""
        return float(np.quantile(self.delays_s, quantile)) if self.delays_s else float("nan")


def score(
    alarms: Sequence[Alarm], events: Sequence[Event], span_ns: tuple[int, int], n_sensors: int, how: Matching
) -> Score:
    """Return the worth of `alarms` in the recording from begin to end, `span_ns`."""
    alarms = [each for each in alarms if each.end_ns > span_ns[0] and each.begin_ns < span_ns[1]]
    windows = [(each.begin_ns, each.end_ns + how.grace_ns) for each in events]
    result = Score(events=len(events), watched_s=(span_ns[1] - span_ns[0]) / 1e9)
    result.sensor_days = result.watched_s / DAY_S * n_sensors
    for event, (begin, end) in zip(events, windows, strict=True):
        hits = [each for each in alarms if _counts(each, event, begin, end, how)]
        if hits:
            result.found += 1
            result.delays_s.append(max(0.0, (min(each.begin_ns for each in hits) - begin) / 1e9))
        if event.level:
            result.level_asked += 1
            result.level_right += any(_reached(each, event) for each in hits)
    for episode in _episodes(alarms, how):
        result.episodes += 1
        pairs = ((alarm, each, window) for alarm in episode for each, window in zip(events, windows, strict=True))
        result.right += any(_counts(alarm, each, *window, how) for alarm, each, window in pairs)
    _add_time(result, alarms, windows, span_ns)
    _add_load(result, alarms)
    return result


def _counts(alarm: Alarm, event: Event, begin_ns: int, end_ns: int, how: Matching) -> bool:
    if event.sensors and alarm.sensor not in event.sensors:
        return False
    if how.onset:
        return begin_ns <= alarm.begin_ns <= end_ns
    return alarm.begin_ns <= end_ns and alarm.end_ns >= begin_ns


def _reached(alarm: Alarm, event: Event) -> bool:
    """Tell whether the level was announced in time."""
    latest_ns = event.begin_ns + event.within_s * 1e9
    return any(level >= event.level and time_ns <= latest_ns for time_ns, level in alarm.steps)


def _episodes(alarms: Sequence[Alarm], how: Matching) -> Iterator[list[Alarm]]:
    callers = sorted({each.sensor for each in alarms}) if how.by_sensor else [""]
    for caller in callers:
        own = (each for each in alarms if caller in {"", each.sensor})
        yield from _merged(sorted(own, key=lambda each: each.begin_ns), how.merge_ns)


def _merged(alarms: Sequence[Alarm], merge_ns: int) -> Iterator[list[Alarm]]:
    episode: list[Alarm] = []
    end_ns = 0
    for alarm in alarms:
        if episode and alarm.begin_ns - end_ns > merge_ns:
            yield episode
            episode = []
        end_ns = max(end_ns, alarm.end_ns) if episode else alarm.end_ns
        episode.append(alarm)
    if episode:
        yield episode


def _add_time(
    result: Score, alarms: Sequence[Alarm], windows: Sequence[tuple[int, int]], span_ns: tuple[int, int]
) -> None:
    """Add how long nothing happened, and how much of that an alarm stood."""
    edges = sorted({*span_ns, *(t for w in windows for t in w), *(t for a in alarms for t in (a.begin_ns, a.end_ns))})
    inside = np.array([t for t in edges if span_ns[0] <= t <= span_ns[1]], np.int64)
    middle = (inside[1:] + inside[:-1]) // 2
    length_s = np.diff(inside) / 1e9
    normal = ~covered(middle, windows)
    standing = covered(middle, [(each.begin_ns, each.end_ns) for each in alarms])
    result.normal_s = float(length_s[normal].sum())
    result.standing_s = float(length_s[normal & standing].sum())


def covered(time_ns: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return bool[n]: which of the ascending times are in one of `spans`, their ends included."""
    covered = np.zeros(len(time_ns), np.bool_)
    for begin, end in spans:
        covered[np.searchsorted(time_ns, begin) : np.searchsorted(time_ns, end, side="right")] = True
    return covered


def _add_load(result: Score, alarms: Sequence[Alarm]) -> None:
    """Add announcements, alarms that chatter, and the time with more announcements than one can read."""
    told = sorted(time_ns for each in alarms for time_ns in _told(each))
    result.annunciations = len(told)
    by_key: dict[str, list[int]] = {}
    for each in alarms:
        by_key.setdefault(each.key or each.sensor, []).extend(time_ns for time_ns, _ in each.steps)
    for times in by_key.values():
        t = np.sort(np.array(times, np.int64))
        result.chatter += int((t[_CHATTER - 1 :] - t[: 1 - _CHATTER] <= MINUTE_NS).sum())
    result.flood_s = flood_seconds(np.array(told, np.int64))


def _told(alarm: Alarm) -> Iterator[int]:
    """Yield the times of its announcements: when it was raised and when it rose."""
    before = 0
    for time_ns, level in alarm.steps:
        if level > before:
            yield time_ns
        before = level


def flood_seconds(told_ns: NDArray[np.int64]) -> float:
    """Return how long there was a flood, by minutes."""
    if len(told_ns) == 0:
        return 0.0
    minute = (told_ns - told_ns[0]) // MINUTE_NS
    each = np.bincount(minute, minlength=int(minute[-1]) + 11)
    recent = np.convolve(each, np.ones(10, np.int64))[: len(each)]
    flood, minutes = False, 0
    for n in recent[np.flatnonzero(recent)[0] :]:
        flood = bool(n >= _FLOOD_BEGINS or (flood and n >= _FLOOD_ENDS))
        minutes += flood
    return minutes * 60.0


def always(events: Sequence[Event], span_ns: tuple[int, int]) -> list[Alarm]:
    """Return the alarms of a rule set that always cries."""
    sensors = sorted({name for each in events for name in each.sensors}) or ["always"]
    return [Alarm(name, *span_ns, ((span_ns[0], 5),)) for name in sensors]
