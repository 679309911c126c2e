"""`Buckets`: means of the last equal times of each binding, for kinds that look at hours and days.

Input: readings.
Output: the readings that close a bucket, and the means of the last buckets.
Not responsible for: the meaning of the means.
Rejects: nothing.

A bucket is a length of event time. The first reading after it closes it. The borders of a sensor depend on its id.
Otherwise all sensors of a city would close their buckets at the same time.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules.evaluation.per_sensor import Readings
from rules.kind import NEVER_NS

WIDTH = 48
"""Buckets that are kept; assumed: two days of hours, and all pairs of them are still cheap to compare."""
LEAST_SHARE = 0.75
"""Share of the buckets that must have a mean; assumed."""
_NONE = NEVER_NS
_TWO_32 = 1 << 32


def phases(ids: Sequence[str], step_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[n]: distance of the borders of each id from the multiples of its step, nanoseconds."""
    return np.array([zlib.crc32(each.encode()) * int(step) // _TWO_32 for each, step in zip(ids, step_ns, strict=True)])


class Buckets:
    """The open bucket and a ring of means of each binding."""

    def __init__(self, step_ns: NDArray[np.int64], phase_ns: NDArray[np.int64]) -> None:
        """Make empty ones.

        Args:
            step_ns: int64[n_bindings], length of a bucket.
            phase_ns: int64[n_bindings], as from `phases`.
        """
        n = len(step_ns)
        self._step_ns, self._phase_ns = step_ns, phase_ns
        self._number, self._clock = np.full(n, _NONE), np.zeros(n, np.bool_)
        self._sum, self._count = np.zeros(n), np.zeros(n, np.int64)
        self._mean = np.full((n, WIDTH), np.nan)

    def add(self, now: Readings) -> NDArray[np.bool_]:
        """Return bool[n]: readings of distinct bindings that close a bucket; each then belongs to the open bucket."""
        b, number = now.binding, self.run_of(now)
        open_number = self._number[b]
        same_clock = now.clock == self._clock[b]
        if (same_clock & (number == open_number)).all():
            self._sum[b] += now.value
            self._count[b] += 1
            return np.zeros(len(b), np.bool_)
        # A clock that is set back by less than a bucket must not cost the means of days.
        number = np.where(number == open_number - 1, open_number, number)
        anew = (number < open_number) | (~same_clock & (open_number != _NONE))
        closes: NDArray[np.bool_] = (number > open_number) & (open_number != _NONE) & ~anew
        self._close(b[closes], number[closes])
        self._mean[b[anew]] = np.nan
        starts = closes | anew | (open_number == _NONE)
        fresh = b[starts]
        self._sum[fresh], self._count[fresh] = 0, 0
        self._number[fresh], self._clock[fresh] = number[starts], now.clock[starts]
        self._sum[b] += now.value
        self._count[b] += 1
        return closes

    def run_of(self, readings: Readings) -> NDArray[np.int64]:
        """Return int64[n]: the numbers of the buckets of `readings`."""
        b = readings.binding
        number: NDArray[np.int64] = (readings.time_ns - self._phase_ns[b]) // self._step_ns[b]
        return number

    def add_to_run(self, readings: Readings) -> None:
        """Add readings of the same bucket and the same clock as the readings before them."""
        # One by one in their order, as in `add`: sums in another order have other last digits.
        np.add.at(self._sum, readings.binding, readings.value)
        np.add.at(self._count, readings.binding, 1)

    def _close(self, b: NDArray[np.intp], number: NDArray[np.int64]) -> None:
        """Keep the means of the open buckets of `b`, and no means between them and `number`."""
        open_number = self._number[b]
        slots = np.arange(WIDTH)
        skipped = (slots - open_number[:, np.newaxis]) % WIDTH < (number - open_number)[:, np.newaxis]
        self._mean[b] = np.where(skipped, np.nan, self._mean[b])
        kept = number - open_number <= WIDTH
        self._mean[b[kept], open_number[kept] % WIDTH] = (self._sum[b] / self._count[b])[kept]

    def means(self, b: NDArray[np.intp], points: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[n, WIDTH]: means of the buckets before the open one, oldest first, NaN where there is none.

        Args:
            b: intp[n], bindings.
            points: int64[n], number of the newest buckets to return.
        """
        place = np.arange(WIDTH) - WIDTH
        slots = (self._number[b][:, np.newaxis] + place) % WIDTH
        return np.where(place >= -points[:, np.newaxis], self._mean[b[:, np.newaxis], slots], np.nan)

    def middle_ns(self, b: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return int64[n]: event time of the middle of the bucket before the open one."""
        middle: NDArray[np.int64] = self._number[b] * self._step_ns[b] + self._phase_ns[b] - self._step_ns[b] // 2
        return middle

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "bucket_number": self._number,
            "bucket_clock": self._clock,
            "bucket_sum": self._sum,
            "bucket_count": self._count,
            "bucket_mean": self._mean,
        }
