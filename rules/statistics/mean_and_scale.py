"""`MeanAndScale`: mean and scale of what each binding has said before, and how far a sample is from them.

Comes in: samples, and for how long each stands. Goes out: residuals in sigmas. Refuses to know limits and alarms: the
kind says which samples teach.

Where a cycle is told, a residual is the distance from what is usual at its hour, else from the mean of all samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.statistics.hour_profile import HourProfile


@dataclass(frozen=True, slots=True)
class LearningSpans:
    """How each binding learns; first axis: bindings.

    Attributes:
        fading_ns: int64[n], the time with which mean and scale fade.
        warm_ns: int64[n], how long they are learned before anything is told.
        least: float64[n], the smallest sigma that is believed.
        clip: float64[n], a sample counts as at most so many sigmas off.
    """

    fading_ns: NDArray[np.int64]
    warm_ns: NDArray[np.int64]
    least: NDArray[np.float64]
    clip: NDArray[np.float64]


class MeanAndScale:
    """Mean and variance of each binding, fading with its memory."""

    def __init__(self, memory: LearningSpans, hours: HourProfile) -> None:
        """Know nothing yet."""
        n = len(memory.least)
        self._memory, self._hours = memory, hours
        self._mean, self._variance = np.zeros(n), np.zeros(n)
        self._n, self._learned_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def is_known(self, b: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return bool[n]: long enough was learned."""
        is_known: NDArray[np.bool_] = self._learned_ns[b] >= self._memory.warm_ns[b]
        return is_known

    def sigma(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: the scale of residuals, in the unit of the samples."""
        return np.maximum(np.sqrt(self._variance[b]), self._memory.least[b])

    def distance(
        self, b: NDArray[np.intp], time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: how far samples of distinct bindings are from what is usual, in their unit."""
        return value - self._hours.usual(b, time_ns, self._mean[b])

    def residual(self, b: NDArray[np.intp], off: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n], sigmas: `off` clipped, NaN while mean and variance are being learned."""
        clip = self._memory.clip[b]
        return np.where(self.is_known(b), np.clip(off / self.sigma(b), -clip, clip), np.nan)

    def clip(self, b: NDArray[np.intp], off: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: `off` as far as it counts, in its unit."""
        most = self._clip_limit(b)
        return np.clip(off, -most, most)

    def _clip_limit(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: by which a sample counts as off at most; while all is being learned, as much as it is."""
        return np.where(self.is_known(b), self._memory.clip[b] * self.sigma(b), np.inf)

    def share(self, b: NDArray[np.intp], weight_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[n]: of a sample that stands for `weight_ns`; the first ones count equally."""
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
            off: float64[n], how far it is from what is usual, clipped.
            weight_ns: int64[n], the time that it stands for.
        """
        share, most = self.share(b, weight_ns), self._clip_limit(b)
        self._hours.learn(b, time_ns, value, most, weight_ns / (weight_ns + self._memory.fading_ns[b]))
        self._mean[b] += share * np.clip(value - self._mean[b], -most, most)
        self._variance[b] = (1 - share) * (self._variance[b] + share * off * off)
        self._n[b] += 1
        self._learned_ns[b] = np.minimum(self._learned_ns[b] + weight_ns, self._memory.warm_ns[b])

    def forget(self, b: NDArray[np.intp]) -> None:
        """Begin anew for bindings `b`."""
        for column in (*self.columns().values(), *self.by_hour().values()):
            column[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart; first axis: bindings."""
        return {"mean": self._mean, "variance": self._variance, "n": self._n, "learned_ns": self._learned_ns}

    def by_hour(self) -> dict[str, NDArray[np.generic]]:
        """Return what else does, which depends on whether any rule tells a cycle."""
        return self._hours.columns()
