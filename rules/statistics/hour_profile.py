"""`HourProfile`: the usual value of each binding at each hour of the day, and of the week.

Input: samples.
Output: the mean of earlier samples at the same hour.
Not responsible for: holidays and the wall clock; the hour is that of a sample's own time at a fixed offset from UTC.
Rejects: nothing.

An hour of the week is known after two earlier weeks; until then the hour of the day replaces it.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from config.time_units import HOUR_NS

WEEK_H = 168
_DAY_H = 24
_THURSDAY_H = 72
"""From Monday 0:00 to the Thursday of 1970-01-01."""
_SEEN = 2
"""Number of earlier times that an hour needs before it is known; assumed."""


class Cycle(StrEnum):
    """The clock cycle of the usual value."""

    NONE = "none"
    DAY = "day"
    WEEK = "week"


def hour_of_week(hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[n]: the hour of the week, 0 for Monday 0:00, of hours since 1970."""
    place: NDArray[np.int64] = (hour + _THURSDAY_H) % WEEK_H
    return place


class HourProfile:
    """Means of 168 hours of the week and of 24 hours of the day; only where a rule has a cycle."""

    def __init__(self, cycle: NDArray[np.int8], offset_ns: NDArray[np.int64]) -> None:
        """Make empty profiles.

        Args:
            cycle: int8[n_bindings], the place in `Cycle`.
            offset_ns: int64[n_bindings], offset of the clock of the place from UTC.
        """
        self._cycle, self._offset_ns = cycle, offset_ns
        self._has_cycle = bool(cycle.any())
        n = len(cycle) if self._has_cycle else 0
        self._mean, self._count = np.zeros((n, WEEK_H + _DAY_H), np.float32), np.zeros((n, WEEK_H + _DAY_H), np.uint16)
        self._seen = np.zeros((n, WEEK_H + _DAY_H), np.uint8)
        """Number of learned hours of the kind, the newest included."""
        self._hour = np.zeros(n, np.int64)
        """The newest learned hour since 1970."""

    def usual(
        self, b: NDArray[np.intp], time_ns: NDArray[np.int64], otherwise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the mean of the hour of each of distinct bindings, `otherwise` where it is unknown."""
        if not self._has_cycle:
            return otherwise
        hour = self._hours(b, time_ns)
        usual = otherwise
        for cycle, place in ((1, WEEK_H + hour % _DAY_H), (2, hour_of_week(hour))):
            before = self._seen[b, place] - (hour == self._hour[b]).astype(np.int64)
            known = (self._cycle[b] >= cycle) & (before >= _SEEN)
            usual = np.where(known, self._mean[b, place].astype(np.float64), usual)
        return usual

    def learn(
        self,
        b: NDArray[np.intp],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        most: NDArray[np.float64],
        least_share: NDArray[np.float64],
    ) -> None:
        """Move the hours of distinct bindings `b` towards `value`.

        Args:
            b: intp[n].
            time_ns: int64[n].
            value: float64[n].
            most: float64[n], largest distance of a value from the mean of its hour; larger ones are clipped.
            least_share: float64[n], share of a sample in a memory of all hours.
        """
        if not self._has_cycle:
            return
        rows = self._cycle[b] > 0
        b, value, most = b[rows], value[rows], most[rows]
        hour = self._hours(b, time_ns[rows])
        is_new = hour != self._hour[b]
        self._hour[b] = hour
        # One of 24 samples is in an hour of the day: to forget as fast, each counts as 24.
        for place, of in ((hour_of_week(hour), WEEK_H), (WEEK_H + hour % _DAY_H, _DAY_H)):
            count = self._count[b, place].astype(np.float64)
            fading = of * least_share[rows] / (1 + (of - 1) * least_share[rows])
            mean = self._mean[b, place].astype(np.float64)
            off = np.where(count > 0, np.clip(value - mean, -most, most), value - mean)
            self._mean[b, place] = mean + np.maximum(fading, 1 / (count + 1)) * off
            self._count[b, place] = np.minimum(count + 1, np.iinfo(np.uint16).max)
            self._seen[b, place] = np.minimum(self._seen[b, place].astype(np.int64) + is_new, np.iinfo(np.uint8).max)

    def _hours(self, b: NDArray[np.intp], time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        hours: NDArray[np.int64] = (time_ns + self._offset_ns[b]) // HOUR_NS
        return hours

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings. None without a cycle."""
        if not self._has_cycle:
            return {}
        return {"hour_mean": self._mean, "hour_count": self._count, "hour_seen": self._seen, "hour": self._hour}
