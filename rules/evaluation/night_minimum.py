"""`NightMinimum`: the mean of each night's quiet hours, and the lowest means of the last good nights.

Input: readings.
Output: the mean of a night at the reading that closes it, and the usual night.
Not responsible for: the meaning of a rise.
Rejects: nothing.

The hours of a night are event time on the clock of a place. The first reading after them closes the night.
"""

import numpy as np
from numpy.typing import NDArray

from config.time_units import DAY_NS
from rules.evaluation.per_sensor import Readings
from rules.kind import NEVER_NS

MOST_NIGHTS = 60
"""Nights that are kept."""


class NightMinimum:
    """The open night of each binding, and a ring of the means of its good nights."""

    def __init__(
        self,
        begin_ns: NDArray[np.int64],
        length_ns: NDArray[np.int64],
        needed: NDArray[np.int64],
        *,
        not_learned: int,
    ) -> None:
        """Make empty ones.

        Args:
            begin_ns: int64[n_bindings], start of the hours after midnight UTC; may be negative.
            length_ns: int64[n_bindings], length of the hours.
            needed: int64[n_bindings], a night with fewer readings has no mean.
            not_learned: `Quality` bits; a night with a reading of any of them is not learned from.
        """
        n, self._not_learned = len(begin_ns), np.uint16(not_learned)
        self._begin_ns, self._length_ns, self._needed = begin_ns, length_ns, needed
        self._number, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)
        self._sum, self._count, self._odd = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.bool_)
        self._ring, self._kept = np.full((n, MOST_NIGHTS), np.nan), np.zeros(n, np.int64)

    def add(self, now: Readings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (mean, may learn) of the night that each reading closes, float64[n] NaN where none, and bool[n]."""
        b = now.binding
        number, phase_ns = np.divmod(now.time_ns - self._begin_ns[b], DAY_NS)
        is_inside = phase_ns < self._length_ns[b]
        if not (is_inside.any() or self._count[b].any()):
            return np.full(len(b), np.nan), np.zeros(len(b), np.bool_)
        # A clock set back by a moment gives the day before; a clock set back far restarts the night.
        ahead = self._number[b] - number
        is_open = self._count[b] > 0
        closes = is_open & ((ahead < 0) | ((ahead == 0) & ~is_inside))
        mean = np.where(
            closes & (self._count[b] >= self._needed[b]), self._sum[b] / np.maximum(self._count[b], 1), np.nan
        )
        may_learn = ~self._odd[b]
        mixed = is_open & ((ahead > 1) | (now.clock != self._clock[b]))
        empty = b[closes | mixed]
        self._sum[empty], self._count[empty], self._odd[empty] = 0, 0, False
        counts = is_inside & (ahead != 1)
        held = b[counts]
        self._number[held], self._clock[held] = number[counts], now.clock[counts]
        self._sum[held] += now.value[counts]
        self._count[held] += 1
        self._odd[held] |= (now.quality[counts] & self._not_learned) != 0
        return np.where(mixed, np.nan, mean), may_learn

    def usual(
        self, b: NDArray[np.intp], nights: NDArray[np.int64], fewest: NDArray[np.int64], quantile: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the low quantile of the last good nights, NaN with too few nights.

        Args:
            b: intp[n], bindings.
            nights: int64[n], number of the last good nights.
            fewest: int64[n], with fewer nights the result is NaN.
            quantile: float64[n], share of the nights below the result; 0: the lowest.
        """
        if len(b) == 0:
            return np.zeros(0)
        ordered = np.sort(self._ring[b, : int(nights.max())], axis=1)
        n = np.count_nonzero(~np.isnan(ordered), axis=1)
        rank = (quantile * np.maximum(n - 1, 0)).astype(np.intp)
        return np.where(n >= fewest, ordered[np.arange(len(b)), rank], np.nan)

    def keep(self, b: NDArray[np.intp], mean: NDArray[np.float64], nights: NDArray[np.int64]) -> None:
        """Remember the means of good nights of bindings `b`, each instead of the oldest of `nights`."""
        self._ring[b, self._kept[b] % nights] = mean
        self._kept[b] += 1

    def forget(self, b: NDArray[np.intp]) -> None:
        """Forget all nights of bindings `b`."""
        self._ring[b], self._kept[b] = np.nan, 0

    def rebuild(self, nights: NDArray[np.int64]) -> None:
        """Forget nights beyond int64[n_bindings] `nights`, after a rule was changed to fewer."""
        self._ring[np.arange(MOST_NIGHTS) >= nights[:, np.newaxis]] = np.nan

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "night_number": self._number,
            "night_clock": self._clock,
            "night_sum": self._sum,
            "night_count": self._count,
            "night_odd": self._odd,
            "night_ring": self._ring,
            "night_kept": self._kept,
        }
