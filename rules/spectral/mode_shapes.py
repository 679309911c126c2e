"""Modes by frequency domain decomposition: sensors that vibrate together, and the amplitude of each.

Input: samples of several sensors, spectra of their segments.
Output: the first singular value and vector of their cross-spectra at each line, and the likeness of two shapes.
Not responsible for: limits.
Rejects: windows with lost samples, and sensors that were not sampled together.

Near a mode the matrix of cross-spectra has one dominant singular value; its vector is the shape of the mode. Only lines
near the expected frequency are kept, of each segment of a sensor by itself. Sensors are combined at the end of a
window, so the order of their samples does not matter.

Sources: Brincker, Zhang, Andersen, Smart Materials and Structures 10 (2001), frequency domain decomposition; Allemang,
Sound and Vibration 37 (2003), modal assurance criterion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.evaluation.windows import Cover, Windows
from rules.kind import NEVER_NS
from rules.spectral.spectra import density_of, transform

CELLS = 4096
"""Lines of all segments of a window."""
SENSORS = 16
"""Of one structure."""
_SKEW = 0.1
"""Mean steps between samples that were taken together; assumed: 4 degrees with 10 samples a period."""


@dataclass(frozen=True, slots=True)
class EndedWindow:
    """The ended window of one sensor."""

    number: int
    cover: Cover | None
    """None where samples were lost: the lines are then useless."""
    lines: NDArray[np.complex128]
    """complex128[n_segments, n_lines]."""


def decompose(lines: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return (float64[n_lines], complex128[n_lines, m]): the first singular value and vector at each line.

    Args:
        lines: complex128[m, n_segments, n_lines], of m sensors at once.
    """
    cross = np.einsum("isl,jsl->lij", lines, lines.conj())
    vectors, values, _ = np.linalg.svd(cross)
    return values[:, 0], vectors[:, :, 0]


def first_density(
    lines: NDArray[np.complex128], rate_hz: float, n_segment: int, first: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """Return (Hz, density, shapes) of the lines from number `first`, as `decompose` finds them."""
    values, shapes = decompose(lines)
    hz = (first + np.arange(len(values), dtype=np.float64)) * (rate_hz / n_segment)
    return hz, density_of(values, rate_hz, n_segment, lines.shape[1], first), shapes


def mac(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> float:
    """Return the modal assurance criterion of two shapes of any size and phase: 1 is equal, 0 is orthogonal."""
    return float(np.abs(np.vdot(a, b)) ** 2 / (np.vdot(a, a).real * np.vdot(b, b).real))


class SpectralLines:
    """The open window of each binding, and the kept lines of its full segments."""

    def __init__(
        self,
        span_ns: NDArray[np.int64],
        n_segment: NDArray[np.int64],
        first: NDArray[np.int64],
        n_lines: NDArray[np.int64],
    ) -> None:
        """Make empty ones; int64[n_bindings] each.

        Args:
            span_ns: length of a window.
            n_segment: samples of a segment.
            first: number of the first kept line.
            n_lines: number of kept lines.
        """
        n = len(span_ns)
        self.windows = Windows(span_ns, n_segment)
        """The samples."""
        self._first, self._n_lines = first, n_lines
        self._lines, self._segments = np.zeros((n, CELLS), np.complex128), np.zeros(n, np.int64)
        self._band = np.stack((first, n_lines), axis=1)
        self._made_for = self._band.copy()

    def add(self, b: int, time_ns: NDArray[np.int64], value: NDArray[np.float64], *, clock: bool) -> EndedWindow | None:
        """Return the window that these samples end; None where none ends.

        Args:
            b: binding.
            time_ns: int64[n], ascending, all in one window.
            value: float64[n].
            clock: the times are received times.
        """
        ended = self.windows.end_window(b, int(time_ns[0]), float(value[0]), clock=clock)
        window = None
        if ended is not None and ended.number != NEVER_NS:
            kept = self._lines[b, : self._segments[b] * self._n_lines[b]]
            window = EndedWindow(ended.number, ended.cover, kept.reshape(-1, int(self._n_lines[b])).copy())
        if ended is not None:
            self._empty(b)
        begin, n_lines = int(self._first[b]), int(self._n_lines[b])
        for segment in self.windows.full(b, self.windows.take(b, time_ns, value)):
            place = int(self._segments[b]) * n_lines
            if place + n_lines <= CELLS:
                self._lines[b, place : place + n_lines] = transform(segment)[begin : begin + n_lines]
                self._segments[b] += 1
        return window

    def _empty(self, b: int) -> None:
        self._lines[b], self._segments[b] = 0, 0

    def rebuild(self) -> None:
        """Restart where a rule was changed to other segments or lines."""
        for b in self.windows.rebuild((self._made_for != self._band).any(axis=1)):
            self._empty(b)
        self._made_for[:] = self._band

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        own = {"lines": self._lines, "segments": self._segments, "lines_made_for": self._made_for}
        return {**self.windows.columns(), **own}


class EndedWindows:
    """The newest ended window of each binding, until all bindings of the structure have ended theirs."""

    def __init__(self, n: int) -> None:
        self._number = np.full(n, NEVER_NS)
        self._time_ns, self._count = np.zeros((n, 2), np.int64), np.zeros(n, np.int64)
        self._lines, self._segments = np.zeros((n, CELLS), np.complex128), np.zeros(n, np.int64)

    def put(self, b: int, window: EndedWindow) -> None:
        """Keep the ended window of binding `b`."""
        self._number[b] = window.number
        self._lines[b] = 0
        self._time_ns[b] = 0
        self._count[b] = 0
        self._segments[b] = 0
        if window.cover is not None:
            self._lines[b, : window.lines.size] = window.lines.ravel()
            self._time_ns[b] = window.cover.first_ns, window.cover.last_ns
            self._count[b], self._segments[b] = window.cover.count, len(window.lines)

    def is_waiting(self, b: int, group: NDArray[np.intp]) -> bool:
        """Return whether the last window of `b` still waits for other bindings of `group`."""
        return bool((self._number[group] < self._number[b]).any())

    def is_complete(self, group: NDArray[np.intp], number: int) -> bool:
        """Return whether window `number` has ended for all of `group`."""
        return bool((self._number[group] == number).all())

    def is_whole(self, group: NDArray[np.intp]) -> bool:
        """Return whether no binding of `group` has lost a sample."""
        return bool(self._segments[group].all())

    def combine(self, group: NDArray[np.intp], n_lines: int) -> tuple[Cover, NDArray[np.complex128]] | None:
        """Return (cover, complex128[m, n_segments, n_lines]) of `group`; None where they did not sample together."""
        one = group[0]
        cover = Cover(int(self._time_ns[one, 0]), int(self._time_ns[one, 1]), int(self._count[one]))
        apart_ns = np.abs(self._time_ns[group] - self._time_ns[one]).max()
        alike = (self._count[group] == cover.count).all() and (self._segments[group] == self._segments[one]).all()
        if not alike or apart_ns * cover.rate_hz > _SKEW * 1e9:
            return None
        used = int(self._segments[one]) * n_lines
        return cover, self._lines[group, :used].reshape(len(group), -1, n_lines)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        names = "number time_ns count lines segments"
        return {f"ended_{name}": getattr(self, f"_{name}") for name in names.split()}


class ReferenceModes:
    """The mean frequency and shape of the first identifications of each structure, at one of its bindings."""

    def __init__(self, made_for: NDArray[np.int64]) -> None:
        """Make empty references; a reference learned for another value of int64[n_bindings] `made_for` is useless."""
        n = len(made_for)
        self._outer, self._sum = np.zeros((n, SENSORS, SENSORS), np.complex128), np.zeros(n)
        self._n = np.zeros(n, np.int64)
        self._made_for, self._learned_for = made_for, made_for.copy()

    def n_learned(self, b: int) -> int:
        """Return the number of learned identifications."""
        return int(self._n[b])

    def learn(self, b: int, hz: float, shape: NDArray[np.complex128]) -> None:
        """Add an identification; shapes have length 1, and any phase."""
        m = len(shape)
        self._outer[b, :m, :m] += np.outer(shape, shape.conj())
        self._sum[b] += hz
        self._n[b] += 1

    def hz(self, b: int) -> float:
        """Return the mean frequency."""
        return float(self._sum[b] / self._n[b])

    def shape(self, b: int, m: int) -> tuple[NDArray[np.complex128], float]:
        """Return (complex128[m], mean MAC): the shape most like all learned shapes, and its likeness."""
        values, vectors = np.linalg.eigh(self._outer[b, :m, :m])
        return vectors[:, -1], float(values[-1] / self._n[b])

    def forget(self, b: int) -> None:
        """Forget the reference of binding `b`."""
        self._outer[b], self._sum[b], self._n[b] = 0, 0, 0

    def rebuild(self) -> None:
        """Forget references of other sensors or another mode."""
        for b in np.flatnonzero(self._learned_for != self._made_for).tolist():
            self.forget(b)
        self._learned_for[:] = self._made_for

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "learned_shapes": self._outer,
            "learned_sum": self._sum,
            "learned": self._n,
            "learned_for": self._learned_for,
        }
