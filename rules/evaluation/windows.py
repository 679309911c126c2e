"""`Windows`: samples of each binding cut into windows of event time, and windows into segments that overlap by half.

Input: samples.
Output: full segments, less the first sample of their window; the cover of a window at the first sample after it.
Not responsible for: the use of segments.
Rejects: a window with a lost sample has no cover.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.time_units import SECOND_NS
from rules.kind import NEVER_NS

MOST_SEGMENT_SAMPLES = 4096
"""Samples of a segment."""
_WIDEST = 1.5
"""Mean steps between two samples; after a wider step a sample is lost and the window useless. Assumed."""
_LEAST_SHARE = 0.9
"""Share of a window that samples must cover; assumed."""


@dataclass(frozen=True, slots=True)
class Cover:
    """The time that samples of a window without a lost sample cover."""

    first_ns: int
    last_ns: int
    count: int
    """Samples, at least two."""

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        return (self.count - 1) / (self.last_ns - self.first_ns) * SECOND_NS


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """The end of a window."""

    number: int
    """Number of the ended window, counted from 1970 in windows."""
    cover: Cover | None
    """None where a sample was lost, or the next sample is not in the next window."""


class Windows:
    """The open window of each binding."""

    def __init__(self, span_ns: NDArray[np.int64], n_segment: NDArray[np.int64]) -> None:
        """Make empty ones.

        Args:
            span_ns: int64[n_bindings], length of a window.
            n_segment: int64[n_bindings], samples of a segment, at most `MOST_SEGMENT_SAMPLES`.
        """
        n = len(span_ns)
        self._span_ns, self._n_segment = span_ns, n_segment
        self._number, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)
        self._first_ns, self._last_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._widest_ns, self._count = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._origin = np.zeros(n)
        self._segment, self._fill = np.zeros((n, MOST_SEGMENT_SAMPLES)), np.zeros(n, np.int64)
        self._made_for = n_segment.copy()

    def cuts(self, b: int, time_ns: NDArray[np.int64], clock: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the places where a new window or another clock begins in samples of one binding, ascending."""
        number = time_ns // self._span_ns[b]
        changes = (np.diff(number) != 0) | (np.diff(clock.astype(np.int8)) != 0) | (np.diff(time_ns) <= 0)
        return np.flatnonzero(changes) + 1

    def end_window(self, b: int, time_ns: int, value: float, *, clock: bool) -> WindowEnd | None:
        """Return the window that ends with a sample, and open its own window; None where the window goes on."""
        number, before = int(time_ns // self._span_ns[b]), int(self._number[b])
        goes_on = bool(self._clock[b] == clock) and time_ns > self._last_ns[b]
        if number == before and goes_on:
            return None
        ended = WindowEnd(before, self.cover(b) if goes_on and number == before + 1 else None)
        self._begin(b, number, time_ns, value, clock=clock)
        return ended

    def _begin(self, b: int, number: int, time_ns: int, origin: float, *, clock: bool) -> None:
        self._number[b] = number
        self._clock[b] = clock
        self._first_ns[b] = time_ns
        self._last_ns[b] = time_ns
        for column in (self._widest_ns, self._count, self._fill):
            column[b] = 0
        self._segment[b] = 0
        # Sums of squares about the first sample: with a large mean they would lose digits.
        self._origin[b] = origin

    def take(self, b: int, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: samples of the open window less its first sample; and count them."""
        widest_ns = int(np.diff(time_ns, prepend=self._last_ns[b]).max())
        self._widest_ns[b] = max(int(self._widest_ns[b]), widest_ns)
        self._last_ns[b] = time_ns[-1]
        self._count[b] += len(value)
        centred: NDArray[np.float64] = value - self._origin[b]
        return centred

    def full(self, b: int, centred: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Yield each segment that becomes full while the samples, as from `take`, are added one after the other."""
        n = int(self._n_segment[b])
        while len(centred):
            fill = int(self._fill[b])
            taken = min(n - fill, len(centred))
            self._segment[b, fill : fill + taken] = centred[:taken]
            self._fill[b] = fill + taken
            centred = centred[taken:]
            if fill + taken == n:
                yield self._segment[b, :n]
                kept = n // 2
                self._segment[b, :kept] = self._segment[b, n - kept : n].copy()
                self._segment[b, kept:n] = 0
                self._fill[b] = kept

    def cover(self, b: int) -> Cover | None:
        """Return the cover of the open window, None where a sample was lost."""
        count, covered_ns = int(self._count[b]), int(self._last_ns[b] - self._first_ns[b])
        if count < 2 or covered_ns < _LEAST_SHARE * self._span_ns[b]:
            return None
        if self._widest_ns[b] > _WIDEST * covered_ns / (count - 1):
            return None
        return Cover(int(self._first_ns[b]), int(self._last_ns[b]), count)

    def rebuild(self, others: NDArray[np.bool_]) -> list[int]:
        """Return the bindings that restart: bindings with other segments after a change of rules, and `others`."""
        changed: list[int] = np.flatnonzero((self._made_for != self._n_segment) | others).tolist()
        for b in changed:
            self._begin(b, NEVER_NS, 0, 0.0, clock=False)
        self._made_for[:] = self._n_segment
        return changed

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        names = "number clock first_ns last_ns widest_ns count origin segment fill made_for"
        return {f"window_{name}": getattr(self, f"_{name}") for name in names.split()}
