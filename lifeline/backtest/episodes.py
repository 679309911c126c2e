"""Episodes: one stay of one alarm above no level, from its raising to its clearing, with every change of level.

Input: alarm events.
Output: `Episode`s in the order of their beginning.
Not responsible for: messages and their recipients.
Rejects: nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.levels import NO_LEVEL
from rules.events import AlarmEvents, AlarmKey, Dimension


@dataclass(frozen=True, slots=True)
class LevelTransition:
    """One transition of an alarm."""

    alarm: str
    """`<rule id>/<sensor id>`."""
    time_ns: int
    level: int
    """Behind it; 0 when it is over."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One stay of one alarm above no level."""

    alarm: str
    dimension: Dimension
    transitions: tuple[tuple[int, int], ...]
    """Event time and level of each transition: the first raises, the last clears unless it still stands."""

    @property
    def start_ns(self) -> int:
        """Event time of the raising."""
        return self.transitions[0][0]

    @property
    def end_ns(self) -> int | None:
        """Event time of the clearing, None while it stands."""
        return None if self.transitions[-1][1] else self.transitions[-1][0]

    @property
    def peak(self) -> int:
        """Highest level."""
        return max(level for _, level in self.transitions)

    @property
    def sensor(self) -> str:
        """Sensor id."""
        return self.alarm.partition("/")[2]

    @property
    def rule(self) -> str:
        """Rule id."""
        return self.alarm.partition("/")[0]

    def first_time_at(self, level: int) -> int | None:
        """Return the event time at which it first stood at `level` or above, None when it never did."""
        return next((time_ns for time_ns, each in self.transitions if each >= level), None)

    def ends_before(self, time_ns: int) -> bool:
        """Tell whether it was over before `time_ns`."""
        return self.end_ns is not None and self.end_ns < time_ns


def read_transitions(
    events: AlarmEvents, alarms: Sequence[AlarmKey], dimension: Dimension
) -> Iterator[LevelTransition]:
    """Yield the transitions of one dimension in their order."""
    columns = zip(events.alarm.tolist(), events.time_ns.tolist(), events.level_after.tolist(), strict=True)
    for alarm, time_ns, level in columns:
        if alarms[alarm].dimension is dimension:
            yield LevelTransition(alarms[alarm].id, time_ns, level)


def build_episodes(transitions: Iterable[LevelTransition], dimension: Dimension) -> list[Episode]:
    """Return the episodes that `transitions` make, by their beginning and then by alarm id."""
    standing: dict[str, list[tuple[int, int]]] = {}
    found = []
    for transition in transitions:
        standing.setdefault(transition.alarm, []).append((transition.time_ns, transition.level))
        if transition.level == NO_LEVEL:
            found.append(Episode(transition.alarm, dimension, tuple(standing.pop(transition.alarm))))
    found += [Episode(alarm, dimension, tuple(rest)) for alarm, rest in standing.items()]
    return sorted(found, key=lambda each: (each.start_ns, each.alarm))
