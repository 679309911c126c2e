"""Rounds: a batch cut so that no sensor stands twice in a piece, or alone, and each sensor's readings keep their order.

Comes in: sensor numbers. Goes out: rows of each round, and those of single sensors that are left. Refuses to know what
is done with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Prices:
    """What judging costs, microseconds; only the ratios matter. Source: measured on one core of a small server."""

    round: float = 120.0
    """A round of columns, nearly whatever its size."""
    course: float = 25.0
    """A sensor whose readings are judged one after the other."""
    reading: float = 2.5
    """And each of those."""


class Rounds:
    """Cuts batches of one register's sensors."""

    def __init__(self, n_sensors: int, prices: Prices | None = None) -> None:
        self._row = np.zeros(n_sensors, np.intp)
        self._prices = prices or Prices()

    def cut(self, sensor: NDArray[np.intp]) -> tuple[Sequence[NDArray[np.intp]], NDArray[np.intp]]:
        """Return rounds, and the rows of what is judged faster one after the other, sorted by sensor; all intp.

        A round has one reading of each sensor. Every round comes before the rest.

        Args:
            sensor: intp[n], numbers below the register's size.
        """
        rows = np.arange(len(sensor))
        self._row[sensor] = rows
        prices = self._prices
        if len(rows) * (prices.course + prices.reading) >= prices.round and bool((self._row[sensor] == rows).all()):
            return [rows], rows[:0]
        order, rank = _ranked(sensor)
        sizes = np.bincount(rank)
        n_rounds = _cheapest(sizes, prices)
        in_round = rank < n_rounds
        by_rank = np.argsort(rank[in_round], kind="stable")
        rounds = np.split(order[in_round][by_rank], np.cumsum(sizes[:n_rounds])[:-1]) if n_rounds else []
        return rounds, order[~in_round]


def turns(number: NDArray[np.intp]) -> Sequence[NDArray[np.intp]]:
    """Return rows of `number`, intp[n], so that in each piece no number stands twice and earlier rows come earlier."""
    order, rank = _ranked(number)
    sizes = np.bincount(rank)
    if len(sizes) == 1:
        return [np.arange(len(number))]
    ends = sizes.cumsum().tolist()
    by_rank = order[rank.argsort(kind="stable")]
    return [by_rank[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _ranked(sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows sorted by sensor, and for each of them how many of its sensor stand before it; both intp[n]."""
    order = sensor.argsort(kind="stable")
    grouped, rows = sensor[order], np.arange(len(sensor))
    first = rows.copy()
    first[1:][grouped[1:] == grouped[:-1]] = 0
    return order, rows - np.maximum.accumulate(first)


def _cheapest(sizes: NDArray[np.intp], prices: Prices) -> int:
    """Return how many rounds of `sizes` are worth their price; the readings behind them make a course a sensor."""
    left = np.concatenate((np.cumsum(sizes[::-1])[::-1], [0]))
    n_courses = np.concatenate((sizes, [0]))
    return int(np.argmin(prices.round * np.arange(len(left)) + prices.course * n_courses + prices.reading * left))
