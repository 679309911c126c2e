"""The exact difference between two alarm histories of the same stream, alarm by alarm.

Input: episodes of the tried rules and of the running rules.
Output: episodes of one side only, and episodes of both with other times or levels.
Not responsible for: rounding; one nanosecond is another time.
Rejects: nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifeline.backtest.episodes import Episode


class DifferenceKind(StrEnum):
    """How an episode differs."""

    ONLY_TRIED = "only_tried"
    """The tried rules raise it, the running ones do not."""
    ONLY_RUNNING = "only_running"
    """The running rules raise it, the tried ones do not."""
    OTHER_LEVELS = "other_levels"
    """Both raise it, to another highest level."""
    OTHER_TIMES = "other_times"
    """Both raise it to the same highest level, at other times."""


@dataclass(frozen=True, slots=True)
class EpisodeChange:
    """One episode that is not the same in both."""

    tried: Episode | None
    running: Episode | None

    @property
    def kind(self) -> DifferenceKind:
        """How it differs."""
        if self.running is None:
            return DifferenceKind.ONLY_TRIED
        if self.tried is None:
            return DifferenceKind.ONLY_RUNNING
        return DifferenceKind.OTHER_LEVELS if self.tried.peak != self.running.peak else DifferenceKind.OTHER_TIMES

    @property
    def episode(self) -> Episode:
        """The tried rules' episode where there is one, else the running rules'."""
        found = self.tried or self.running
        assert found is not None  # noqa: S101 - one of them is always there
        return found


@dataclass(frozen=True, slots=True)
class HistoryDifference:
    """The difference between the alarm histories of two rule sets over one stream."""

    same: int
    """Episodes equal in every transition."""
    changes: tuple[EpisodeChange, ...]
    """By beginning, then by alarm id."""

    def count(self, kind: DifferenceKind) -> int:
        """Return how many differ in this way."""
        return sum(change.kind is kind for change in self.changes)


def compare_episodes(here: Iterable[Episode], there: Iterable[Episode]) -> HistoryDifference:
    """Return the difference of two histories; episodes of one alarm that overlap in time are the same episode changed.

    Of several that overlap the earliest are paired, each with one.
    """
    mine, theirs = _group_by_alarm(here), _group_by_alarm(there)
    same = 0
    changes: list[EpisodeChange] = []
    for alarm in {**mine, **theirs}:
        equal = set(mine[alarm]) & set(theirs[alarm])
        same += len(equal)
        rest = [each for each in mine[alarm] if each not in equal]
        changes += _pair_episodes(rest, [each for each in theirs[alarm] if each not in equal])
    changes.sort(key=lambda change: (change.episode.start_ns, change.episode.alarm))
    return HistoryDifference(same, tuple(changes))


def _group_by_alarm(episodes: Iterable[Episode]) -> defaultdict[str, list[Episode]]:
    found: defaultdict[str, list[Episode]] = defaultdict(list)
    for each in episodes:
        found[each.alarm].append(each)
    return found


def _pair_episodes(mine: Sequence[Episode], theirs: Sequence[Episode]) -> Iterator[EpisodeChange]:
    """Yield the changes between episodes of one alarm, both by beginning and without overlap among themselves."""
    i = j = 0
    while i < len(mine) and j < len(theirs):
        if mine[i].ends_before(theirs[j].start_ns):
            yield EpisodeChange(mine[i], None)
            i += 1
        elif theirs[j].ends_before(mine[i].start_ns):
            yield EpisodeChange(None, theirs[j])
            j += 1
        else:
            yield EpisodeChange(mine[i], theirs[j])
            i, j = i + 1, j + 1
    yield from (EpisodeChange(each, None) for each in mine[i:])
    yield from (EpisodeChange(None, each) for each in theirs[j:])
