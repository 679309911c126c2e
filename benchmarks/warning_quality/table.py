"""The worth of our rules and of other detectors on each data set, by one scorer that sees alarms alone.

Comes in: the folder of a data set. Goes out: an entry for each rule file of ours and each detector of others, the best
first. Rules that always or never cry have an entry too.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.warning_quality import batadal, bridge, ltown, methane, nab, skab
from benchmarks.warning_quality.episodes import Alarm, Matching, Score, always, score
from benchmarks.warning_quality.peers.all import PEERS, version_of
from benchmarks.warning_quality.peers.night import zone_flow
from benchmarks.warning_quality.peers.seam import Peer, alarms_of, seen_of
from benchmarks.warning_quality.replay import RULES, Recording, replay

Said = tuple[Recording, Sequence[Alarm]]
"""A recording, and its alarms."""
HOLD_ROWS = 10
"""An off-delay that each detector of others is given, if it is better with one."""


def _no_score(_: Sequence[Said]) -> str:
    return "-"


@dataclass(frozen=True, slots=True)
class Suite:
    """How one data set is read and scored."""

    read: Callable[[Path], list[Recording]]
    how: Matching
    rules: tuple[str, ...]
    """Names of rule files, ours first, then those to compare with."""
    goal: str
    own_score: Callable[[Sequence[Said]], str] = _no_score
    """The score of the makers of the data, in their words."""
    ranked_by_own: bool = False
    """The first number in their words says who is better; else `merit`."""


SUITES: Mapping[str, Suite] = {
    "methane_aded": Suite(methane.read, methane.MATCHING, methane.RULES, "16/16, <= 3 false, median <= 5 min"),
    "munich_bridge": Suite(bridge.read, bridge.MATCHING, bridge.RULES, "3/3 before half, 0 false"),
    "ltown_resim": Suite(ltown.read, ltown.MATCHING, ltown.RULES, "16/19, abrupt <= 2 h, <= 0.0013", ltown.own_score),
    "batadal": Suite(
        batadal.read,
        batadal.MATCHING,
        batadal.RULES,
        "S >= 0.86, <= 0.1 false/day",
        batadal.own_score,
        ranked_by_own=True,
    ),
    "skab": Suite(skab.read, skab.MATCHING, skab.RULES, "33/34, <= 3 false/h, <= 30 s", skab.own_score),
    "nab": Suite(nab.read, nab.MATCHING, nab.RULES, "standard >= 58, low-FP >= 45", nab.own_score, ranked_by_own=True),
}


class Sort(StrEnum):
    """The owner of an entry."""

    OURS = "ours"
    PLAIN = "ours, plain"
    PEER = "peer"
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    sort: Sort
    score: Score
    own: str = "-"
    rank: float = 0.0
    cpu_us: float = float("nan")
    """Processor time of a reading: ours with messages made and decoded, of others without."""
    faults: int = 0
    """Alarms of the health dimension."""
    refused: str = ""
    """Why there are no figures."""


def merit(got: Score) -> float:
    """Return one number between 0 and 1 to sort by: 0 for always and for never.

    It is the product of F1 and the share of the normal time without an alarm. F1 is of events found, events missed and
    false episodes, each of which counts once.
    """
    calm = 1 - got.standing_s / max(got.normal_s, 1e-9)
    return 2 * got.found / max(got.found + got.events + got.false_episodes, 1) * calm


def entries(suite: Suite, folder: Path, peers: Sequence[Peer] = PEERS) -> list[Entry]:
    """Return ours, the others from the best to the worst and those that cannot judge, always, never."""
    recordings = suite.read(folder)
    ours = list(_ours(suite, recordings))
    others = sorted(
        (_peer(suite, folder, recordings, each) for each in peers), key=lambda e: (bool(e.refused), -e.rank)
    )
    bounds = [
        _entry("always", Sort.BOUND, suite, [(each, always(each.events, each.scored_ns)) for each in recordings]),
        _entry("never", Sort.BOUND, suite, [(each, ()) for each in recordings]),
    ]
    return [*ours, *others, *bounds]


def _ours(suite: Suite, recordings: Sequence[Recording]) -> Iterator[Entry]:
    for rules in suite.rules:
        begin_s = time.process_time()
        replayed = [replay(each, RULES / f"{rules}.yaml") for each in recordings]
        spent_s = time.process_time() - begin_s
        said = [(each, got.alarms) for each, got in zip(recordings, replayed, strict=True)]
        sort = Sort.OURS if rules == suite.rules[0] else Sort.PLAIN
        entry = _entry(rules, sort, suite, said)
        faults = sum(len(each.faults) for each in replayed)
        yield dataclasses.replace(entry, faults=faults, cpu_us=1e6 * spent_s / _readings(recordings))


def _peer(suite: Suite, folder: Path, recordings: Sequence[Recording], peer: Peer) -> Entry:
    """Return the better one of its output as it is, and with an off-delay."""
    seen = [seen_of(each, zone_flow(folder, each)) for each in recordings]
    refused = peer.unfit(seen[0]) if version_of(peer) else f"{peer.package} is not installed"
    if refused:
        return Entry(peer.name, Sort.PEER, Score(), refused=refused)
    if peer.anywhere:
        recordings = [_placeless(each) for each in recordings]
    begin_s = time.process_time()
    levels = [peer.judge(each) for each in seen]
    cpu_us = 1e6 * (time.process_time() - begin_s) / _readings(recordings)
    found = []
    for hold, name in ((0, peer.name), (HOLD_ROWS, f"{peer.name}, held")):
        said = [(r, alarms_of(r, s, each, hold)) for r, s, each in zip(recordings, seen, levels, strict=True)]
        found.append(dataclasses.replace(_entry(name, Sort.PEER, suite, said), cpu_us=cpu_us))
    return max(found, key=lambda each: each.rank)


def _placeless(recording: Recording) -> Recording:
    """Return the recording with events that an alarm of any sensor finds."""
    events = tuple(dataclasses.replace(each, sensors=frozenset()) for each in recording.events)
    return dataclasses.replace(recording, events=events)


def _readings(recordings: Sequence[Recording]) -> int:
    return sum(each.value.size for each in recordings)


def _entry(name: str, sort: Sort, suite: Suite, said: Sequence[Said]) -> Entry:
    got = Score()
    for recording, alarms in said:
        got = got.add(score_of(recording, alarms, suite.how))
    own = suite.own_score(said)
    return Entry(name, sort, got, own, first_number(own) if suite.ranked_by_own else merit(got))


def score_of(recording: Recording, alarms: Sequence[Alarm], how: Matching) -> Score:
    """Return the worth of `alarms` in the part of `recording` that is scored."""
    return score(alarms, recording.events, recording.scored_ns, len(recording.register.sensors), how)


def first_number(text: str) -> float:
    """Return the first number in the words of a makers' score.

    >>> first_number("all -2.7 / -5.5")
    -2.7
    """
    found = re.search(r"-?\d+(?:\.\d+)?", text)
    assert found, f"expected a number in the makers' score, got {text!r}"
    return float(found[0])


def duration(seconds: float) -> str:
    """Return seconds as people say them.

    >>> [duration(45.0), duration(270.0), duration(24_480.0)]
    ['45 s', '4.5 min', '6.8 h']
    """
    if not seconds >= 0:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
