"""Rounds: a batch cut so that no sensor stands twice in a piece, and each sensor's readings keep their order.

Comes in: sensor numbers. Goes out: rows of each round. Refuses to know what is done with them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class Rounds:
    """Cuts batches of one register's sensors."""

    def __init__(self, n_sensors: int) -> None:
        self._row = np.zeros(n_sensors, np.intp)

    def of(self, sensor: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Yield intp arrays of rows: first the first reading of every sensor, then every second one, and so on.

        Args:
            sensor: intp[n], numbers below the register's size.
        """
        rows = np.arange(len(sensor))
        self._row[sensor] = rows
        if bool((self._row[sensor] == rows).all()):
            yield rows
            return
        order = np.argsort(sensor, kind="stable")
        grouped = sensor[order]
        start = np.ones(len(sensor), np.bool_)
        start[1:] = grouped[1:] != grouped[:-1]
        rank = rows - np.maximum.accumulate(np.where(start, rows, 0))
        by_rank = np.argsort(rank, kind="stable")
        ends = np.flatnonzero(np.diff(rank[by_rank])) + 1
        yield from np.split(order[by_rank], ends)
