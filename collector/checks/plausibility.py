"""Plausibility: does a reading fit to those before it of the same sensor? RATE, SPIKE, FLAT and GAP, one bit each.

Comes in: columns of readings, in the order of receipt. Goes out: `Quality` bits, same length. Refuses to drop or change
a reading, and to judge danger: a burst pipe is a spike first and a hazard a moment later, so every rule still sees it.

Every sensor is judged by its own readings alone, in their order: how they are cut into batches changes nothing. A
reading that is not newer than the newest of its sensor is not judged, except that the newest one repeated gets the same
bits again. docs/quality.md says what each check means and how the numbers were chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality, ReadingBatch
from collector.checks.climatology import Climatology
from collector.checks.limits import CheckLimits
from collector.checks.memory import SensorMemory, SensorStates
from collector.checks.neighbours import Movement, Neighbours, Step, move, still
from collector.checks.plausibility_scalar import ReadingRun, SensorBounds, check_run
from collector.passes import CostModel, PassSplitter
from config.quantities import ONLINE, Quantity
from config.register import Register

_SECOND_NS = 1_000_000_000
MAX_BURST = 16_384
"""Readings of one sensor in one batch, at most, that are judged; assumed: nine hours at 2 s, some 40 ms."""
_STATES = frozenset({"0/1", "count"})
"""Units of states and counters: standing still and stepping are their nature."""
_CHARGE = "battery"
"""A charge too: it stands still for weeks, and a new battery is a step."""
_SIGNAL_S = 0.1
"""A sensor read more often sends a signal, in which no single reading is a level; assumed: ten a second."""
_SAME = 1e-9
"""Readings this share of the quantity's range apart are equal; assumed: far below any instrument's last digit."""


_NEVER_FLAT_NS = np.iinfo(np.int64).max
"""No run is that long."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Columns of what the register says of each sensor."""

    rate: NDArray[np.float64]
    """Largest believable change, canonical unit per second."""
    floor: NDArray[np.float64]
    """Smallest departure that can be a spike, canonical unit."""
    same: NDArray[np.float64]
    """Largest difference of equal readings, canonical unit."""
    gap_ns: NDArray[np.int64]
    """After a longer gap nothing is compared with what was before."""
    flat_ns: NDArray[np.int64]
    """Shortest time that can be flat."""
    rest_ns: NDArray[np.int64]
    """The same at rest."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """Ends of the range, at rest as zero is."""

    def take(self, sensor: NDArray[np.intp]) -> "_Bounds":
        """Return the rows of `sensor`."""
        return _Bounds(
            self.rate[sensor],
            self.floor[sensor],
            self.same[sensor],
            self.gap_ns[sensor],
            self.flat_ns[sensor],
            self.rest_ns[sensor],
            self.low[sensor],
            self.high[sensor],
        )

    def of(self, number: int) -> SensorBounds:
        """Return the row of one sensor."""
        return SensorBounds(
            float(self.rate[number]),
            float(self.floor[number]),
            float(self.same[number]),
            int(self.gap_ns[number]),
            int(self.flat_ns[number]),
            int(self.rest_ns[number]),
            float(self.low[number]),
            float(self.high[number]),
        )


@dataclass(frozen=True, slots=True)
class _Readings:
    """Columns of readings that are judged together."""

    sensor: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    stands_in: NDArray[np.bool_]
    """The time is when they were received."""
    value: NDArray[np.float64]
    received_ns: int

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "_Readings":
        """Return the readings at `rows`."""
        return _Readings(
            self.sensor[rows], self.time_ns[rows], self.stands_in[rows], self.value[rows], self.received_ns
        )


class Plausibility:
    """The memory of every sensor, and the checks over it."""

    def __init__(
        self,
        register: Register,
        quantities: Mapping[str, Quantity],
        limits: CheckLimits | None = None,
        costs: CostModel | None = None,
    ) -> None:
        """Learn from nothing, or from what `memory` is then filled with; `costs` change only the speed."""
        self._limits = limits or CheckLimits()
        self._climatology = Climatology(register)
        self.memory = SensorMemory(register.sensor_ids)
        self._splitter = PassSplitter(len(register.sensors), costs)
        self._is_watched = np.array(
            [each.quantity != ONLINE and each.cadence_s >= _SIGNAL_S for each in register.sensors], np.bool_
        )
        self._bounds = _bounds_of(register, quantities, self._limits)
        self._neighbours = Neighbours(register, np.isfinite(self._bounds.floor) & self._is_watched, self._bounds.gap_ns)

    def judge(self, batch: ReadingBatch) -> ReadingBatch:
        """Return `batch` with what the checks say of its readings added to their bits, and remember them.

        What is OUT_OF_RANGE is neither judged nor remembered, and so are readings of a sensor that has more than
        `MAX_BURST` of them in the batch, which get UNCHECKED: the intake must not stand still.
        """
        sensor = batch.sensor.astype(np.intp)
        flags = batch.quality | self._climatology.flags(sensor, batch.time_ns, batch.value)
        rows = np.flatnonzero(self._is_watched[sensor] & ((flags & Quality.OUT_OF_RANGE) == 0))
        if len(rows) > MAX_BURST:
            burst = np.bincount(sensor[rows])[sensor[rows]] > MAX_BURST
            flags[rows[burst]] |= np.uint16(Quality.UNCHECKED)
            rows = rows[~burst]
        stands_in = (flags & RECEIVED_CLOCK) != 0
        # The digits that keep stand-in times apart depend on the batch, so that nothing may depend on them.
        time_ns = np.where(stands_in, batch.received_ns, batch.time_ns)
        readings = _Readings(sensor, time_ns, stands_in, batch.value, batch.received_ns)
        passes, runs = self._splitter.split(sensor[rows])
        for piece in passes:
            flags[rows[piece]] |= self._check_pass(readings.take(rows[piece]))
        if len(runs):
            flags[rows[runs]] |= self._check_runs(readings.take(rows[runs]))
        if self._neighbours.are_there:
            # What the neighbours do now says nothing of what one did when they were not heard.
            flags[(flags & NOT_OF_NOW) != 0] &= ~np.uint16(Quality.NEIGHBOUR)
        return ReadingBatch(batch.received_ns, batch.sensor, batch.time_ns, batch.value, flags)

    def _check_runs(self, new: _Readings) -> NDArray[np.uint16]:
        """Judge readings sensor by sensor, which they are sorted by, one after the other."""
        numbers, time_ns, stands_in, value = (
            column.tolist() for column in (new.sensor, new.time_ns, new.stands_in, new.value)
        )
        bits: list[int] = []
        ends = [*(np.flatnonzero(np.diff(new.sensor)) + 1).tolist(), len(numbers)]
        for begin, end in pairwise([0, *ends]):
            state = self.memory.state(numbers[begin])
            moving = (
                partial(self._moving_beside, numbers[begin], new.received_ns) if self._neighbours.are_there else None
            )
            run = ReadingRun(time_ns[begin:end], stands_in[begin:end], value[begin:end], new.received_ns, moving)
            bits += check_run(state, self._bounds.of(numbers[begin]), self._limits, run)
            self.memory.put_state(numbers[begin], state)
        return np.array(bits, np.uint16)

    def _moving_beside(self, number: int, received_ns: int) -> float:
        """Return how much the quietest neighbour of one sensor moves."""
        return float(self._moving(received_ns, np.array([number]))[0])

    def _moving(self, received_ns: int, sensor: NDArray[np.intp]) -> NDArray[np.float64]:
        return self._neighbours.moving(sensor, received_ns, self.memory.columns, self._limits)

    def _check_pass(self, new: _Readings) -> NDArray[np.uint16]:
        """Judge at most one reading of each sensor."""
        before = self.memory.take(new.sensor)
        newer = (new.time_ns > before.time_ns) | (new.stands_in & (new.time_ns == before.time_ns))
        if newer.all():
            bounds = self._bounds.take(new.sensor)
            fresh = new.time_ns - before.time_ns > bounds.gap_ns
            moving = partial(self._moving, new.received_ns) if self._neighbours.are_there else None
            after = _step(_Step(before, bounds, self._limits, new, fresh, moving))
            self.memory.put(new.sensor, after)
            return after.said
        again = (new.time_ns == before.time_ns) & (new.value == before.last)
        flags = np.where(again, before.said, np.uint16(0))
        if newer.any():
            flags[newer] = self._check_pass(new.take(newer))
        return flags


@dataclass(frozen=True, slots=True)
class _Step:
    """One more reading of each of n sensors: what was remembered, what is new, and whether a long gap lies between."""

    before: SensorStates
    bounds: _Bounds
    limits: CheckLimits
    new: _Readings
    fresh: NDArray[np.bool_]
    """The newest reading is too old to be compared with, or there is none."""
    moving: Callable[[NDArray[np.intp]], NDArray[np.float64]] | None
    """How much the neighbours of some sensors move; None where the register has none."""


def _step(each: _Step) -> SensorStates:
    """Return what is remembered after the readings of `each`; `said` are their bits."""
    before, fresh = each.before, each.fresh
    departure, run = _departure(each), _run(each)
    fast, slow = _learn(before, departure.lesson, fresh, each.limits)
    movement = _movement(each, departure.lesson)
    said = departure.rate * np.uint16(Quality.RATE) + departure.spike * np.uint16(Quality.SPIKE)
    said |= run.flat * np.uint16(Quality.FLAT) | movement.flagged * np.uint16(Quality.NEIGHBOUR)
    # Two clocks have no difference that means anything.
    gap = fresh & (before.count > 0) & (each.new.stands_in == before.stands_in)
    return SensorStates(
        time_ns=each.new.time_ns,
        stands_in=each.new.stands_in,
        last=each.new.value,
        said=said | gap * np.uint16(Quality.GAP),
        level=departure.level,
        fast=fast,
        slow=slow,
        count=before.count + 1,
        pending=departure.spike,
        anchor=run.anchor,
        run=run.length,
        run_ns=run.since_ns,
        longest=run.longest,
        changes=run.changes,
        recent=movement.recent,
        usual=movement.usual,
        quiet_ns=movement.quiet_ns,
        heard_ns=movement.heard_ns,
        shown=movement.shown,
        shown_ns=movement.shown_ns,
    )


@dataclass(frozen=True, slots=True)
class _Departure:
    """How far readings are from those before them, and what that teaches."""

    rate: NDArray[np.bool_]
    spike: NDArray[np.bool_]
    level: NDArray[np.float64]
    lesson: NDArray[np.float64]


def _departure(each: _Step) -> _Departure:
    """Return who jumped, where the levels are now, and the changes as far as they teach."""
    before, limits, value, fresh = each.before, each.limits, each.new.value, each.fresh
    change = np.where(fresh, 0.0, np.abs(value - before.last))
    away = np.where(fresh, 0.0, np.abs(value - before.level))
    # A return from a spike is fast as well, but it leads back to the level.
    dt_s = np.maximum(each.new.time_ns - before.time_ns, 1) / _SECOND_NS
    rate = (np.minimum(change, away) > each.bounds.rate * dt_s) & ~(each.new.stands_in | before.stands_in)

    learned = before.count >= limits.learn_readings
    scale = np.maximum(before.fast, np.sqrt(before.slow))
    # Who trembles with every reading is measured by that alone, however wide its range.
    trembles = (before.changes > limits.noisy_share * before.count) & np.isfinite(each.bounds.floor)
    floor = np.where(trembles, 0.0, each.bounds.floor)
    bound = np.maximum(limits.spike_scales * scale, floor)
    beyond = learned & (away > bound)
    # Two readings in a row at the same new place are a new level, not two spikes.
    spike = beyond & ~(before.pending & (change <= bound))
    level = before.level + limits.level_weight * (value - before.level)
    level = np.where(spike, before.level, np.where(beyond | fresh, value, level))
    lesson = np.where(learned, np.minimum(change, np.maximum(limits.clip * scale, floor)), change)
    return _Departure(rate, spike, level, lesson)


def _movement(each: _Step, lesson: NDArray[np.float64]) -> Movement:
    """Return how much the sensors move now and usually, and who is quieter than its neighbours."""
    new, moving = each.new, each.moving
    if moving is None:
        return still(each.before)

    def beside(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return moving(new.sensor[rows])

    return move(each.before, Step(new.time_ns, lesson, each.fresh, new.received_ns, beside), each.limits)


def _learn(
    before: SensorStates, lesson: NDArray[np.float64], fresh: NDArray[np.bool_], limits: CheckLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scales of recent and of usual change; the first readings weigh the same, later ones fade."""
    known = 1.0 / (before.count + 1.0)
    fast_weight = np.where(fresh, 0.0, np.maximum(1.0 / limits.fast_readings, known))
    slow_weight = np.where(fresh, 0.0, np.maximum(1.0 / limits.slow_readings, known))
    fast = before.fast + fast_weight * (lesson - before.fast)
    slow = before.slow + slow_weight * (lesson * lesson - before.slow)
    return fast, slow


@dataclass(frozen=True, slots=True)
class _Run:
    """The present runs of equal readings."""

    flat: NDArray[np.bool_]
    anchor: NDArray[np.float64]
    length: NDArray[np.int64]
    since_ns: NDArray[np.int64]
    longest: NDArray[np.float64]
    changes: NDArray[np.int64]


def _run(each: _Step) -> _Run:
    """Return the runs of equal readings, and which of them are too long for their sensor."""
    before, limits = each.before, each.limits
    same = ~each.fresh & (np.abs(each.new.value - before.anchor) <= each.bounds.same)
    ended = ~same & (before.run > 0)
    knows = before.changes >= limits.flat_changes
    bounds, anchor = each.bounds, before.anchor
    rests = (
        (np.abs(anchor) <= bounds.same) | (anchor <= bounds.low + bounds.same) | (anchor >= bounds.high - bounds.same)
    )
    limit = np.maximum(np.where(rests, limits.rest_readings, limits.flat_readings), limits.flat_ratio * before.longest)
    # A fault's own run counts only as far as it was not yet a fault.
    most = np.where(rests, limit, limits.flat_lesson * before.longest)
    counted = np.where(knows & (before.run > limit), np.minimum(before.run, most), before.run)
    longest = np.where(ended, np.maximum(before.longest * limits.flat_forget, counted), before.longest)
    length = np.where(same, before.run + 1, 1)
    since_ns = np.where(same, before.run_ns, each.new.time_ns)
    lasted = each.new.time_ns - since_ns >= np.where(rests, bounds.rest_ns, bounds.flat_ns)
    flat = same & knows & (length > limit) & lasted
    return _Run(flat, np.where(same, anchor, each.new.value), length, since_ns, longest, before.changes + ended)


def _bounds_of(register: Register, quantities: Mapping[str, Quantity], limits: CheckLimits) -> _Bounds:
    """Return the bounds of every sensor; what has no level by nature gets bounds that nothing exceeds."""
    sensors = register.sensors
    kinds = [quantities[sensor.quantity] for sensor in sensors]
    span = np.array([kind.high - kind.low for kind in kinds], np.float64)
    stale_s = np.array([sensor.stale_after_s for sensor in sensors], np.float64)
    cadence_s = np.array([sensor.cadence_s for sensor in sensors], np.float64)
    rate = np.array([kind.max_rate for kind in kinds], np.float64)
    flat_ns, rest_ns = (
        np.round(cadence_s * n * _SECOND_NS).astype(np.int64) for n in (limits.flat_readings, limits.rest_readings)
    )
    beats = {sensor.heartbeat for sensor in sensors}
    is_judged = np.array(
        [
            sensor.quantity != _CHARGE and sensor.id not in beats and kind.unit not in _STATES
            for sensor, kind in zip(sensors, kinds, strict=True)
        ],
        np.bool_,
    )
    return _Bounds(
        rate=np.where(is_judged, rate, np.inf),
        floor=np.where(is_judged, span * limits.spike_floor, np.inf),
        same=span * _SAME,
        gap_ns=np.round(stale_s * _SECOND_NS).astype(np.int64),
        flat_ns=np.where(is_judged, flat_ns, _NEVER_FLAT_NS),
        rest_ns=np.where(is_judged, rest_ns, _NEVER_FLAT_NS),
        low=np.array([kind.low for kind in kinds], np.float64),
        high=np.array([kind.high for kind in kinds], np.float64),
    )
