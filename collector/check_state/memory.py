"""`SensorMemory` and `SensorStep`: the state of every sensor, and one more reading of some of them.

Input: new readings; steps with the state after them; bytes of a snapshot.
Output: steps with the state before the readings; a snapshot.
Not responsible for: any single check, and files.
Rejects: a snapshot that is not intact.

A sensor check is one formula for two cases. The first is one reading of each of n sensors, as arrays; the second is one
reading of one sensor, as plain numbers. Both cases compute the same sums in the same order, so that they agree to the
last digit. `SensorStep.math` has the few functions that differ. Annotations name the arrays. A snapshot is matched by
sensor id. A sensor that still exists goes on; a new sensor begins to learn.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.number] | float
"""Anything that compares with a number."""
_Column = TypeVar("_Column", Bools, Floats, Ints)
NEVER_NS = int(np.iinfo(np.int64).min // 2)
"""Stands for "no reading yet". It is half of the range, so that a difference cannot overflow."""
LookUp = Callable[[NDArray[np.intp], int], Floats]
"""Numbers of sensors, intp[n], and the received time, UTC nanoseconds, to one value each, float64[n]."""


class Arithmetic(Protocol):
    """The functions of a formula that arrays and plain numbers do not share."""

    def where(self, condition: Bools, one: _Column | float, other: _Column | float) -> _Column:
        """Return `one` where the condition holds, else `other`."""
        ...

    def maximum(self, one: Numbers, other: Numbers) -> Floats:
        """Return the larger one of each pair."""
        ...

    def minimum(self, one: Numbers, other: Numbers) -> Floats:
        """Return the smaller one of each pair."""
        ...

    def sqrt(self, value: Floats) -> Floats:
        """Return the square roots."""
        ...

    def invert(self, condition: Bools) -> Bools:
        """Return the conditions negated."""
        ...

    def look_up(self, find: LookUp, step: "SensorStep", wanted: Bools) -> Floats:
        """Return the values that `find` gives for the wanted sensors of the step, NaN for the others."""
        ...


@dataclass(slots=True)
class SensorStates:
    """The state of n sensors, one row each; of one sensor the fields are plain numbers."""

    time_ns: NDArray[np.int64]
    """Event time of the newest usable reading."""
    stands_in: NDArray[np.bool_]
    """Whether that time is the received time."""
    last: NDArray[np.float64]
    """The value of that reading."""
    flags: NDArray[np.uint16]
    """The bits that the reading got from the checks."""
    level: NDArray[np.float64]
    """The level of the sensor before anything doubtful."""
    fast: NDArray[np.float64]
    """Mean absolute change from reading to reading, over few readings."""
    slow: NDArray[np.float64]
    """Mean squared change, over many readings."""
    count: NDArray[np.int64]
    """Usable readings seen."""
    pending: NDArray[np.bool_]
    """Whether the newest reading was a spike. The next reading decides whether the level has moved."""
    anchor: NDArray[np.float64]
    """The first value of the present run of equal readings."""
    run: NDArray[np.int64]
    """Readings in the present run."""
    run_ns: NDArray[np.int64]
    """Time of the first reading of that run."""
    longest: NDArray[np.float64]
    """Longest run ever, slowly forgotten."""
    changes: NDArray[np.int64]
    """Runs that have ended."""
    recent: NDArray[np.float64]
    """Mean absolute change now; it is slower than `fast`, to be compared with neighbours."""
    usual: NDArray[np.float64]
    """Mean absolute change over many readings."""
    quiet_ns: NDArray[np.int64]
    """Since when the sensor has moved far less than its neighbours; `NEVER_NS` while it has not."""
    received_ns: NDArray[np.int64]
    """When the newest reading was received."""
    movement_before: NDArray[np.float64]
    """`recent` as a share of `usual` before the readings of that received time; the neighbours compare with it."""
    received_before_ns: NDArray[np.int64]
    """When the reading behind `movement_before` was received."""


@dataclass(frozen=True, slots=True)
class SensorBounds:
    """Columns of the register's word on each sensor; of one sensor the fields are plain numbers."""

    rate: NDArray[np.float64]
    """Largest believable change, canonical unit per second."""
    floor: NDArray[np.float64]
    """Smallest departure that can be a spike, canonical unit."""
    same: NDArray[np.float64]
    """Largest difference of equal readings, canonical unit."""
    gap_ns: NDArray[np.int64]
    """After a longer gap a reading is compared with nothing before it."""
    flat_ns: NDArray[np.int64]
    """Shortest time that can be flat."""
    rest_ns: NDArray[np.int64]
    """The same at rest."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """Ends of the range; the sensor rests there as it does at zero."""
    is_measured: NDArray[np.bool_]
    """Whether the sensor has a level within a finite range: it is no heartbeat, charge, state or counter."""


@dataclass(slots=True)
class SensorStep:
    """One more reading of each of n sensors, or of one sensor."""

    sensor: NDArray[np.intp]
    time_ns: Ints
    stands_in: Bools
    """Whether the time is the received time."""
    value: Floats
    received_ns: int
    before: SensorStates
    """The state before the reading."""
    after: SensorStates
    """The state after it: each check writes its own columns."""
    bounds: SensorBounds
    """The register's word on the sensors."""
    math: Arithmetic
    is_fresh: Bools
    """Whether a gap lies between, or nothing was before: then the reading is compared with nothing."""
    change: Floats
    """Distance from the reading before, canonical unit; 0 where it is fresh."""
    away: Floats
    """Distance from the sensor's level, canonical unit; 0 where it is fresh."""
    scale: Floats
    """The larger of the two scales of change."""
    floor: Floats
    """Smallest distance that can be a spike, canonical unit."""
    is_learned: Bools
    """Whether the scales are known well enough."""
    lesson: Floats
    """The change as far as it may teach the scales."""


class _ColumnArithmetic:
    """Formulas over arrays: numpy's own functions."""

    where = staticmethod(np.where)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)
    sqrt = staticmethod(np.sqrt)
    invert = staticmethod(np.logical_not)

    @staticmethod
    def look_up(find: LookUp, step: SensorStep, wanted: Bools) -> Floats:
        """Return the values that `find` gives for the wanted sensors of the step, NaN for the others."""
        found = np.full(len(step.sensor), np.nan)
        rows = np.flatnonzero(wanted)
        if len(rows):
            found[rows] = find(step.sensor[rows], step.received_ns)
        return found


COLUMNS = cast("Arithmetic", _ColumnArithmetic())
"""Formulas over arrays."""


class _PlainArithmetic:
    """Formulas over the plain numbers of one sensor, for readings that were received together."""

    maximum = staticmethod(max)
    minimum = staticmethod(min)
    sqrt = staticmethod(math.sqrt)
    invert = staticmethod(operator.not_)

    def __init__(self) -> None:
        self._found: dict[LookUp, float] = {}
        """The neighbours are as they were before these readings: one look-up serves them all."""

    @staticmethod
    def where(condition: bool, one: float, other: float) -> float:  # noqa: FBT001 - as numpy's
        """Return `one` where the condition holds, else `other`."""
        return one if condition else other

    def look_up(self, find: LookUp, step: SensorStep, wanted: bool) -> float:  # noqa: FBT001 - as of arrays
        """Return the value that `find` gives for the sensor of the step if it is wanted, else NaN."""
        if not wanted:
            return math.nan
        if find not in self._found:
            self._found[find] = float(find(np.array([step.sensor]), step.received_ns)[0])
        return self._found[find]


def make_plain_arithmetic() -> Arithmetic:
    """Return the functions of formulas over plain numbers, for readings of one sensor that were received together."""
    return cast("Arithmetic", _PlainArithmetic())


_FORMAT = 3
_PERSISTED: Mapping[str, str] = {
    "flags": "said",
    "received_ns": "heard_ns",
    "movement_before": "shown",
    "received_before_ns": "shown_ns",
}
"""Field to the name of its column in a snapshot, where they differ."""
_NEVER_AT_FIRST = ("time_ns", "run_ns", "quiet_ns", "received_ns", "received_before_ns")


def _row_type() -> np.dtype[np.void]:
    """Return the type of one sensor's row. Its fields lie side by side, because a batch needs all of few sensors."""
    types: dict[str, type[np.generic]] = dict.fromkeys((each.name for each in fields(SensorStates)), np.float64)
    types |= dict.fromkeys(("count", "run", "changes", *_NEVER_AT_FIRST), np.int64)
    types |= {"stands_in": np.bool_, "pending": np.bool_, "flags": np.uint16}
    return np.dtype(list(types.items()), align=True)


class SensorMemory:
    """The state and the bounds of all sensors of a register."""

    def __init__(self, sensor_ids: Sequence[str], bounds: SensorBounds) -> None:
        self.bounds = bounds
        self._ids = tuple(sensor_ids)
        self._names = [each.name for each in fields(SensorStates)]
        self._rows = np.zeros(len(sensor_ids), _row_type())
        self._opaque = self._rows.view(f"V{self._rows.itemsize}")
        """The same rows without fields. numpy copies them many times faster."""
        self.columns = SensorStates(*(self._rows[name] for name in self._names))
        """The columns of all sensors, to read."""
        for name in _NEVER_AT_FIRST:
            self._rows[name] = NEVER_NS
        self.columns.movement_before[:] = np.nan
        self._bound_names = [each.name for each in fields(SensorBounds)]
        self._bound_rows = _to_rows({name: getattr(bounds, name) for name in self._bound_names})

    def begin_step(
        self, sensor: NDArray[np.intp], time_ns: Ints, stands_in: Bools, value: Floats, received_ns: int
    ) -> SensorStep:
        """Return a step of one reading of each sensor, with copies of the rows of `sensor`, intp[n]."""
        rows, bound_rows = self._rows.take(sensor), self._bound_rows.take(sensor)
        before = SensorStates(*(rows[name] for name in self._names))
        bounds = SensorBounds(*(bound_rows[name] for name in self._bound_names))
        return _make_step((sensor, time_ns, stands_in, value), received_ns, before, bounds, COLUMNS)

    def finish_step(self, step: SensorStep) -> None:
        """Replace the rows of the sensors of a step, each number at most once."""
        rows = np.empty(len(step.sensor), self._rows.dtype)
        for name in self._names:
            rows[name] = getattr(step.after, name)
        self._opaque[step.sensor] = rows.view(self._opaque.dtype)

    def begin_run(self, number: int, received_ns: int) -> SensorStep:
        """Return a step of one sensor, in plain numbers, that takes one reading after the other."""
        before = SensorStates(*self._rows[number].item())
        bounds = SensorBounds(*self._bound_rows[number].item())
        columns = (number, before.time_ns, before.stands_in, before.last)
        return _make_step(columns, received_ns, before, bounds, make_plain_arithmetic())  # type: ignore[arg-type]

    def finish_run(self, step: SensorStep) -> None:
        """Replace the row of the sensor of a run; its newest state is the one before the next reading."""
        self._rows[step.sensor] = tuple(getattr(step.before, name) for name in self._names)

    def snapshot(self) -> bytes:
        """Return the state of all sensors as bytes."""
        return pack_columns(_FORMAT, self._ids, self._persisted())

    def restore(self, blob: bytes) -> None:
        """Take over the state of the sensors that exist in the snapshot and in the register.

        Raises:
            CheckpointUnusableError: `blob` is not intact; nothing was taken over.
        """
        columns = self._persisted()
        unpack_columns(blob, _FORMAT, self._ids, columns).move_into(columns)

    def _persisted(self) -> dict[str, NDArray[np.generic]]:
        return {_PERSISTED.get(name, name): self._rows[name] for name in self._names}


def _to_rows(columns: Mapping[str, NDArray[np.generic]]) -> NDArray[np.void]:
    """Return one row of all columns for each sensor; the fields of one sensor then lie side by side."""
    rows = np.empty(len(next(iter(columns.values()))), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _make_step(
    columns: tuple[NDArray[np.intp], Ints, Bools, Floats],
    received_ns: int,
    before: SensorStates,
    bounds: SensorBounds,
    math: Arithmetic,
) -> SensorStep:
    """Return a step; the runner of the checks fills in the rest."""
    sensor, time_ns, stands_in, value = columns
    return SensorStep(
        sensor,
        time_ns,
        stands_in,
        value,
        received_ns,
        before,
        replace(before),
        bounds,
        math,
        is_fresh=stands_in,
        change=value,
        away=value,
        scale=value,
        floor=value,
        is_learned=stands_in,
        lesson=value,
    )
