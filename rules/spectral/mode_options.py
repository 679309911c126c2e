"""Options of rules on the vibration of a structure: windows and segments, the search for a mode, its changes.

Input: options as they are written; a quantity.
Output: the quantity of a change of a frequency, and faults that hide the mode from a rule.
Not responsible for: how a mode is found.
Rejects: segments that do not fit a window, modes that cannot be found, and levels that one window would raise.
"""

import dataclasses
import typing
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field

from config.quantities import Quantity
from config.register import Sensor
from rules.evaluation.windows import MOST_SEGMENT_SAMPLES
from rules.kind import Fault
from rules.level_options import LimitOptions
from rules.rule import Side
from rules.statistics.rates import Direction

_MOST_PERCENT = 100.0
_FEWEST = 3
"""Consecutive identifications before a level: a peak is easily mistaken for another. Assumed."""
_SHORTEST_SEGMENT = 16
_WORDS = {
    Direction.FALL: ("{zh}自振频率下降", "fall of the natural frequency by {en}"),
    Direction.RISE: ("{zh}自振频率上升", "rise of the natural frequency by {en}"),
    Direction.EITHER: ("{zh}自振频率变化", "change of the natural frequency by {en}"),
}


class ModeOptions(LimitOptions):
    """Keys of rules that judge windows of samples; limits of a mode are percent."""

    side: typing.Literal[Side.HIGH] = Side.HIGH
    """More is worse: there is nothing to choose."""
    span_s: float = Field(default=600.0, ge=5, le=3600)
    """Length of a window, seconds, 5 to 3,600; 600 by default."""
    segment_s: float = Field(default=20.0, gt=0, le=600)
    """Length of a segment, seconds; 20 by default, at most 4,096 samples. Spectra of segments are averaged."""
    search_percent: float = Field(default=15.0, gt=0, le=30)
    """How far from the expected frequency the mode may be, percent; 15 by default."""
    prominence: float = Field(default=5.0, ge=1, le=1e6)
    """How many times the median of the band around it the peak must be; 5 by default."""
    reference_hz: float | None = Field(default=None, gt=0, le=1000)
    """The frequency that changes are measured from, Hz. Without it, it is learned."""
    learn_windows: int = Field(default=144, ge=1, le=100_000)
    """It is the mean of the first so many identifications; 144 by default, a day of windows of ten minutes."""
    direction: Direction = Direction.FALL
    """Which change is dangerous: `fall` (default), `rise` or `either`."""

    def frequency_change(self, quantity: Quantity, name: str) -> Quantity:
        """Return the quantity of a change of a frequency of `quantity`, percent."""
        zh, en = _WORDS[self.direction]
        return dataclasses.replace(
            quantity,
            name=f"{quantity.name}_{name}",
            zh=zh.format(zh=quantity.zh),
            en=en.format(en=quantity.en),
            unit="%",
            low=0.0,
            high=_MOST_PERCENT,
            max_rate=np.inf,
            decimals=1,
            accepts={},
        )

    def window_s(self, sensor: Sensor) -> float:
        """Return the longest time before a danger changes the value, seconds: a window."""
        del sensor
        return self.span_s

    def cadence_s(self, sensor: Sensor) -> float:
        """Return the time between two values, seconds: a window."""
        del sensor
        return self.span_s

    def faults(self, quantity: Quantity | None, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield segments that do not fit into a window or have too few or too many samples."""
        yield from super().faults(quantity, sensors)
        if self.segment_s * 2 > self.span_s:
            got = f"{self.segment_s:g} of {self.span_s:g}"
            yield Fault(("segment_s",), "at most half of span_s", got, "an average needs several segments")
        unfit = [s.id for s in sensors if not _SHORTEST_SEGMENT <= self.segment_s / s.cadence_s <= MOST_SEGMENT_SAMPLES]
        if unfit:
            expected = f"{_SHORTEST_SEGMENT} to {MOST_SEGMENT_SAMPLES} samples by the sensor's cadence"
            remedy = "choose another length, or correct cadence_s in sensors.csv"
            yield Fault(("segment_s",), expected, f"other numbers for {', '.join(unfit[:3])}", remedy)

    def unseen(self, expected_hz: float, sensors: Sequence[Sensor]) -> Iterator[Fault]:
        """Yield reasons why a mode at `expected_hz` cannot be found, and levels that one window would raise."""
        share = self.search_percent / 100
        lines = expected_hz * share * self.segment_s
        if lines < 2:
            remedy = "lengthen segment_s: the lines of the spectrum are 1 / segment_s apart"
            yield Fault(("search_percent",), "at least two lines of the spectrum on each side", f"{lines:.1f}", remedy)
        slow = [s.id for s in sensors if expected_hz * (1 + share) * 2.5 * s.cadence_s > 1]
        if slow:
            remedy = "sample faster, or choose a lower mode"
            yield Fault(("expected_hz",), "two and a half samples a swing", f"fewer by {', '.join(slow[:3])}", remedy)
        for i, each in enumerate(self.levels):
            if each.on_samples < _FEWEST:
                remedy = "a single window may show another mode"
                yield Fault(("levels", i, "on_samples"), f"at least {_FEWEST}", str(each.on_samples), remedy)
