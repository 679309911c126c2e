"""`FanOut`: the bindings of each sensor, as two arrays and no dictionary of lists.

Input: pairs of sensor and binding.
Output: for many readings at once, their bindings.
Not responsible for: the meaning of a binding.
Rejects: nothing.
"""

import numpy as np
from numpy.typing import NDArray


class FanOut:
    """A fixed relation from sensors to bindings."""

    def __init__(self, n_sensors: int, sensor: NDArray[np.intp], binding: NDArray[np.intp]) -> None:
        """Relate `sensor[i]` to `binding[i]`, both intp[n]."""
        order = np.lexsort((binding, sensor))
        self._is_empty = not len(order)
        self._binding = binding[order]
        self._count = np.bincount(sensor, minlength=n_sensors)
        self._first = np.cumsum(self._count) - self._count
        self._is_one_to_one = bool(np.all(self._count == 1))
        self._only: NDArray[np.intp] | None = None
        """intp[n_sensors]: the binding of each sensor, -1 where it has none; None where one has several."""
        if self._count.max(initial=0) <= 1:
            self._only = np.full(n_sensors, -1, np.intp)
            self._only[sensor] = binding

    def bindings_of(self, sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding of `sensor[row]`, rows ascending."""
        if self._is_empty:
            return self._binding, self._binding
        if self._is_one_to_one:
            return np.arange(len(sensor)), self._binding[sensor]
        if self._only is not None:
            only = self._only[sensor]
            row = (only >= 0).nonzero()[0]
            return row, only[row]
        count = self._count[sensor]
        has_any = count.nonzero()[0]
        count = count[has_any]
        shift = self._first[sensor[has_any]] - (count.cumsum() - count)
        place = np.arange(count.sum()) + shift.repeat(count)
        return has_any.repeat(count), self._binding[place]
