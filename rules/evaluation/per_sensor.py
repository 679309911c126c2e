"""`SequentialEvaluator`: kinds that derive a value from each reading and what was before it, many sensors at a time.

Comes in: arrivals. Goes out: to a kind, one reading of each of many bindings at a time, each binding's in their order;
to the ladder, what the kind makes of them. Refuses to know what that is.
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
    """One reading for each of distinct bindings, or any of bindings that remember nothing.

    Attributes:
        binding: intp[n].
        time_ns: int64[n], event time.
        value: float64[n], canonical unit.
        clock: bool[n], the time is not the device's own but when it was received.
        quality: uint16[n], `Quality` bits.
        slot: intp[n], 0 where it is the binding's own; else which of the others beside it has spoken.
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
    """Readings of other sensors that a kind must see in their order.

    Attributes:
        row: intp[n] into the arrivals, ascending.
        binding: intp[n], whom it concerns; never one that the same reading is judged for.
        slot: intp[n], which of the others it is to that binding, from 1.
    """

    row: NDArray[np.intp]
    binding: NDArray[np.intp]
    slot: NDArray[np.intp]


class RunLength(Protocol):
    """What a kind tells whose readings do nothing more after the first of a run but add up."""

    def run_of(self, readings: Readings) -> NDArray[np.int64]:
        """Return int64[n]: a number that readings of a binding share with those before it in the same run."""
        ...

    def add_to_run(self, readings: Readings) -> None:
        """Take readings that follow the first of their run, each binding's in their order."""
        ...


class SequentialEvaluator:
    """Cuts arrivals so that a kind can keep its memory in columns."""

    def __init__(
        self,
        level_evaluator: LevelEvaluator,
        *,
        remembers: NDArray[np.bool_] | None = None,
        runs: RunLength | None = None,
    ) -> None:
        """Let `level_evaluator` reach bindings.

        Args:
            level_evaluator: of the kind.
            remembers: bool[n_bindings], whose value depends on what was before; by default everybody's does.
            runs: of a kind that derives nothing but from the first reading of a run by one clock.
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
            admitted: what was admitted of a batch.
            derive: gives float64[n], NaN where nothing can be known yet, and for readings `references`.
            references: usable readings that come to `derive` in their order between those of the bindings.
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
        """Return what `derive` gives for each of `readings`; with `distinct` no binding stands twice."""
        if len(readings.binding) == 0:
            return np.zeros(0)
        if distinct:
            return derive(readings)
        if self._runs is not None:
            return self._derive_by_run(self._runs, readings, derive)
        derived = np.full(len(readings.binding), np.nan)
        in_turn = np.arange(len(derived))
        if self._remembers is not None:
            remembers = self._remembers[readings.binding]
            in_turn, at_once = remembers.nonzero()[0], (~remembers).nonzero()[0]
            derived[at_once] = derive(readings.take(at_once))
        for chosen in passes_without_repeats(readings.binding[in_turn]) if len(in_turn) else ():
            derived[in_turn[chosen]] = derive(readings.take(in_turn[chosen]))
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
