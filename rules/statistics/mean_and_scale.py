"""`MeanAndScale`: mean and scale of earlier samples of each binding, and the distance of a sample from them.

Input: samples, and the time that each stands for.
Output: residuals in sigmas.
Not responsible for: limits, alarms, and the choice of samples to learn from.
Rejects: nothing.

A residual is the distance from the mean of all samples. With a cycle it is the distance from the usual value of the
hour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.statistics.hour_profile import HourProfile


@dataclass(frozen=True, slots=True)
class LearningSpans:
    """The times and sizes by which each binding learns; first axis: bindings.

    Attributes:
        fading_ns: int64[n], the time constant of mean and scale.
        warm_ns: int64[n], learned time before a residual is known.
        least: float64[n], the smallest sigma.
        clip: float64[n], largest residual of a sample, sigmas; larger ones are clipped.
    """

    fading_ns: NDArray[np.int64]
    warm_ns: NDArray[np.int64]
    least: NDArray[np.float64]
    clip: NDArray[np.float64]


class MeanAndScale:
    """Mean and variance of each binding, fading with its memory."""

    def __init__(self, memory: LearningSpans, hours: HourProfile) -> None:
        """Make empty means."""
        n = len(memory.least)
        self._memory, self._hours = memory, hours
        self._mean, self._variance = np.zeros(n), np.zeros(n)
        self._n, self._learned_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def is_known(self, b: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return bool[n]: the learned time is long enough."""
        is_known: NDArray[np.bool_] = self._learned_ns[b] >= self._memory.warm_ns[b]
        return is_known

    def sigma(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: the scale of residuals, in the unit of the samples."""
        return np.maximum(np.sqrt(self._variance[b]), self._memory.least[b])

    def distance(
        self, b: NDArray[np.intp], time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the distance of samples of distinct bindings from the usual value, in their unit."""
        return value - self._hours.usual(b, time_ns, self._mean[b])

    def residual(self, b: NDArray[np.intp], off: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n], sigmas: `off` clipped, NaN before the learned time is long enough."""
        clip = self._memory.clip[b]
        return np.where(self.is_known(b), np.clip(off / self.sigma(b), -clip, clip), np.nan)

    def clip(self, b: NDArray[np.intp], off: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: `off` clipped, in its unit."""
        most = self._clip_limit(b)
        return np.clip(off, -most, most)

    def _clip_limit(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: the largest distance of a sample; inf before the learned time is long enough."""
        return np.where(self.is_known(b), self._memory.clip[b] * self.sigma(b), np.inf)

    def share(self, b: NDArray[np.intp], weight_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[n]: the share of a sample that stands for `weight_ns`; the first samples count equally."""
        fading_ns = self._memory.fading_ns[b]
        share: NDArray[np.float64] = np.maximum(weight_ns / (weight_ns + fading_ns), 1 / (self._n[b] + 1.0))
        return share

    def learn(
        self,
        b: NDArray[np.intp],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        off: NDArray[np.float64],
        weight_ns: NDArray[np.int64],
    ) -> None:
        """Add a sample of each of distinct bindings.

        Args:
            b: intp[n].
            time_ns: int64[n].
            value: float64[n].
            off: float64[n], distance from the usual value, clipped.
            weight_ns: int64[n], the time that the sample stands for.
        """
        share, most = self.share(b, weight_ns), self._clip_limit(b)
        self._hours.learn(b, time_ns, value, most, weight_ns / (weight_ns + self._memory.fading_ns[b]))
        self._mean[b] += share * np.clip(value - self._mean[b], -most, most)
        self._variance[b] = (1 - share) * (self._variance[b] + share * off * off)
        self._n[b] += 1
        self._learned_ns[b] = np.minimum(self._learned_ns[b] + weight_ns, self._memory.warm_ns[b])

    def forget(self, b: NDArray[np.intp]) -> None:
        """Forget bindings `b`."""
        for column in (*self.columns().values(), *self.by_hour().values()):
            column[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"mean": self._mean, "variance": self._variance, "n": self._n, "learned_ns": self._learned_ns}

    def by_hour(self) -> dict[str, NDArray[np.generic]]:
        """Return the other columns that outlive a restart; there are none without a cycle."""
        return self._hours.columns()
