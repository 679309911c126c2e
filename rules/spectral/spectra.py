"""`Spectra`: the averaged spectrum of each binding's windows, sample by sample, and the peak of a mode in it.

Input: samples.
Output: the sampling rate, mean square and power spectral density of each window that ends.
Not responsible for: structures and limits.
Rejects: windows with lost samples.

Welch's method: segments that overlap by half, each less its mean, under a Hann window. Only the open segment and the
sum of spectra are kept, so a window may last for ten minutes. Source: Welch, IEEE Trans. Audio Electroacoust. 15
(1967).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.evaluation.windows import MOST_SEGMENT_SAMPLES, Cover, Windows


@dataclass(frozen=True, slots=True)
class WindowSpectrum:
    """The spectrum of an ended window."""

    rate_hz: float
    rms: float
    """About the mean, in the unit of the samples."""
    density: NDArray[np.float64]
    """float64[n_segment // 2 + 1], one-sided, unit squared per Hz; from 0 Hz in steps of rate_hz / n_segment."""
    n_segment: int


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak that is a mode."""

    hz: float
    """Between the lines of the spectrum."""
    line: int
    """The place of the highest line."""


def transform(segment: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return complex128[n // 2 + 1]: the spectrum of float64[n], less its mean, under Hann."""
    found: NDArray[np.complex128] = np.fft.rfft((segment - segment.mean()) * _hann(len(segment)))
    return found


def _hann(n: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def density_of(
    power: NDArray[np.float64], rate_hz: float, n_segment: int, n_segments: int, first: int = 0
) -> NDArray[np.float64]:
    """Return the one-sided power spectral density of a sum of squared `transform`s, unit squared per Hz.

    Args:
        power: float64[..., n_lines], summed over `n_segments` segments.
        rate_hz: of sampling.
        n_segment: samples of a segment.
        n_segments: segments.
        first: the number of the first line.
    """
    line = first + np.arange(power.shape[-1])
    # Lines at 0 Hz and, for an even number of samples, at half the rate are single; all others are double.
    scale = np.where((line == 0) | (2 * line == n_segment), 1.0, 2.0)
    found: NDArray[np.float64] = power * (scale / (rate_hz * (_hann(n_segment) ** 2).sum() * n_segments))
    return found


def find_peak(
    hz: NDArray[np.float64], density: NDArray[np.float64], expected_hz: float, share: float, prominence: float
) -> Peak | None:
    """Return the mode: the highest peak within `share` of `expected_hz`; None where no peak is prominent.

    It must be higher than its neighbours, and `prominence` times the median of the band three times as wide. Between
    the lines of the spectrum it lies where a parabola through the logarithms of three points has its top.

    Args:
        hz: float64[n], lines of the spectrum, evenly spaced.
        density: float64[n].
        expected_hz: centre of the search.
        share: relative width of the search to each side.
        prominence: least height in times of the median.
    """
    near = np.flatnonzero(np.abs(hz - expected_hz) <= share * expected_hz)
    near = near[(near > 0) & (near < len(hz) - 1)]
    if len(near) == 0:
        return None
    top = int(near[np.argmax(density[near])])
    around = density[top - 1 : top + 2]
    wide = density[np.abs(hz - expected_hz) <= 3 * share * expected_hz]
    stands = around[1] > around[0] and around[1] >= around[2] and around[0] > 0 and around[2] > 0
    if not stands or around[1] < prominence * np.median(wide):
        return None
    left, middle, right = np.log(around)
    step = hz[1] - hz[0]
    return Peak(float(hz[top] + step * (left - right) / (left - 2 * middle + right) / 2), top)


def find_peak_hz(window: WindowSpectrum, expected_hz: float, share: float, prominence: float) -> float:
    """Return the frequency of the mode in a window, Hz, as `find_peak` finds it; NaN where there is none."""
    lines = np.arange(len(window.density), dtype=np.float64)
    hz: NDArray[np.float64] = lines * (window.rate_hz / window.n_segment)
    found = find_peak(hz, window.density, expected_hz, share, prominence)
    return np.nan if found is None else found.hz


class Spectra:
    """The spectrum of the open window of each binding."""

    def __init__(self, span_ns: NDArray[np.int64], n_segment: NDArray[np.int64]) -> None:
        """Make empty ones.

        Args:
            span_ns: int64[n_bindings], length of a window.
            n_segment: int64[n_bindings], samples of a segment, at most `MOST_SEGMENT_SAMPLES`.
        """
        n = len(span_ns)
        self.windows = Windows(span_ns, n_segment)
        """The samples."""
        self._n_segment = n_segment
        self._sum, self._square = np.zeros(n), np.zeros(n)
        self._power, self._segments = np.zeros((n, MOST_SEGMENT_SAMPLES // 2 + 1)), np.zeros(n, np.int64)

    def add(
        self, b: int, time_ns: NDArray[np.int64], value: NDArray[np.float64], *, clock: bool
    ) -> tuple[int, WindowSpectrum] | None:
        """Return (number, window) of the window that these samples end; None where it is unknown.

        Args:
            b: binding.
            time_ns: int64[n], ascending, all in one window.
            value: float64[n].
            clock: the times are received times.
        """
        end = self.windows.end_window(b, int(time_ns[0]), float(value[0]), clock=clock)
        ended = None
        if end is not None:
            ended = self.window(b, end.cover)
            self._empty(b)
        centred = self.windows.take(b, time_ns, value)
        # Sums go sample by sample, so that the number of samples at a time does not matter.
        self._sum[b] = np.cumsum(np.concatenate(([self._sum[b]], centred)))[-1]
        self._square[b] = np.cumsum(np.concatenate(([self._square[b]], centred**2)))[-1]
        for segment in self.windows.full(b, centred):
            self._power[b, : len(segment) // 2 + 1] += np.abs(transform(segment)) ** 2
            self._segments[b] += 1
        return None if end is None or ended is None else (end.number, ended)

    def window(self, b: int, cover: Cover | None) -> WindowSpectrum | None:
        """Return the spectrum of the open window, which has `cover`; None without a segment."""
        if cover is None or not self._segments[b]:
            return None
        n, rate_hz = int(self._n_segment[b]), cover.rate_hz
        mean = self._sum[b] / cover.count
        rms = np.sqrt(max(self._square[b] / cover.count - mean**2, 0.0))
        density = density_of(self._power[b, : n // 2 + 1], rate_hz, n, int(self._segments[b]))
        return WindowSpectrum(rate_hz, float(rms), density, n)

    def _empty(self, b: int) -> None:
        for column in (self._sum, self._square, self._power, self._segments):
            column[b] = 0

    def rebuild(self) -> None:
        """Restart where a rule was changed to other segments."""
        for b in self.windows.rebuild(np.zeros(len(self._sum), np.bool_)):
            self._empty(b)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        own = {f"window_{name}": getattr(self, f"_{name}") for name in ("sum", "square", "power", "segments")}
        return {**self.windows.columns(), **own}
