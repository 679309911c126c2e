"""The part of a recording that a detector of others may see, and how its output becomes alarms.

Comes in: a recording. Goes out: alarms, from which alone it is scored. A detector sees times, values and how many rows
are for learning; never events, never the rows that its answer to a row does not need. It is silent while it learns.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.episodes import Alarm
from benchmarks.warning_quality.replay import Recording
from config.levels import WarningLevel
from config.time_units import SECOND_NS

Values = NDArray[np.float64]
Levels = NDArray[np.int8]
Judge = Callable[[NDArray[np.int64], Values, int], Levels]
"""Levels of one sensor, from its times, its values, and how many of them are for learning."""
ONE_LEVEL = int(WarningLevel.YELLOW)
"""The level of detectors that know only "odd" and "not odd"."""
_LEARNED_SHARE, _LEARNED_ROWS = 0.1, 30
"""Of a recording that is scored from its first row."""
_LONGEST = 25_000
_TOGETHER_NS = 1800 * SECOND_NS
THINNED = "means of 30 min where there are more than 25,000 rows"
"""Of detectors that are too slow for a long recording: hours for a year of 33 sensors every 5 min."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A recording without its events."""

    time_ns: NDArray[np.int64]
    value: Values
    """[n, sensors], NaN where nothing was said."""
    learned: int
    """Rows for learning, at the begin."""
    air: int = -1
    """Column of the temperature of the air, if there is one."""
    flow: Values | None = None
    """[n], flow into a zone, if it is measured."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A detector, with one setting for all recordings."""

    name: str
    package: str
    """The distribution that it comes from; empty if its formula is written here."""
    setting: str
    judge: Callable[[Seen], Levels]
    """[n, sensors], or [n, 1] if it judges the site as a whole; a row's levels need no row after it."""
    unfit: Callable[[Seen], str] = lambda _: ""
    """Why it cannot judge such a recording, or nothing."""
    anywhere: bool = False
    """It cannot say at which sensor: an alarm counts wherever the event is."""


def seen_of(recording: Recording, flow: Values | None = None) -> Seen:
    """Return the part of `recording` that others may see."""
    n = len(recording.time_ns)
    learned = int(np.searchsorted(recording.time_ns, recording.scored_ns[0]))
    learned = learned or min(n, max(_LEARNED_ROWS, round(_LEARNED_SHARE * n)))
    quantities = [each.quantity for each in recording.register.sensors]
    air = quantities.index("air_temperature") if "air_temperature" in quantities else -1
    return Seen(recording.time_ns, recording.value, learned, air, flow)


def filled(seen: Seen) -> Values:
    """Return the values with the last one in place of missing ones; before the first, the learned median."""
    value = seen.value
    row = np.where(np.isfinite(value), np.arange(len(value))[:, None], -1)
    last = np.maximum.accumulate(row, axis=0)
    with_last = np.take_along_axis(value, np.maximum(last, 0), axis=0)
    known = [each[np.isfinite(each)] for each in value[: seen.learned].T]
    typical = np.array([np.median(each) if len(each) else 0.0 for each in known])
    return np.where(last >= 0, with_last, typical)


def scaled(seen: Seen) -> Values:
    """Return `filled` in deviations of the learned rows from their mean; a constant column stays in its unit."""
    value = filled(seen)
    learned = value[: seen.learned]
    deviation = learned.std(axis=0)
    return (value - learned.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def by_sensor(seen: Seen, judge: Judge) -> Levels:
    """Return the levels of each sensor for itself.

    Where nothing was said, the level stays.
    """
    levels = np.zeros(seen.value.shape, np.int8)
    for column, value in enumerate(seen.value.T):
        rows = np.flatnonzero(np.isfinite(value))
        learned = int(np.searchsorted(rows, seen.learned))
        if learned < len(rows):
            said = judge(seen.time_ns[rows], value[rows], learned)
            said[:learned] = 0
            place = np.cumsum(np.isfinite(value)) - 1
            levels[:, column] = np.where(place >= 0, said[np.maximum(place, 0)], 0)
    return levels


def thinned(judge: Judge) -> Judge:
    """Return `judge`, given means of half an hour of a long recording; its output stands from the next reading on."""

    def half_hours(time_ns: NDArray[np.int64], value: Values, learned: int) -> Levels:
        if len(value) <= _LONGEST:
            return judge(time_ns, value, learned)
        step, part = np.unique(time_ns // _TOGETHER_NS, return_inverse=True)
        said = judge(step * _TOGETHER_NS, np.bincount(part, value) / np.bincount(part), int(part[learned]))
        last = np.flatnonzero(np.diff(part))
        known = np.searchsorted(last, np.arange(len(value))) - 1
        return np.where(known >= 0, said[np.maximum(known, 0)], 0).astype(np.int8)

    return half_hours


def marked(odd: NDArray[np.bool_], learned: int = 0) -> Levels:
    """Return the one level where `odd`, silent in the rows for learning."""
    levels = np.where(odd, np.int8(ONE_LEVEL), np.int8(0))
    levels[:learned] = 0
    return levels


def alarms_of(recording: Recording, seen: Seen, levels: Levels, hold: int = 0) -> list[Alarm]:
    """Return the alarms that `levels` raise; each clears after more than `hold` rows without a level.

    An alarm of the whole site is announced at one sensor. It is the one furthest from the learned values as the alarm
    begins.
    """
    names = [each.id for each in recording.register.sensors]
    far = np.abs(scaled(seen)).argmax(axis=1) if levels.shape[1] < len(names) else None
    found = []
    for column in range(levels.shape[1]):
        held = _held(levels[:, column], hold)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], (held > 0).astype(np.int8), [0])))).reshape(-1, 2)
        for begin, end in edges.tolist():
            sensor = names[column if far is None else far[begin]]
            found.append(_alarm(sensor, recording.time_ns, held, begin, end))
    return found


def _held(level: Levels, hold: int) -> Levels:
    row = np.where(level > 0, np.arange(len(level)), -1)
    last = np.maximum.accumulate(row)
    stands = (last >= 0) & (np.arange(len(level)) - last <= hold)
    return np.where(stands, level[np.maximum(last, 0)], 0).astype(np.int8)


def _alarm(sensor: str, time_ns: NDArray[np.int64], level: Levels, begin: int, end: int) -> Alarm:
    part = level[begin:end]
    changed = begin + np.flatnonzero(np.diff(part, prepend=0))
    steps = [(int(time_ns[row]), int(level[row])) for row in changed]
    if end < len(time_ns):
        steps.append((int(time_ns[end]), 0))
    return Alarm(sensor, int(time_ns[begin]), int(time_ns[min(end, len(time_ns) - 1)]), tuple(steps), sensor)
