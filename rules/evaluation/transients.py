"""`Transients`: a sudden change of a value against the seconds before it, measured for as long as it lasts.

Input: readings.
Output: the distance of each reading from the level before the change, and the start of the change.
Not responsible for: the cause.
Rejects: nothing.

The seconds before a reading are cut into eight slots with a mean each. A fall is the highest mean less the reading, a
rise the opposite. It counts if it is `sigmas` times the usual size of such changes. The usual size is a mean of
absolute values of normal readings. A change that reaches the first limit starts an episode, which keeps the level
before it. Changes are measured from that level until the value is back. An episode that lasts long is normal, and ends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.evaluation.continuity import Continuity
from rules.evaluation.per_sensor import Readings
from rules.kind import NEVER_NS

SLOTS = 8
"""Number of parts of the seconds before; assumed."""
_LEARNED = 50
"""Normal readings before a change has a value; assumed."""
_REMEMBERED = 5000
"""Normal readings behind sigma, roughly; assumed."""
_SIGMA_OF_MEAN = 1.2533141373155003
"""Of normal numbers: standard deviation over mean absolute deviation."""
_CLIPPED = 3.0
"""Sigmas at which a change is clipped before it is learned; assumed."""


@dataclass(frozen=True, slots=True)
class Sudden:
    """The sizes and times of a sudden change; each by binding.

    Attributes:
        within_ns: int64[n], longest age of the level before.
        sigmas: float64[n], smaller changes are 0.
        first: float64[n], a change of this size begins an episode.
        back: float64[n], below it an episode ends.
        hold_ns: int64[n], an episode that has lasted so long ends.
        least: float64[n], sigma is at least this.
        direction: int8[n], -1 where falling is dangerous, 1 rising, 0 either.
    """

    within_ns: NDArray[np.int64]
    sigmas: NDArray[np.float64]
    first: NDArray[np.float64]
    back: NDArray[np.float64]
    hold_ns: NDArray[np.int64]
    least: NDArray[np.float64]
    direction: NDArray[np.int8]


class _Slots:
    """The means of the last slots of each binding, and the open slot."""

    def __init__(self, slot_ns: NDArray[np.int64]) -> None:
        n = len(slot_ns)
        self._slot_ns, self._number = slot_ns, np.zeros(n, np.int64)
        self._sum, self._count, self._mean = np.zeros(n), np.zeros(n, np.int64), np.full((n, SLOTS), np.nan)

    def add(self, now: Readings, anew: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return float64[n, SLOTS]: means of the slots before the slot of each reading, NaN where there is none.

        Args:
            now: readings of distinct bindings.
            anew: bool[n], no reading before can be compared with it.
        """
        b = now.binding
        number = now.time_ns // self._slot_ns[b]
        steps = np.where(anew, 0, number - self._number[b])
        self._mean[b[anew]] = np.nan
        closed = b[steps > 0]
        self._mean[closed, self._number[closed] % SLOTS] = self._sum[closed] / self._count[closed]
        skips = np.flatnonzero(steps > 1)
        if len(skips):
            far = b[skips]
            place = (np.arange(SLOTS) - self._number[far][:, np.newaxis] - 1) % SLOTS
            is_empty = place < (steps[skips] - 1)[:, np.newaxis]
            self._mean[far] = np.where(is_empty, np.nan, self._mean[far])
        fresh = anew | (steps > 0)
        self._number[b] = number
        self._sum[b] = np.where(fresh, 0.0, self._sum[b]) + now.value
        self._count[b] = np.where(fresh, 0, self._count[b]) + 1
        means: NDArray[np.float64] = self._mean[b]
        return means

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "slot_number": self._number,
            "slot_sum": self._sum,
            "slot_count": self._count,
            "slot_mean": self._mean,
        }


class Transients:
    """The slots, the noise and the episode of each binding."""

    def __init__(self, sudden: Sudden, stale_ns: NDArray[np.int64]) -> None:
        """Make empty slots; a step longer than int64[n_bindings] `stale_ns` is a gap."""
        n = len(stale_ns)
        self._sudden = sudden
        self._slots = _Slots(sudden.within_ns // SLOTS)
        self._continuity = Continuity(stale_ns)
        self._sigma, self._learned = np.zeros(n), np.zeros(n, np.int64)
        self._before, self._sign = np.zeros(n), np.zeros(n, np.int8)
        self._held_ns = np.zeros(n, np.int64)
        self.episode_ns: NDArray[np.int64] = np.full(n, NEVER_NS)
        """Event time of the reading that began the running episode."""

    def add(self, now: Readings) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (change, begins), float64[n] NaN where unknown and bool[n], for distinct bindings."""
        b, sudden = now.binding, self._sudden
        step = self._continuity.step(b, now.time_ns, now.clock)
        means = self._slots.add(now, step.broken)
        highest, lowest = np.fmax.reduce(means, axis=1), np.fmin.reduce(means, axis=1)
        known = ~np.isnan(highest)
        fall = np.where(known, highest - now.value, 0.0)
        rise = np.where(known, now.value - lowest, 0.0)
        falls = np.where(sudden.direction[b] == 0, fall >= rise, sudden.direction[b] < 0)
        change = np.maximum(np.where(falls, fall, rise), 0.0)
        counts = change >= sudden.sigmas[b] * np.maximum(self._sigma[b], sudden.least[b])
        runs = self.episode_ns[b] != NEVER_NS
        change_now = np.where(known & (self._learned[b] >= _LEARNED), np.where(counts, change, 0.0), np.nan)
        begins = ~runs & (change_now >= sudden.first[b])
        self._learn(b, change, known & ~runs & ~(change_now >= sudden.back[b]))
        if begins.any():
            self._begin(now, begins, np.where(falls, now.value + fall, now.value - rise), np.where(falls, 1, -1))
        if runs.any():
            rows = np.flatnonzero(runs)
            change_now[rows] = self._measure_held(
                b[rows], now.value[rows], np.where(step.broken, 0, step.elapsed_ns)[rows], change_now[rows]
            )
        return change_now, begins

    def _measure_held(
        self,
        b: NDArray[np.intp],
        value: NDArray[np.float64],
        elapsed_ns: NDArray[np.int64],
        change_now: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return float64[n]: changes since the level before of episodes; `change_now` where the episode is over."""
        held = (self._before[b] - value) * self._sign[b]
        self._held_ns[b] += elapsed_ns
        is_over = self._held_ns[b] >= self._sudden.hold_ns[b]
        self._end(b[is_over | (held < self._sudden.back[b])])
        return np.where(is_over, change_now, np.maximum(held, 0.0))

    def _learn(self, b: NDArray[np.intp], change: NDArray[np.float64], normal: NDArray[np.bool_]) -> None:
        b, change = b[normal], change[normal]
        limit = np.where(
            self._learned[b] >= _LEARNED, _CLIPPED * np.maximum(self._sigma[b], self._sudden.least[b]), np.inf
        )
        self._learned[b] = np.minimum(self._learned[b] + 1, _REMEMBERED)
        self._sigma[b] += (_SIGMA_OF_MEAN * np.minimum(change, limit) - self._sigma[b]) / self._learned[b]

    def _begin(
        self, now: Readings, begins: NDArray[np.bool_], before: NDArray[np.float64], sign: NDArray[np.intp]
    ) -> None:
        b = now.binding[begins]
        self.episode_ns[b], self._before[b], self._sign[b] = now.time_ns[begins], before[begins], sign[begins]

    def _end(self, b: NDArray[np.intp]) -> None:
        self.episode_ns[b] = NEVER_NS
        self._before[b], self._sign[b], self._held_ns[b] = 0, 0, 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            **self._slots.columns(),
            **self._continuity.columns(),
            "sigma": self._sigma,
            "learned": self._learned,
            "before": self._before,
            "sign": self._sign,
            "held_ns": self._held_ns,
            "burst_ns": self.episode_ns,
        }
