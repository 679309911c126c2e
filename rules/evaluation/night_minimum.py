"""`NightMinimum`: the mean of each night's quiet hours, and the lowest of the last good nights.

Comes in: readings. Goes out: whose night is over and what its mean was; what is usual. Refuses to know what a rise
means.

A night's hours are event time of a place's own clock; the first reading behind them closes the night.
"""

import numpy as np
from numpy.typing import NDArray

from rules.evaluation.per_sensor import Readings
from rules.kind import NEVER_NS

MOST_NIGHTS = 60
"""Nights that are kept."""
_DAY_NS = 86_400 * 1_000_000_000


class NightMinimum:
    """The open night and a ring of the means of good ones, of each binding."""

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
            begin_ns: int64[n_bindings], when the hours begin, after midnight UTC; may be negative.
            length_ns: int64[n_bindings], how long they are.
            needed: int64[n_bindings], readings without which a night has no mean.
            not_learned: `Quality` bits; a night with a reading of any of them is not learned from.
        """
        n, self._not_learned = len(begin_ns), np.uint16(not_learned)
        self._begin_ns, self._length_ns, self._needed = begin_ns, length_ns, needed
        self._number, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)
        self._sum, self._count, self._odd = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.bool_)
        self._ring, self._kept = np.full((n, MOST_NIGHTS), np.nan), np.zeros(n, np.int64)

    def add(self, now: Readings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (mean, may teach) of the night that each reading closes, float64[n] NaN where none, and bool[n]."""
        b = now.binding
        number, phase_ns = np.divmod(now.time_ns - self._begin_ns[b], _DAY_NS)
        is_inside = phase_ns < self._length_ns[b]
        if not (is_inside.any() or self._count[b].any()):
            return np.full(len(b), np.nan), np.zeros(len(b), np.bool_)
        # A clock set back by a moment says the day before; one set back far begins anew.
        ahead = self._number[b] - number
        is_open = self._count[b] > 0
        closes = is_open & ((ahead < 0) | ((ahead == 0) & ~is_inside))
        mean = np.where(
            closes & (self._count[b] >= self._needed[b]), self._sum[b] / np.maximum(self._count[b], 1), np.nan
        )
        teaches = ~self._odd[b]
        mixed = is_open & ((ahead > 1) | (now.clock != self._clock[b]))
        empty = b[closes | mixed]
        self._sum[empty], self._count[empty], self._odd[empty] = 0, 0, False
        counts = is_inside & (ahead != 1)
        held = b[counts]
        self._number[held], self._clock[held] = number[counts], now.clock[counts]
        self._sum[held] += now.value[counts]
        self._count[held] += 1
        self._odd[held] |= (now.quality[counts] & self._not_learned) != 0
        return np.where(mixed, np.nan, mean), teaches

    def usual(
        self, b: NDArray[np.intp], nights: NDArray[np.int64], fewest: NDArray[np.int64], quantile: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the low quantile of the last good nights, NaN where there are too few.

        Args:
            b: intp[n], bindings.
            nights: int64[n], how many of the last good nights.
            fewest: int64[n], fewer tell nothing.
            quantile: float64[n], of so many the one below which this share lies; 0: the lowest.
        """
        if len(b) == 0:
            return np.zeros(0)
        ordered = np.sort(self._ring[b, : int(nights.max())], axis=1)
        n = np.count_nonzero(~np.isnan(ordered), axis=1)
        rank = (quantile * np.maximum(n - 1, 0)).astype(np.intp)
        return np.where(n >= fewest, ordered[np.arange(len(b)), rank], np.nan)

    def keep(self, b: NDArray[np.intp], mean: NDArray[np.float64], nights: NDArray[np.int64]) -> None:
        """Remember the means of good nights of bindings `b`, each in the place of the oldest of `nights`."""
        self._ring[b, self._kept[b] % nights] = mean
        self._kept[b] += 1

    def forget(self, b: NDArray[np.intp]) -> None:
        """Forget all nights of bindings `b`."""
        self._ring[b], self._kept[b] = np.nan, 0

    def rebuild(self, nights: NDArray[np.int64]) -> None:
        """Forget what is kept beyond int64[n_bindings] `nights`, after a rule was changed to fewer."""
        self._ring[np.arange(MOST_NIGHTS) >= nights[:, np.newaxis]] = np.nan

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart; first axis: bindings."""
        return {
            "night_number": self._number,
            "night_clock": self._clock,
            "night_sum": self._sum,
            "night_count": self._count,
            "night_odd": self._odd,
            "night_ring": self._ring,
            "night_kept": self._kept,
        }
