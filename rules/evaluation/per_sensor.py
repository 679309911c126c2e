"""`SequentialEvaluator`: evaluation of kinds that derive values from earlier readings, many sensors at a time.

Input: admitted readings.
Output: one reading of each of many bindings at a time to the kind, in order; the values of the kind to the levels.
Not responsible for: how a kind derives its value.
Rejects: nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK
from collector.passes import passes_without_repeats
from rules.admission.admission import AdmittedReadings, starts_of
from rules.alarms.level_evaluator import LevelEvaluator
from rules.kind import Transitions


@dataclass(frozen=True, slots=True)
class Readings:
    """One reading for each of distinct bindings, or any readings of bindings without a memory.

    Attributes:
        binding: intp[n].
        time_ns: int64[n], event time.
        value: float64[n], canonical unit.
        clock: bool[n], the time is a received time.
        quality: uint16[n], `Quality` bits.
        slot: intp[n], 0 for a reading of the binding's own sensor; else the number of the reference sensor.
    """

    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    clock: NDArray[np.bool_]
    quality: NDArray[np.uint16]
    slot: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Readings":
        """Return the readings at `rows`, int or bool mask."""
        return Readings(
            self.binding[rows],
            self.time_ns[rows],
            self.value[rows],
            self.clock[rows],
            self.quality[rows],
            self.slot[rows],
        )


@dataclass(frozen=True, slots=True)
class ReferenceReadings:
    """Readings of other sensors that a kind needs in their order.

    Attributes:
        row: intp[n] into the admitted readings, ascending.
        binding: intp[n], the binding that uses it; never a binding of the sensor itself.
        slot: intp[n], the number of the reference sensor of that binding, from 1.
    """

    row: NDArray[np.intp]
    binding: NDArray[np.intp]
    slot: NDArray[np.intp]


class RunLength(Protocol):
    """Runs of readings of which only the first has an effect besides a sum."""

    def run_of(self, readings: Readings) -> NDArray[np.int64]:
        """Return int64[n]: the run of each reading; readings of a binding in one run have the same number."""
        ...

    def add_to_run(self, readings: Readings) -> None:
        """Add readings that follow the first of their run, each binding's in their order."""
        ...


class SequentialEvaluator:
    """Splits readings so that a kind can keep its memory in columns."""

    def __init__(
        self,
        level_evaluator: LevelEvaluator,
        *,
        remembers: NDArray[np.bool_] | None = None,
        runs: RunLength | None = None,
    ) -> None:
        """Make an evaluator over the bindings of `level_evaluator`.

        Args:
            level_evaluator: of the kind.
            remembers: bool[n_bindings], the value depends on earlier readings; by default all do.
            runs: of a kind that derives a value only from the first reading of a run by one clock.
        """
        self._level_evaluator = level_evaluator
        self._remembers = remembers
        self._runs = runs

    def evaluate(
        self,
        admitted: AdmittedReadings,
        derive: Callable[[Readings], NDArray[np.float64]],
        references: ReferenceReadings | None = None,
    ) -> list[Transitions]:
        """Return the transitions that `derive` causes.

        Args:
            admitted: the admitted readings of a batch.
            derive: returns float64[n], NaN where the value is unknown, and for readings of references.
            references: readings that come to `derive` in their order between the readings of the bindings.
        """
        row, binding = self._level_evaluator.bindings_of(admitted)
        if len(row) == 0 and references is None:
            return self._level_evaluator.evaluate(admitted, row, binding, np.zeros(0))
        slot = np.zeros(len(row), np.intp)
        distinct = admitted.one_per_sensor
        if references is not None and len(references.row):
            row, binding, slot = self._merge(admitted, row, binding, references)
            distinct = False
        quality = admitted.quality[row]
        clock = (quality & RECEIVED_CLOCK) != 0
        readings = Readings(binding, admitted.time_ns[row], admitted.value[row], clock, quality, slot)
        derived = self._derive_values(readings, derive, distinct=distinct)
        known = (~np.isnan(derived)).nonzero()[0]
        return self._level_evaluator.evaluate(admitted, row[known], binding[known], derived[known])

    def _merge(
        self,
        admitted: AdmittedReadings,
        row: NDArray[np.intp],
        binding: NDArray[np.intp],
        references: ReferenceReadings,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding, slot) of the readings of the bindings and of the references, rows ascending."""
        used = admitted.usable[references.row]
        if not admitted.has_no_flags:
            used &= ~self._level_evaluator.is_ignored(admitted, references.row, references.binding)
        rows = np.concatenate((row, references.row[used]))
        bindings = np.concatenate((binding, references.binding[used]))
        slots = np.concatenate((np.zeros(len(row), np.intp), references.slot[used]))
        order = np.argsort(rows, kind="stable")
        return rows[order], bindings[order], slots[order]

    def _derive_values(
        self, readings: Readings, derive: Callable[[Readings], NDArray[np.float64]], *, distinct: bool
    ) -> NDArray[np.float64]:
        """Return the value of `derive` for each of `readings`; with `distinct` no binding occurs twice."""
        if len(readings.binding) == 0:
            return np.zeros(0)
        if distinct:
            return derive(readings)
        if self._runs is not None:
            return self._derive_by_run(self._runs, readings, derive)
        derived = np.full(len(readings.binding), np.nan)
        in_order = np.arange(len(derived))
        if self._remembers is not None:
            remembers = self._remembers[readings.binding]
            in_order, at_once = remembers.nonzero()[0], (~remembers).nonzero()[0]
            derived[at_once] = derive(readings.take(at_once))
        for chosen in passes_without_repeats(readings.binding[in_order]) if len(in_order) else ():
            derived[in_order[chosen]] = derive(readings.take(in_order[chosen]))
        return derived

    def _derive_by_run(
        self, runs: RunLength, readings: Readings, derive: Callable[[Readings], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        derived = np.full(len(readings.binding), np.nan)
        order = readings.binding.argsort(kind="stable")
        ordered = readings.take(order)
        begins = starts_of(ordered.binding) | starts_of(runs.run_of(ordered)) | starts_of(ordered.clock)
        run, first = begins.cumsum() - 1, order[begins]
        is_due = np.zeros(len(first), np.bool_)
        for chosen in passes_without_repeats(readings.binding[first]):
            derived[first[chosen]] = derive(readings.take(first[chosen]))
            is_due[:] = False
            is_due[chosen] = True
            rest = is_due[run] & ~begins
            if rest.any():
                runs.add_to_run(ordered.take(rest))
        return derived
