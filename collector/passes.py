"""Passes: a batch split so that no sensor stands twice in a piece; the readings of each sensor keep their order.

Input: sensor numbers.
Output: rows of each pass, and the rows of single sensors that are left.
Not responsible for: the work on the rows.
Rejects: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CostModel:
    """Costs of the checks, microseconds; only the ratios matter. Source: measured on one core of a small server."""

    pass_us: float = 120.0
    """A pass of columns, nearly whatever its size."""
    run_us: float = 45.0
    """A sensor with readings that are checked one after the other."""
    reading_us: float = 5.5
    """And each of those."""


class PassSplitter:
    """Cuts batches of one register's sensors."""

    def __init__(self, n_sensors: int, costs: CostModel | None = None) -> None:
        self._row = np.zeros(n_sensors, np.intp)
        self._costs = costs or CostModel()

    def split(self, sensor: NDArray[np.intp]) -> tuple[Sequence[NDArray[np.intp]], NDArray[np.intp]]:
        """Return passes, and the rows that are checked faster one after the other, sorted by sensor; all intp.

        A pass has one reading of each sensor. Every pass comes before the rest.

        Args:
            sensor: intp[n], numbers below the register's size.
        """
        rows = np.arange(len(sensor))
        costs = self._costs
        if len(rows) == 1 and costs.run_us + costs.reading_us < costs.pass_us:
            return [], rows
        self._row[sensor] = rows
        if len(rows) * (costs.run_us + costs.reading_us) >= costs.pass_us and bool((self._row[sensor] == rows).all()):
            return [rows], rows[:0]
        order, rank = _rank_in_sensor(sensor)
        sizes = np.bincount(rank)
        n_passes = _count_worthwhile_passes(sizes, costs)
        in_pass = rank < n_passes
        by_rank = np.argsort(rank[in_pass], kind="stable")
        passes = np.split(order[in_pass][by_rank], np.cumsum(sizes[:n_passes])[:-1]) if n_passes else []
        return passes, order[~in_pass]


def passes_without_repeats(number: NDArray[np.intp]) -> Sequence[NDArray[np.intp]]:
    """Return rows of `number`, intp[n], so that in each piece no number stands twice and earlier rows come earlier."""
    order, rank = _rank_in_sensor(number)
    sizes = np.bincount(rank)
    if len(sizes) == 1:
        return [np.arange(len(number))]
    ends = sizes.cumsum().tolist()
    by_rank = order[rank.argsort(kind="stable")]
    return [by_rank[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _rank_in_sensor(sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows sorted by sensor, and for each of them how many of its sensor stand before it; both intp[n]."""
    order = sensor.argsort(kind="stable")
    grouped, rows = sensor[order], np.arange(len(sensor))
    first = rows.copy()
    first[1:][grouped[1:] == grouped[:-1]] = 0
    return order, rows - np.maximum.accumulate(first)


def _count_worthwhile_passes(sizes: NDArray[np.intp], costs: CostModel) -> int:
    """Return how many passes of `sizes` are worth their price; the readings behind them make a course a sensor."""
    left = np.concatenate((np.cumsum(sizes[::-1])[::-1], [0]))
    n_runs = np.concatenate((sizes, [0]))
    return int(np.argmin(costs.pass_us * np.arange(len(left)) + costs.run_us * n_runs + costs.reading_us * left))
