"""`Links`: which bindings each sensor feeds, as two arrays instead of a dictionary of lists.

Comes in: pairs of sensor and binding. Goes out: for many readings at once, the bindings they reach. Refuses to know
what a binding is.
"""

import numpy as np
from numpy.typing import NDArray


class Links:
    """A fixed relation from sensors to bindings."""

    def __init__(self, n_sensors: int, sensor: NDArray[np.intp], binding: NDArray[np.intp]) -> None:
        """Relate `sensor[i]` to `binding[i]`, both intp[n]."""
        order = np.lexsort((binding, sensor))
        self._binding = binding[order]
        self._count = np.bincount(sensor, minlength=n_sensors)
        self._first = np.cumsum(self._count) - self._count
        self._is_plain = bool(np.all(self._count == 1))

    def reach(self, sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding that `sensor[row]` feeds, rows ascending."""
        if self._is_plain:
            return np.arange(len(sensor)), self._binding[sensor]
        count = self._count[sensor]
        row = np.repeat(np.arange(len(sensor)), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        return row, self._binding[self._first[sensor[row]] + within]
