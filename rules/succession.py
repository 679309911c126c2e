"""`Succession`: kinds that derive a value from each reading and what was before it, many sensors at a time.

Comes in: arrivals. Goes out: to a kind, one reading of each of many bindings at a time, each binding's in their order;
to the ladder, what the kind makes of them. Refuses to know what that is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK, Quality
from collector.rounds import Prices, Rounds
from rules.arrivals import Arrivals
from rules.climber import Climber
from rules.kind import Found

_DOUBTED = np.uint16(Quality.SPIKE | Quality.RATE | Quality.DEVICE_SUSPECT)
_ALWAYS_ROUNDS = Prices(round=1.0, course=1e12, reading=1e12)


@dataclass(frozen=True, slots=True)
class Readings:
    """One reading for each of distinct bindings.

    Attributes:
        binding: intp[n].
        time_ns: int64[n], event time.
        value: float64[n], canonical unit.
        clock: bool[n], the time is not the device's own but when it was received.
        quality: uint16[n], `Quality` bits.
    """

    binding: NDArray[np.intp]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    clock: NDArray[np.bool_]
    quality: NDArray[np.uint16]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Readings":
        """Return the readings at `rows`, int or bool mask."""
        return Readings(self.binding[rows], self.time_ns[rows], self.value[rows], self.clock[rows], self.quality[rows])


class Succession:
    """Cuts arrivals so that a kind can keep its memory in columns."""

    def __init__(self, climber: Climber, *, trusts_all: bool = False) -> None:
        """Let `climber` reach bindings; without `trusts_all`, readings that intake or device doubt are left out."""
        self._climber = climber
        self._trusts_all = trusts_all
        self._rounds = Rounds(len(climber.sensor), _ALWAYS_ROUNDS)

    def climb(self, arrivals: Arrivals, derive: Callable[[Readings], NDArray[np.float64]]) -> list[Found]:
        """Return the transitions that `derive` causes, which gives float64[n], NaN where nothing can be known yet."""
        row, binding = self._climber.reach(arrivals)
        if not self._trusts_all and (arrivals.quality[row] & _DOUBTED).any():
            sound = (arrivals.quality[row] & _DOUBTED) == 0
            row, binding = row[sound], binding[sound]
        clock = (arrivals.quality[row] & RECEIVED_CLOCK) != 0
        readings = Readings(binding, arrivals.time_ns[row], arrivals.value[row], clock, arrivals.quality[row])
        derived = np.full(len(row), np.nan)
        for chosen in self._rounds.cut(binding)[0]:
            derived[chosen] = derive(readings.take(chosen))
        known = np.flatnonzero(~np.isnan(derived))
        return self._climber.climb(arrivals, row[known], binding[known], derived[known])
