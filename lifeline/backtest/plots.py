"""Geometry of the report's plots, in the coordinates of an SVG of fixed size.

Input: a `BacktestResult`.
Output: rectangles and ticks for the template.
Not responsible for: HTML and words.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from config.city_time import CityTime
from lifeline.backtest.alarm_load import AlarmLoad
from lifeline.backtest.difference import DifferenceKind, HistoryDifference
from lifeline.backtest.report_tables import LEVELS
from lifeline.backtest.run import BacktestResult

WIDTH, HEIGHT = 960, 220
_LEFT = 48
_RIGHT = 8
_TOP = 10
_BOTTOM = 24
_MOST_TICKS = 8
_GREY, _HERE, _THERE = "#8a8f98", "#7b3fb5", "#0d8a8a"


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    hint: str


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything the template draws."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[AxisTick, ...]
    y_ticks: tuple[AxisTick, ...]
    width: int = WIDTH
    height: int = HEIGHT


def plot_days(result: BacktestResult) -> Plot:
    """Return alarms a day by highest level; each day has a bar for the tried and one for the running rules."""
    days = _list_days(result)
    most = max((sum(found.values()) for side in _list_loads(result) for found in side.by_day.values()), default=0)
    axis = _Axis(len(days), 0, max(most, 1))
    bars = []
    for place, day in enumerate(days):
        for half, load in enumerate(_list_loads(result)):
            below = 0
            for level in reversed(LEVELS):
                n = load.by_day.get(day, {}).get(level, 0)
                if n:
                    bars.append(axis.bar((place, half), (below, below + n), level.hex, f"{day} {level.key} {n}"))
                    below += n
    return Plot(tuple(bars), axis.x_ticks(days), axis.y_ticks())


def plot_differences(result: BacktestResult) -> Plot:
    """Return differences a day: alarms of the tried rules alone above the axis, of the running rules alone below."""
    days = _list_days(result)
    counts = _count_by_day(result.difference, result.city)
    high = max((found[DifferenceKind.ONLY_TRIED] + _count_changed(found) for found in counts.values()), default=0)
    low = max((found[DifferenceKind.ONLY_RUNNING] for found in counts.values()), default=0)
    axis = _Axis(len(days), -low, max(high, 1))
    bars = []
    for place, day in enumerate(days):
        found = counts.get(day, Counter())
        here, there, changed = (
            found[DifferenceKind.ONLY_TRIED],
            found[DifferenceKind.ONLY_RUNNING],
            _count_changed(found),
        )
        spans = (((0, here), _HERE), ((here, here + changed), _GREY), ((-there, 0), _THERE))
        bars += [
            axis.bar((place, None), span, colour, f"{day} {span[1] - span[0]}")
            for span, colour in spans
            if span[1] > span[0]
        ]
    return Plot(tuple(bars), axis.x_ticks(days), axis.y_ticks())


@dataclass(frozen=True, slots=True)
class _Axis:
    """From days and counts to coordinates."""

    days: int
    low: int
    high: int

    def bar(self, place: tuple[int, int | None], span: tuple[int, int], colour: str, hint: str) -> Bar:
        """Return the bar of a day (and of its first or second half) from one count to another."""
        step = (WIDTH - _LEFT - _RIGHT) / max(self.days, 1)
        day, half = place
        share = 0.8 if half is None else 0.4
        x = _LEFT + step * (day + 0.1 + (half or 0) * 0.4)
        top, bottom = self._y(span[1]), self._y(span[0])
        return Bar(round(x, 1), top, round(max(step * share, 0.5), 1), round(bottom - top, 1), colour, hint)

    def x_ticks(self, days: Sequence[str]) -> tuple[AxisTick, ...]:
        """Return labels of some days."""
        step = (WIDTH - _LEFT - _RIGHT) / max(self.days, 1)
        every = -(-len(days) // _MOST_TICKS) or 1
        return tuple(AxisTick(round(_LEFT + step * (i + 0.5), 1), days[i]) for i in range(0, len(days), every))

    def y_ticks(self) -> tuple[AxisTick, ...]:
        """Return the labels of the lowest count, none, and the highest."""
        return tuple(AxisTick(self._y(n), f"{abs(n)}") for n in sorted({self.low, 0, self.high}))

    def _y(self, count: int) -> float:
        share = (self.high - count) / (self.high - self.low)
        return round(_TOP + share * (HEIGHT - _TOP - _BOTTOM), 1)


def _list_loads(result: BacktestResult) -> tuple[AlarmLoad, AlarmLoad]:
    return result.tried.load, result.running.load


def _count_changed(found: Mapping[DifferenceKind, int]) -> int:
    return found[DifferenceKind.OTHER_LEVELS] + found[DifferenceKind.OTHER_TIMES]


def _count_by_day(found: HistoryDifference, city: CityTime) -> dict[str, Counter[DifferenceKind]]:
    counts: dict[str, Counter[DifferenceKind]] = {}
    for change in found.changes:
        counts.setdefault(city.at(change.episode.start_ns).date().isoformat(), Counter())[change.kind] += 1
    return counts


def _list_days(result: BacktestResult) -> list[str]:
    """Return every local date of the span, and of alarms outside it."""
    named = {day for load in _list_loads(result) for day in load.by_day} | set(
        _count_by_day(result.difference, result.city)
    )
    first, last = result.city.at(result.start_ns).date(), result.city.at(result.end_ns).date()
    if named:
        first, last = min(first, date.fromisoformat(min(named))), max(last, date.fromisoformat(max(named)))
    return [(first + timedelta(days=i)).isoformat() for i in range((last - first).days + 1)]
