"""`Continuity`: whether a value can be compared with the value before it of the same binding.

Input: times and clocks of values.
Output: the time since the value before. No value before is comparable after a gap, with another clock, or back in time.
Not responsible for: the values.
Rejects: nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.kind import NEVER_NS


@dataclass(frozen=True, slots=True)
class ValueStep:
    """The steps from the value before to this value, of distinct bindings."""

    elapsed_ns: NDArray[np.int64]
    broken: NDArray[np.bool_]
    """No value before can be compared with this value."""
    same_clock: NDArray[np.bool_]
    too_soon: NDArray[np.bool_]
    """Too close to the value before to compare; this value is not remembered."""


class Continuity:
    """The time and the clock of the newest value of each binding."""

    def __init__(self, stale_ns: NDArray[np.int64], least_ns: NDArray[np.int64] | None = None) -> None:
        """Remember nothing yet.

        Args:
            stale_ns: int64[n_bindings], a longer step is a gap.
            least_ns: int64[n_bindings, 2], a shorter step is too soon. Column 0 is for the device's own clock, column 1
                for received times, which also vary with the network. The default is 0.
        """
        n = len(stale_ns)
        self._stale_ns = stale_ns
        self._least_ns = np.zeros((n, 2), np.int64) if least_ns is None else least_ns
        self._time_ns, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)

    def step(self, b: NDArray[np.intp], time_ns: NDArray[np.int64], clock: NDArray[np.bool_]) -> ValueStep:
        """Return the step to each value, and remember it.

        Args:
            b: intp[n], distinct bindings.
            time_ns: int64[n], event times.
            clock: bool[n], the time is a received time.
        """
        elapsed = time_ns - self._time_ns[b]
        same_clock = clock == self._clock[b]
        broken = (elapsed < 0) | (elapsed > self._stale_ns[b]) | ~same_clock
        too_soon = ~broken & (elapsed < self._least_ns[b, clock.astype(np.intp)])
        kept = b[~too_soon]
        self._time_ns[kept], self._clock[kept] = time_ns[~too_soon], clock[~too_soon]
        return ValueStep(elapsed, broken, same_clock, too_soon)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"before_ns": self._time_ns, "before_clock": self._clock}
