"""One line of a Markdown table for each data set and rule file: what is asked, what is seen, always and never beside.

Comes in: the folder of the data sets. Goes out: text.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.warning_quality import batadal, bridge, ltown, methane, nab, skab
from benchmarks.warning_quality.episodes import DAY_S, Alarm, Matching, Score, always, score
from benchmarks.warning_quality.replay import RULES, Recording, replay

Said = tuple[Recording, Sequence[Alarm]]
"""A recording, and what was said of it."""


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
    """What the makers of the data score, in their words."""


SUITES: Mapping[str, Suite] = {
    "methane_aded": Suite(methane.read, methane.MATCHING, methane.RULES, "16/16, <= 3 false, median <= 5 min"),
    "munich_bridge": Suite(bridge.read, bridge.MATCHING, bridge.RULES, "3/3 before half, 0 false"),
    "ltown_resim": Suite(ltown.read, ltown.MATCHING, ltown.RULES, "16/19, abrupt <= 2 h, <= 0.0013", ltown.own_score),
    "batadal": Suite(batadal.read, batadal.MATCHING, batadal.RULES, "S >= 0.86, <= 0.1 false/day", batadal.own_score),
    "skab": Suite(skab.read, skab.MATCHING, skab.RULES, "33/34, <= 3 false/h, <= 30 s", skab.own_score),
    "nab": Suite(nab.read, nab.MATCHING, nab.RULES, "standard >= 58, low-FP >= 45", nab.own_score),
}
_HEAD = (
    "data set | rules | events | false episodes | precision | false/sensor-day | 100,000 sensors | operators | delay "
    "median | delay p90 | level in time | normal time in alarm | chatter | flood min | own score | faults told | "
    "sensor-days/s | goal"
)


def print_table(folder: Path, names: Sequence[str]) -> None:
    """Print the table of the named data sets that `folder` has."""
    print(f"| {_HEAD} |")
    print("|" + "---|" * (_HEAD.count("|") + 1))
    for name in names:
        if (folder / name).is_dir():
            for line in lines(name, SUITES[name], folder / name):
                print(line, flush=True)


def lines(name: str, suite: Suite, folder: Path) -> Iterator[str]:
    """Yield the lines of one data set: each rule file, always, never."""
    recordings = suite.read(folder)
    for rules in suite.rules:
        begin_s = time.process_time()
        replayed = [replay(each, RULES / f"{rules}.yaml") for each in recordings]
        spent_s = time.process_time() - begin_s
        said = [(each, got.alarms) for each, got in zip(recordings, replayed, strict=True)]
        faults = sum(len(each.faults) for each in replayed)
        sensor_days = sum(_sensor_days(each) for each in recordings)
        goal = suite.goal if rules == suite.rules[0] else ""
        yield line(name, rules, said, suite, f"{faults} | {sensor_days / spent_s:.3g} | {goal}")
    yield line(name, "always", [(each, always(each.events, each.scored_ns)) for each in recordings], suite, " | | ")
    yield line(name, "never", [(each, ()) for each in recordings], suite, " | | ")


def _sensor_days(recording: Recording) -> float:
    """Return how much was replayed, learning included."""
    span_s = float(recording.time_ns[-1] - recording.time_ns[0]) / 1e9
    return span_s / DAY_S * len(recording.register.sensors)


def score_of(recording: Recording, alarms: Sequence[Alarm], how: Matching) -> Score:
    """Return what `alarms` are worth in the part of `recording` that is scored."""
    return score(alarms, recording.events, recording.scored_ns, len(recording.register.sensors), how)


def line(name: str, rules: str, said: Sequence[Said], suite: Suite, rest: str) -> str:
    """Return one line of the table."""
    got = Score()
    for recording, alarms in said:
        got = got.add(score_of(recording, alarms, suite.how))
    cells = [
        name,
        rules,
        f"{got.found}/{got.events}",
        str(got.false_episodes),
        f"{got.precision:.2f}",
        f"{got.false_per_sensor_day:.4g}",
        f"{got.city_per_day:.3g}/day",
        f"{got.operators:.3g}",
        duration(got.delay_s(0.5)),
        duration(got.delay_s(0.9)),
        f"{got.level_right}/{got.level_asked}" if got.level_asked else "-",
        f"{100 * got.standing_s / max(got.normal_s, 1e-9):.2g} %",
        str(got.chatter),
        f"{got.flood_s / 60:.0f}",
        suite.own_score(said),
    ]
    return f"| {' | '.join(cells)} | {rest} |"


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
