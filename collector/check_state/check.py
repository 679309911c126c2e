"""`BatchCheck` and `SensorCheck`: the contract between the quality checks and the program that runs them.

Input: the register, the limits, and one step of the readings.
Output: the two kinds of lines of the table `CHECKS`, and `Step`, which a sensor check reads and writes.
Not responsible for: any single check, and the order of the checks.
Rejects: nothing.

A sensor check is one formula for two cases: one reading of each of n sensors, as arrays, and one reading of one sensor,
as plain numbers. Both cases compute the same sums in the same order, so that they agree to the last digit. `Step.math`
has the few functions that differ between arrays and plain numbers. Annotations name the arrays.
"""

import math
import operator
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality, ReadingBatch
from collector.check_state.limits import CheckLimits, SensorBounds
from collector.check_state.memory import SensorMemory, SensorStates
from collector.devices.clocks import DeviceClocks
from config.quantities import Quantity
from config.register import Register
from config.settings import IntakeSettings

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.number] | float
"""Anything that compares with a number."""
_Column = TypeVar("_Column", Bools, Floats, Ints)
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

    def look_up(self, find: LookUp, step: "Step", wanted: Bools) -> Floats:
        """Return the values that `find` gives for the wanted sensors of the step, NaN for the others."""
        ...


@dataclass(slots=True)
class Step:
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


def begin_step(step: Step, limits: CheckLimits) -> None:
    """Fill in everything that several checks need of the reading and the state before it."""
    before, bounds, math_ = step.before, step.bounds, step.math
    step.is_fresh = fresh = step.time_ns - before.time_ns > bounds.gap_ns
    step.change = change = math_.where(fresh, 0.0, abs(step.value - before.last))
    step.away = math_.where(fresh, 0.0, abs(step.value - before.level))
    step.is_learned = learned = before.count >= limits.learn_readings
    step.scale = scale = math_.maximum(before.fast, math_.sqrt(before.slow))
    # The scales alone measure a sensor that changes with every reading, however wide its range.
    trembles = (before.changes > limits.noisy_share * before.count) & bounds.is_measured
    step.floor = floor = math_.where(trembles, 0.0, bounds.floor)
    step.lesson = math_.where(learned, math_.minimum(change, math_.maximum(limits.clip * scale, floor)), change)


@dataclass(frozen=True, slots=True)
class CheckSetup:
    """The things that a check may need to know once."""

    register: Register
    quantities: Mapping[str, Quantity]
    limits: CheckLimits
    intake: IntakeSettings
    clocks: DeviceClocks
    memory: SensorMemory
    bounds: SensorBounds
    is_compared: Bools
    """bool[n_sensors], whether a sensor's readings are compared with each other."""
    counts: Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """A check that needs no state of the sensors: it takes a batch and gives it back with more bits, or other times."""

    bits: Quality
    """The bits that it may set."""
    source: str
    prepare: Callable[[CheckSetup], Callable[[ReadingBatch], ReadingBatch]]


@dataclass(frozen=True, slots=True)
class SensorCheck:
    """A check of each reading against the state of its sensor; it gives the readings that get its bit."""

    bit: Quality
    source: str
    prepare: Callable[[CheckSetup], Callable[[Step], Bools] | None]
    """None stands for a register in which the check has nothing to do."""
    columns: tuple[str, ...] = ()
    """Fields of `SensorStates` that it writes."""
    is_of_now: bool = False
    """Whether late and historical readings never get the bit."""


class ColumnArithmetic:
    """Formulas over arrays."""

    def where(self, condition: Bools, one: _Column | float, other: _Column | float) -> _Column:
        """Return `one` where the condition holds, else `other`."""
        chosen: _Column = np.where(condition, one, other)
        return chosen

    def maximum(self, one: Numbers, other: Numbers) -> Floats:
        """Return the larger one of each pair."""
        larger: Floats = np.maximum(one, other)
        return larger

    def minimum(self, one: Numbers, other: Numbers) -> Floats:
        """Return the smaller one of each pair."""
        smaller: Floats = np.minimum(one, other)
        return smaller

    def sqrt(self, value: Floats) -> Floats:
        """Return the square roots."""
        return np.sqrt(value)

    def invert(self, condition: Bools) -> Bools:
        """Return the conditions negated."""
        return ~condition

    def look_up(self, find: LookUp, step: Step, wanted: Bools) -> Floats:
        """Return the values that `find` gives for the wanted sensors of the step, NaN for the others."""
        found = np.full(len(step.sensor), np.nan)
        rows = np.flatnonzero(wanted)
        if len(rows):
            found[rows] = find(step.sensor[rows], step.received_ns)
        return found


class PlainArithmetic:
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

    def look_up(self, find: LookUp, step: Step, wanted: bool) -> float:  # noqa: FBT001 - as of arrays
        """Return the value that `find` gives for the sensor of the step if it is wanted, else NaN."""
        if not wanted:
            return math.nan
        if find not in self._found:
            self._found[find] = float(find(np.array([step.sensor]), step.received_ns)[0])
        return self._found[find]
