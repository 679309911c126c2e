"""The alarm load of a rule set, in the figures of alarm management.

Input: hazard episodes and the span of time.
Output: `AlarmLoad`.
Not responsible for: rules, recipients and words.
Rejects: nothing.

An *announcement* is a transition that asks for an operator: an alarm is raised, or its level rises.
Formulas and their sources: docs/backtest.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.chatter import TransitionCounts, add_transition
from config.city_time import CityTime
from lifeline.backtest.episodes import Episode

MINUTE_NS = 60 * 10**9
DAY_NS = 1440 * MINUTE_NS
FLOOD_ALARMS, FLOOD_MINUTES = 10, 10
"""So many announcements within so many minutes are a flood. Source: EEMUA 191, as public pages quote it."""
STANDING_NS = DAY_NS
"""An alarm that is active for longer is standing. Source: secondary pages on ISA-18.2; unverified."""
ALARMS_A_DAY = 150
"""Announcements a day that one operator can take. Source: ISA-18.2-2009 as quoted on public pages."""
FLOOD_SHARE = 0.01
"""Share of the time that may be flood. Source: ISA-18.2 as quoted on public pages."""
_WORST = 10
_DAY_SHIFT = range(8, 20)


@dataclass(frozen=True, slots=True)
class BadActor:
    """One alarm and its part of the load."""

    alarm: str
    episodes: int
    chattering: int
    """Times that it began to chatter."""


@dataclass(frozen=True, slots=True)
class AlarmLoad:
    """The alarm load of one operator's desk."""

    days: float
    """Length of the span."""
    episodes: int
    announcements: int
    by_level: dict[int, int]
    """Highest level of the episode to how many."""
    by_day: dict[str, dict[int, int]]
    """Local date to highest level to episodes raised on it; dates without any are left out."""
    by_shift: dict[str, int]
    """`day` (08:00 to 20:00 local) and `night` to announcements."""
    peak_10_minutes: int
    """Most announcements in ten minutes."""
    flood_minutes: int
    flood_share: float
    chattering: int
    """Times that an alarm began to chatter."""
    fleeting: int
    standing: int
    """Episodes longer than a day."""
    most_standing: int
    """Most of them at the same time."""
    bad_actors: tuple[BadActor, ...]
    """The alarms with the most episodes."""

    @property
    def a_day(self) -> float:
        """Announcements a day."""
        return self.announcements / self.days if self.days else 0.0


def measure_alarm_load(episodes: Sequence[Episode], start_ns: int, end_ns: int, city: CityTime) -> AlarmLoad:
    """Return the load of hazard `episodes` over the span from `start_ns` to `end_ns`."""
    minutes = max((end_ns - start_ns) / MINUTE_NS, 1.0)
    announced_ns = np.array(sorted(time_ns for each in episodes for time_ns in list_announcements(each)), np.int64)
    in_ten = _count_in_ten_minutes(announced_ns)
    flood = count_flood_minutes(announced_ns)
    by_day: dict[str, Counter[int]] = {}
    for each in episodes:
        by_day.setdefault(city.at(each.start_ns).date().isoformat(), Counter())[each.peak] += 1
    shifts = Counter("day" if city.at(time_ns).hour in _DAY_SHIFT else "night" for time_ns in announced_ns.tolist())
    tallies = _count_transitions(episodes)
    standing = [each for each in episodes if _find_end_ns(each, end_ns) - each.start_ns > STANDING_NS]
    return AlarmLoad(
        days=minutes / 1440,
        episodes=len(episodes),
        announcements=len(announced_ns),
        by_level=dict(Counter(each.peak for each in episodes)),
        by_day={day: dict(found) for day, found in sorted(by_day.items())},
        by_shift={name: shifts[name] for name in ("day", "night")},
        peak_10_minutes=int(in_ten.max(initial=0)),
        flood_minutes=flood,
        flood_share=flood / minutes,
        chattering=sum(tally.chattering for tally in tallies.values()),
        fleeting=sum(tally.fleeting for tally in tallies.values()),
        standing=len(standing),
        most_standing=_count_most_at_once(
            [(each.start_ns + STANDING_NS, _find_end_ns(each, end_ns)) for each in standing]
        ),
        bad_actors=_rank_bad_actors(episodes, tallies),
    )


def list_announcements(episode: Episode) -> list[int]:
    """Return the event times at which `episode` asks for an eye: when raised, and at each higher level."""
    highest, found = 0, []
    for time_ns, level in episode.transitions:
        if level > highest:
            highest = level
            found.append(time_ns)
    return found


def count_flood_minutes(announced_ns: NDArray[np.int64]) -> int:
    """Return how many clock minutes are flood: with the nine before they hold ten announcements or more."""
    if not len(announced_ns):
        return 0
    minutes, counts = np.unique(announced_ns // MINUTE_NS, return_counts=True)
    # Only minutes within ten of an announcement can be flood, so that a quiet year costs nothing.
    candidates = np.unique((minutes[:, None] + np.arange(FLOOD_MINUTES)).ravel())
    total = np.concatenate(([0], np.cumsum(counts)))
    high = np.searchsorted(minutes, candidates, side="right")
    low = np.searchsorted(minutes, candidates - FLOOD_MINUTES, side="right")
    return int(np.count_nonzero(total[high] - total[low] >= FLOOD_ALARMS))


def _count_in_ten_minutes(announced_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[n]: announcements in the ten minutes that end with each, itself included."""
    low = np.searchsorted(announced_ns, announced_ns - FLOOD_MINUTES * MINUTE_NS, side="right")
    return (np.searchsorted(announced_ns, announced_ns, side="right") - low).astype(np.int64)


def _count_transitions(episodes: Sequence[Episode]) -> dict[str, TransitionCounts]:
    """Return the tally of each alarm, counted as the live program counts it."""
    turns = []
    for each in episodes:
        turns.append((each.start_ns, each.alarm, each.start_ns, False))
        if each.end_ns is not None:
            turns.append((each.end_ns, each.alarm, each.start_ns, True))
    tallies: dict[str, TransitionCounts] = {}
    for time_ns, alarm, start_ns, is_end in sorted(turns):
        tallies[alarm] = add_transition(tallies.get(alarm) or TransitionCounts(alarm), time_ns, start_ns, is_end=is_end)
    return tallies


def _rank_bad_actors(episodes: Sequence[Episode], tallies: dict[str, TransitionCounts]) -> tuple[BadActor, ...]:
    counts = Counter(each.alarm for each in episodes)
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_WORST]
    return tuple(BadActor(alarm, n, tallies[alarm].chattering) for alarm, n in worst)


def _find_end_ns(episode: Episode, end_ns: int) -> int:
    return end_ns if episode.end_ns is None else episode.end_ns


def _count_most_at_once(spans: Sequence[tuple[int, int]]) -> int:
    """Return the most of `spans` that hold at one moment."""
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    depth = most = 0
    for _, change in edges:
        depth += change
        most = max(most, depth)
    return most
