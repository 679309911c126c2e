"""`Spectra`: the averaged spectrum of each binding's windows, taken up sample by sample, and the peak of a mode in it.

Comes in: samples. Goes out: for each window that ends, its rate of sampling, mean square and power spectral density.
Refuses to know structures and limits.

Welch's method: segments that overlap by half, each less its mean, under a Hann window. Only the open segment and the
sum of spectra are kept, so that a window may last for ten minutes. Source: Welch, IEEE Trans. Audio Electroacoust. 15
(1967).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.kind import NEVER_NS

MOST = 4096
"""Samples of a segment."""
_WIDEST = 1.5
"""Mean steps between two samples; a wider one is a lost sample, and the window no spectrum. Assumed."""
_LEAST_SHARE = 0.9
"""So much of a window must be covered; assumed."""
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of a window that has ended."""

    rate_hz: float
    rms: float
    """About the mean, in the unit of the samples."""
    density: NDArray[np.float64]
    """float64[n_segment // 2 + 1], one-sided, unit squared per Hz; from 0 Hz in steps of rate_hz / n_segment."""
    n_segment: int


def power(segment: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n // 2 + 1]: squared magnitudes of the spectrum of float64[n], less its mean, under Hann."""
    hann = _hann(len(segment))
    magnitude = np.abs(np.fft.rfft((segment - segment.mean()) * hann))
    found: NDArray[np.float64] = magnitude**2
    return found


def _hann(n: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def peak_hz(window: Window, expected_hz: float, share: float, prominence: float) -> float:
    """Return where the mode is: the highest point within `share` of `expected_hz`; NaN where none stands out.

    It must be higher than its neighbours, and `prominence` times the median of the band three times as wide. Between
    the lines of the spectrum it lies where a parabola through the logarithms of three points has its top.
    """
    step = window.rate_hz / window.n_segment
    hz = np.arange(len(window.density)) * step
    near = np.flatnonzero(np.abs(hz - expected_hz) <= share * expected_hz)
    near = near[(near > 0) & (near < len(hz) - 1)]
    if len(near) == 0:
        return np.nan
    top = int(near[np.argmax(window.density[near])])
    around = window.density[top - 1 : top + 2]
    wide = window.density[np.abs(hz - expected_hz) <= 3 * share * expected_hz]
    stands = around[1] > around[0] and around[1] >= around[2] and around[0] > 0 and around[2] > 0
    if not stands or around[1] < prominence * np.median(wide):
        return np.nan
    left, middle, right = np.log(around)
    return float(hz[top] + step * (left - right) / (left - 2 * middle + right) / 2)


class Spectra:
    """The open window of each binding."""

    def __init__(self, span_ns: NDArray[np.int64], n_segment: NDArray[np.int64]) -> None:
        """Make empty ones.

        Args:
            span_ns: int64[n_bindings], how long a window is.
            n_segment: int64[n_bindings], samples of a segment, at most `MOST`.
        """
        n = len(span_ns)
        self._span_ns, self._n_segment = span_ns, n_segment
        self._number, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)
        self._first_ns, self._last_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._widest_ns, self._count = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._sum, self._square, self._origin = np.zeros(n), np.zeros(n), np.zeros(n)
        self._segment, self._fill = np.zeros((n, MOST)), np.zeros(n, np.int64)
        self._power, self._segments = np.zeros((n, MOST // 2 + 1)), np.zeros(n, np.int64)
        self._made_for = n_segment.copy()

    def cuts(self, b: int, time_ns: NDArray[np.int64], clock: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return where a new window, or another clock, begins in samples of one binding, ascending."""
        number = time_ns // self._span_ns[b]
        changes = (np.diff(number) != 0) | (np.diff(clock.astype(np.int8)) != 0) | (np.diff(time_ns) <= 0)
        return np.flatnonzero(changes) + 1

    def add(
        self, b: int, time_ns: NDArray[np.int64], value: NDArray[np.float64], *, clock: bool
    ) -> tuple[int, Window | None]:
        """Return (number, window) of the window that these samples end; None where nothing is known of it.

        Args:
            b: binding.
            time_ns: int64[n], ascending, all in one window.
            value: float64[n].
            clock: the times are received ones.
        """
        number, start_ns = int(time_ns[0] // self._span_ns[b]), int(time_ns[0])
        before = int(self._number[b])
        goes_on = bool(self._clock[b] == clock) and start_ns > self._last_ns[b]
        window = None
        if number != before or not goes_on:
            window = self._ended(b) if goes_on and number == before + 1 else None
            self._begin(b, number, start_ns, float(value[0]), clock=clock)
        widest_ns = int(np.diff(time_ns, prepend=self._last_ns[b]).max())
        self._widest_ns[b] = max(int(self._widest_ns[b]), widest_ns)
        self._last_ns[b] = time_ns[-1]
        self._count[b] += len(value)
        self._fill_up(b, value)
        return before, window

    def _begin(self, b: int, number: int, time_ns: int, origin: float, *, clock: bool) -> None:
        self._number[b], self._clock[b], self._first_ns[b], self._last_ns[b] = number, clock, time_ns, time_ns
        for column in (self._widest_ns, self._count, self._sum, self._square, self._fill, self._segments):
            column[b] = 0
        self._segment[b], self._power[b] = 0, 0
        # Sums of squares about the first sample: a large mean would eat up the digits.
        self._origin[b] = origin

    def _fill_up(self, b: int, value: NDArray[np.float64]) -> None:
        """Put samples into the segment one after the other, and add up the spectra of those that are full.

        Sums go sample by sample, so that it does not matter how many come at a time.
        """
        n = int(self._n_segment[b])
        for piece in (value - self._origin[b],):
            self._sum[b] = np.cumsum(np.concatenate(([self._sum[b]], piece)))[-1]
            self._square[b] = np.cumsum(np.concatenate(([self._square[b]], piece**2)))[-1]
        while len(value):
            fill = int(self._fill[b])
            taken = min(n - fill, len(value))
            self._segment[b, fill : fill + taken] = value[:taken]
            self._fill[b] = fill + taken
            value = value[taken:]
            if fill + taken == n:
                self._power[b, : n // 2 + 1] += power(self._segment[b, :n])
                self._segments[b] += 1
                kept = n // 2
                self._segment[b, :kept] = self._segment[b, n - kept : n].copy()
                self._segment[b, kept:n] = 0
                self._fill[b] = kept

    def _ended(self, b: int) -> Window | None:
        count, covered_ns = int(self._count[b]), int(self._last_ns[b] - self._first_ns[b])
        if count < 2 or covered_ns < _LEAST_SHARE * self._span_ns[b] or not self._segments[b]:
            return None
        if self._widest_ns[b] > _WIDEST * covered_ns / (count - 1):
            return None
        n = int(self._n_segment[b])
        rate_hz = (count - 1) / covered_ns * _SECOND_NS
        scale = np.full(n // 2 + 1, 2.0)
        scale[0] = 1.0
        if n % 2 == 0:
            scale[-1] = 1.0
        scale /= rate_hz * (_hann(n) ** 2).sum() * self._segments[b]
        mean = self._sum[b] / count
        rms = np.sqrt(max(self._square[b] / count - mean**2, 0.0))
        return Window(rate_hz, float(rms), self._power[b, : n // 2 + 1] * scale, n)

    def settle(self) -> None:
        """Begin anew where a rule was changed to other segments."""
        for b in np.flatnonzero(self._made_for != self._n_segment).tolist():
            self._begin(b, NEVER_NS, 0, 0.0, clock=False)
        self._made_for[:] = self._n_segment

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart; first axis: bindings."""
        names = "number clock first_ns last_ns widest_ns count sum square origin segment fill power segments made_for"
        return {f"window_{name}": getattr(self, f"_{name}") for name in names.split()}
