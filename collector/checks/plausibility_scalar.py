"""Courses: the checks of `collector.checks.plausibility` for many readings of one sensor, one after the other.

Comes in: what is remembered of the sensor, its bounds, its new readings in the order of receipt. Goes out: their bits;
the memory is brought forward. Refuses to judge differently from the columns: both compute the same sums in the same
order, so that bits and memory are equal to the last digit, whichever way a reading took.

Columns cost about the same for one sensor as for a hundred; a state costs the same for each reading.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from collector.batch import Quality
from collector.checks.limits import CheckLimits
from collector.checks.memory import NEVER_NS, SensorState

_SECOND_NS = 1_000_000_000
_RATE, _SPIKE, _FLAT, _GAP = map(int, (Quality.RATE, Quality.SPIKE, Quality.FLAT, Quality.GAP))
_NEIGHBOUR = int(Quality.NEIGHBOUR)


@dataclass(frozen=True, slots=True)
class SensorBounds:
    """What the register says of one sensor: a row of the bounds in `collector.checks.plausibility`."""

    rate: float
    floor: float
    same: float
    gap_ns: int
    flat_ns: int
    rest_ns: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReadingRun:
    """Readings of one sensor in the order of receipt."""

    time_ns: Sequence[int]
    stands_in: Sequence[bool]
    value: Sequence[float]
    received_ns: int
    moving: Callable[[], float] | None
    """How much its quietest neighbour moves, `collector.checks.neighbours`; None where the register has no
    neighbours."""

    def take(self, rows: Sequence[int]) -> "ReadingRun":
        """Return the readings at `rows`."""
        return ReadingRun(
            [self.time_ns[row] for row in rows],
            [self.stands_in[row] for row in rows],
            [self.value[row] for row in rows],
            self.received_ns,
            self.moving,
        )


def check_run(state: SensorState, bounds: SensorBounds, limits: CheckLimits, readings: ReadingRun) -> list[int]:
    """Return the bits of `readings`; `state` is what is remembered after them."""
    newer, repeats = _newer(state, readings)
    bits = [0] * len(readings.value)
    said_before = state.said
    new = readings if len(newer) == len(bits) else readings.take(newer)
    said = _check_newer(state, bounds, limits, new) if newer else []
    for row, each in zip(newer, said, strict=True):
        bits[row] = each
    for row, n_newer in repeats:
        bits[row] = said[n_newer - 1] if n_newer else said_before
    return bits


def _newer(state: SensorState, readings: ReadingRun) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the rows that are newer than all before, and those that repeat the newest with how many were newer."""
    newest_ns, last = state.time_ns, state.last
    newer: list[int] = []
    repeats: list[tuple[int, int]] = []
    columns = zip(readings.time_ns, readings.stands_in, readings.value, strict=True)
    for row, (time_ns, stands_in, value) in enumerate(columns):
        if time_ns > newest_ns or (stands_in and time_ns == newest_ns):
            newer.append(row)
            newest_ns, last = time_ns, value
        elif time_ns == newest_ns and value == last:
            repeats.append((row, len(newer)))
    return newer, repeats


def _check_newer(state: SensorState, bounds: SensorBounds, limits: CheckLimits, new: ReadingRun) -> list[int]:
    """Return the bits of readings that are each newer than the one before."""
    n_before, said_before = state.count, state.said
    times = [state.time_ns, *new.time_ns]
    stood_in = [state.stands_in, *new.stands_in]
    fresh = [after - before > bounds.gap_ns for before, after in pairwise(times)]
    reach = [
        math.inf if one or other else bounds.rate * (float(max(after - before, 1)) / _SECOND_NS)
        for (before, after), (one, other) in zip(pairwise(times), pairwise(stood_in), strict=True)
    ]
    if new.moving is not None:
        _show(state, limits, new.received_ns)
    flat, changes = _flat(state, bounds, limits, list(zip(new.value, new.time_ns, fresh, strict=True)))
    rows = list(zip(new.value, fresh, reach, changes, strict=True))
    departures, lessons = _departures(state, bounds, limits, rows)
    said = [one | other for one, other in zip(departures, flat, strict=True)]
    for i, is_fresh in enumerate(fresh):
        if is_fresh and (i > 0 or n_before > 0) and stood_in[i] == stood_in[i + 1]:
            said[i] |= _GAP
    if new.moving is not None:
        lessons_of = list(zip(lessons, new.time_ns, fresh, strict=True))
        quiet = _quiet(state, limits, (n_before, bool(said_before & _NEIGHBOUR)), lessons_of, new.moving)
        said = [one | other for one, other in zip(said, quiet, strict=True)]
    state.time_ns, state.stands_in, state.said = times[-1], stood_in[-1], said[-1]
    return said


def _show(state: SensorState, limits: CheckLimits, received_ns: int) -> None:
    """Keep what the neighbours see of the sensor until something is received later."""
    if state.heard_ns == received_ns:
        return
    tells = state.count >= limits.neighbour_learn and state.usual > 0.0 and state.quiet_ns == NEVER_NS
    state.shown = state.recent / state.usual if tells else math.nan
    state.shown_ns, state.heard_ns = state.heard_ns, received_ns


def _departures(
    state: SensorState, bounds: SensorBounds, limits: CheckLimits, new: Sequence[tuple[float, bool, float, int]]
) -> tuple[list[int], list[float]]:
    """Return RATE and SPIKE of values, and the lessons.

    Beside each value: whether it is fresh, how far it may have moved, and how often the sensor had changed before.
    """
    last, level, fast, slow = state.last, state.level, state.fast, state.slow
    count, pending = state.count, state.pending
    fast_weight, slow_weight = 1.0 / limits.fast_readings, 1.0 / limits.slow_readings
    bits, lessons = [], []
    for value, fresh, reach, changes in new:
        change, away = (0.0, 0.0) if fresh else (abs(value - last), abs(value - level))
        scale = max(fast, math.sqrt(slow))
        learned = count >= limits.learn_readings
        trembles = changes > limits.noisy_share * count and bounds.floor < math.inf
        floor = 0.0 if trembles else bounds.floor
        bound = max(limits.spike_scales * scale, floor)
        beyond = learned and away > bound
        spike = beyond and not (pending and change <= bound)
        bits.append((_SPIKE if spike else 0) | (_RATE if change > reach and away > reach else 0))
        if fresh or (beyond and not spike):
            level = value
        elif not spike:
            level += limits.level_weight * (value - level)
        lesson = min(change, max(limits.clip * scale, floor)) if learned else change
        lessons.append(lesson)
        if not fresh:
            known = 1.0 / (count + 1.0)
            fast += max(fast_weight, known) * (lesson - fast)
            slow += max(slow_weight, known) * (lesson * lesson - slow)
        last, count, pending = value, count + 1, spike
    state.last, state.level, state.fast, state.slow = last, level, fast, slow
    state.count, state.pending = count, pending
    return bits, lessons


def _flat(
    state: SensorState, bounds: SensorBounds, limits: CheckLimits, new: Sequence[tuple[float, int, bool]]
) -> tuple[list[int], list[int]]:
    """Return FLAT of values with their times and whether each is fresh, and how often the sensor changed before each.

    The runs are remembered.
    """
    anchor, run, since_ns, longest = state.anchor, state.run, state.run_ns, state.longest
    changes = state.changes
    bits, before = [], []
    for value, time_ns, fresh in new:
        before.append(changes)
        knows = changes >= limits.flat_changes
        rests = abs(anchor) <= bounds.same or anchor <= bounds.low + bounds.same or anchor >= bounds.high - bounds.same
        limit = max(limits.rest_readings if rests else limits.flat_readings, limits.flat_ratio * longest)
        if not fresh and abs(value - anchor) <= bounds.same:
            run += 1
            lasted = time_ns - since_ns >= (bounds.rest_ns if rests else bounds.flat_ns)
            is_flat = knows and run > limit and lasted
            bits.append(_FLAT if is_flat else 0)
            continue
        if run:
            most = limit if rests else limits.flat_lesson * longest
            longest = max(longest * limits.flat_forget, min(run, most) if knows and run > limit else run)
            changes += 1
        anchor, run, since_ns = value, 1, time_ns
        bits.append(0)
    state.anchor, state.run, state.run_ns, state.longest = anchor, run, since_ns, float(longest)
    state.changes = changes
    return bits, before


def _quiet(
    state: SensorState,
    limits: CheckLimits,
    before: tuple[int, bool],
    new: Sequence[tuple[float, int, bool]],
    moving: Callable[[], float],
) -> list[int]:
    """Return NEIGHBOUR of lessons with their times and whether each is fresh; remember how much the sensor moves.

    `before` are the readings seen, and whether the newest of them was flagged.
    """
    (count, said), recent, usual, quiet_ns = before, state.recent, state.usual, state.quiet_ns
    share, beside = limits.quiet_share, None
    bits = []
    for lesson, time_ns, fresh in new:
        is_learned = count >= limits.neighbour_learn
        was_quiet = quiet_ns != NEVER_NS
        if not fresh:
            known = 1.0 / (count + 1.0)
            forget = 1.0 / limits.quiet_readings if was_quiet else 1.0 / limits.usual_readings
            recent += max(1.0 / limits.recent_readings, known) * (lesson - recent)
            usual += max(forget, known) * (lesson - usual)
        attenuated = False
        if is_learned and recent < share * usual:
            beside = moving() if beside is None else beside
            attenuated = beside >= limits.moving_share and recent < share * beside * usual
        stays = was_quiet and recent < 2.0 * share * usual
        quiet_ns = quiet_ns if stays else time_ns if attenuated else NEVER_NS
        said = (stays and said) or (attenuated and time_ns - quiet_ns >= limits.quiet_hold_ns)
        bits.append(_NEIGHBOUR if said else 0)
        count += 1
    state.recent, state.usual, state.quiet_ns = recent, usual, quiet_ns
    return bits
