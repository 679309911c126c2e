"""One line of a Markdown table for each data set and rule file: what is asked, what is seen, always and never beside.

Comes in: the folder of the data sets. Goes out: text.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.warning_quality import methane
from benchmarks.warning_quality.episodes import Alarm, Matching, Score, always, score
from benchmarks.warning_quality.replay import RULES, Recording, replay


@dataclass(frozen=True, slots=True)
class DataSet:
    """How one data set is read and scored."""

    read: Callable[[Path], list[Recording]]
    how: Matching
    rules: tuple[str, ...]
    """Names of rule files, ours first, then those to compare with."""
    goal: str


DATA_SETS: Mapping[str, DataSet] = {
    "methane_aded": DataSet(methane.read, methane.MATCHING, methane.RULES, "16/16, <= 3 false, median <= 5 min"),
}
_HEAD = (
    "data set | rules | events | false episodes | precision | false/sensor-day | 100,000 sensors | operators | delay "
    "median | delay p90 | normal time in alarm | chatter | flood min | faults told | sensor-days/s | goal"
)


def print_table(folder: Path, names: Sequence[str]) -> None:
    """Print the table of the named data sets that `folder` has."""
    print(f"| {_HEAD} |")
    print("|" + "---|" * (_HEAD.count("|") + 1))
    for name in names:
        if (folder / name).is_dir():
            for line in lines(name, DATA_SETS[name], folder / name):
                print(line, flush=True)


def lines(name: str, data_set: DataSet, folder: Path) -> Iterator[str]:
    """Yield the lines of one data set: each rule file, always, never."""
    recordings = data_set.read(folder)
    for rules in data_set.rules:
        begin_s, total, faults = time.process_time(), Score(), 0
        for each in recordings:
            said = replay(each, RULES / f"{rules}.yaml")
            total = total.add(score_of(each, said.alarms, data_set.how))
            faults += len(said.faults)
        speed = total.sensor_days / (time.process_time() - begin_s)
        goal = data_set.goal if rules == data_set.rules[0] else ""
        yield line(name, rules, total, f"{faults} | {speed:.3g} | {goal}")
    for title in ("always", "never"):
        total = Score()
        for each in recordings:
            said_so = always(each.events, each.scored_ns) if title == "always" else []
            total = total.add(score_of(each, said_so, data_set.how))
        yield line(name, title, total, "| |")


def score_of(recording: Recording, alarms: Sequence[Alarm], how: Matching) -> Score:
    """Return what `alarms` are worth in the part of `recording` that is scored."""
    return score(alarms, recording.events, recording.scored_ns, len(recording.register.sensors), how)


def line(name: str, rules: str, got: Score, rest: str) -> str:
    """Return one line of the table."""
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
        f"{100 * got.standing_s / max(got.normal_s, 1e-9):.2g} %",
        str(got.chatter),
        f"{got.flood_s / 60:.0f}",
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
