"""Geometry of one sensor's chart: a line, limit lines and ticks in the coordinates of an SVG of fixed size.

Input: a `Series` and limits.
Output: numbers for the template.
Not responsible for: HTML, colours and words.
Rejects: nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from collector.batch import INFORMATION
from collector.history import Series
from config.levels import WarningLevel

WIDTH, HEIGHT = 720, 240
_LEFT = 56
_RIGHT = 12
_TOP = 12
_BOTTOM = 26


@dataclass(frozen=True, slots=True)
class ChartLimit:
    """A limit of a rule at this sensor."""

    level: WarningLevel
    value: float
    """Canonical unit of the sensor's quantity."""
    side: str
    """`high` or `low`."""


@dataclass(frozen=True, slots=True)
class ChartTick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit and its height."""

    limit: ChartLimit
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template draws."""

    lines: tuple[str, ...]
    """SVG polyline points, one for each stretch without a gap."""
    doubtful: tuple[tuple[float, float], ...]
    """Points of readings with a doubtful quality."""
    limits: tuple[LimitLine, ...]
    x_ticks: tuple[ChartTick, ...]
    y_ticks: tuple[ChartTick, ...]
    last: float | None
    """Latest value, canonical unit."""
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class ChartWindow:
    """The time that the chart covers and the gap that breaks its line."""

    start_ns: int
    end_ns: int
    gap_ns: int


def draw_chart(series: Series, limits: Sequence[ChartLimit], window: ChartWindow) -> Chart:
    """Return the chart of `series` over `window`; limits are always inside the vertical range."""
    ticks = _choose_ticks([*series.value.tolist(), *(limit.value for limit in limits)])
    low, high = ticks[0], ticks[-1]

    def x(time_ns: int) -> float:
        share = (time_ns - window.start_ns) / (window.end_ns - window.start_ns)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(_TOP + (high - value) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)

    points = [(x(int(t)), y(float(v))) for t, v in zip(series.time_ns, series.value, strict=True)]
    doubts = series.quality & ~INFORMATION
    doubtful = tuple(point for point, doubt in zip(points, doubts, strict=True) if doubt)
    return Chart(
        _split_at_gaps(points, series, window.gap_ns),
        doubtful,
        tuple(LimitLine(limit, y(limit.value)) for limit in limits),
        tuple(ChartTick(x(t), label) for t, label in _choose_minute_ticks(window)),
        tuple(ChartTick(y(v), f"{v:g}") for v in ticks),
        float(series.value[-1]) if len(series.value) else None,
    )


def _choose_ticks(values: Sequence[float]) -> list[float]:
    """Return 2 to 7 round numbers, the first not above and the last not below any of `values`."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    spread = high - low or max(abs(high) * 0.2, 1e-3)
    unit = 10.0 ** math.floor(math.log10(spread / 4))
    step = next(unit * each for each in (1, 2, 5, 10) if unit * each * 4 >= spread)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        first, last = first - 1, last + 1
    return [round(number * step, 12) for number in range(first, last + 1)]


def _split_at_gaps(points: Sequence[tuple[float, float]], series: Series, gap_ns: int) -> tuple[str, ...]:
    breaks = (np.flatnonzero(np.diff(series.time_ns) > gap_ns) + 1).tolist()
    edges = [0, *breaks, len(points)]
    return tuple(" ".join(f"{x},{y}" for x, y in points[start:end]) for start, end in pairwise(edges) if end > start)


def _choose_minute_ticks(window: ChartWindow) -> list[tuple[int, str]]:
    span = window.end_ns - window.start_ns
    return [(window.start_ns + span * i // 3, f"-{span * (3 - i) // 3 // 60_000_000_000} min") for i in range(3)]
